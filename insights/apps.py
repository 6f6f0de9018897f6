from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "insights"

    def ready(self):
        from insights import receivers  # noqa: F401 - hears the news once models are loaded
