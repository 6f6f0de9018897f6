from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CareConfig(AppConfig):
    name = "care"
    verbose_name = _("Customer service")
    append_only = ("StageChange",)

    def ready(self):
        from care import receivers  # noqa: F401 (hearing is an effect of importing)
