from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    append_only = ("Edition",)

    def ready(self):
        from delivery import contents  # once all apps are there
        from reports.digests.writing import DigestContent
        from reports.letters import LetterContent

        contents.register("reports.DigestIssue", DigestContent())
        contents.register("reports.ReportLetter", LetterContent())
