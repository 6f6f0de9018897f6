from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    append_only = ("Edition",)
