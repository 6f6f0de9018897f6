"""Tiers, partners and memberships in the menu “Programme”."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.programme.menu import ProgrammeItem
from loyalty.standing_pages import views


@hooks.register("register_programme_menu_item")
def tiers_item():
    return ProgrammeItem(_("Tiers"), reverse_lazy("programme_tiers"), name="tiers", icon_name="order", order=30)


@hooks.register("register_programme_menu_item")
def partners_item():
    return ProgrammeItem(
        _("Partners"), reverse_lazy("programme_partners"), name="partners", icon_name="group", order=60
    )


@hooks.register("register_programme_menu_item")
def memberships_item():
    return ProgrammeItem(
        _("Paid memberships"), reverse_lazy("programme_memberships"), name="memberships", icon_name="key", order=65
    )


@hooks.register("register_admin_urls")
def urls():
    return [
        path("programme/tiers/", views.tiers, name="programme_tiers"),
        path("programme/tiers/policy/", views.policy, name="programme_tier_policy"),
        path("programme/tiers/new/", views.tier, {"code": ""}, name="programme_tier_new"),
        path("programme/tiers/<slug:code>/", views.tier, name="programme_tier"),
        path("programme/partners/", views.partners, name="programme_partners"),
        path("programme/partners/settlement.csv", views.settlement_csv, name="programme_settlement_csv"),
        path("programme/memberships/", views.memberships, name="programme_memberships"),
    ]
