from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"
    append_only = ("MessageEvent",)

    def ready(self):
        from delivery import receipts, receivers  # noqa: F401 (hearing is an effect of importing)
