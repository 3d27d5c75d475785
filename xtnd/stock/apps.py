from django.apps import AppConfig


class StockConfig(AppConfig):
    name = "xtnd.stock"
