from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "xtnd.orders"
