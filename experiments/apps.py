from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"
    append_only = ("Assignment",)
