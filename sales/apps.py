from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "sales"
    append_only = ("Purchase", "PurchaseLine")
    kept = ("Product", "Source", "Store")
