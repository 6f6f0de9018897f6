from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MembersConfig(AppConfig):
    name = "members"
    append_only = ["Consent", "Access", "StageChange"]
    kept = ["Member"]  # receipts and the ledger point at them for ever: erasure empties the row and keeps it

    def ready(self):
        from members import roles

        post_migrate.connect(roles.grant_permissions, dispatch_uid="members.roles.grant_permissions")
