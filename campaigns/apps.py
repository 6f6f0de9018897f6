from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    append_only = ("LiftReport",)
