from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    append_only = ("LiftReport", "AnalysisPlan", "Baseline", "ProgrammeLift", "JourneyVersion", "JourneyContent")

    def ready(self):
        from campaigns import enclosing, receivers  # noqa: F401 - they register themselves, once the tables are known
        from campaigns.journeys import receivers as journeys  # noqa: F401
        from campaigns.memberships import receivers as memberships  # noqa: F401
