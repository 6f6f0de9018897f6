"""What early warning adds to the Wagtail admin: its menu entry and addresses."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from cms.retaining import bands, views
from members.access import has_role


class ReadersItem(MenuItem):
    def is_shown(self, request):
        return has_role(request.user, *views.READERS)


@hooks.register("register_admin_menu_item")
def retention_item():
    return ReadersItem(
        _("Early warning"), reverse_lazy("cms_retention"), name="retention", icon_name="warning", order=108
    )


@hooks.register("register_admin_urls")
def retaining_urls():
    return [
        path("retention/", views.risk_list, name="cms_retention"),
        path("retention/rules/", views.rules, name="cms_retention_rules"),
        path("retention/bands/", bands.bands, name="cms_bands"),
        path("retention/bands/give/", bands.give, name="cms_bands_give"),
        path("retention/interventions/", views.intervention_list, name="cms_interventions"),
        path("retention/interventions/new/", views.intervention_edit, name="cms_intervention_new"),
        path("retention/interventions/<int:pk>/", views.intervention_edit, name="cms_intervention"),
        path("retention/<int:pk>/<slug:act>/", views.decide, name="cms_warning_decide"),
    ]
