from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "xtnd.web"
