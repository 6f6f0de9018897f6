from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"
    append_only = ("Assignment",)

    def ready(self):
        from experiments import receivers  # noqa: F401 - they register themselves, once the tables are known
