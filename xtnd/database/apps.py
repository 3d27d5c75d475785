from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    name = "xtnd.database"
