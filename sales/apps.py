from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "sales"
    append_only = ("Purchase", "PurchaseLine")
    kept = ("Product", "Source", "Store")

    def ready(self):
        from sales import receivers  # noqa: F401 - they register themselves, once the tables are known
