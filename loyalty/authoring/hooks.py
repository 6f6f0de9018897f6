"""What authoring adds to the menu “Programme”: rules and what-ifs."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.authoring import views, whatif_views
from loyalty.programme.menu import ProgrammeItem


@hooks.register("register_programme_menu_item")
def rules_item():
    return ProgrammeItem(_("Rules"), reverse_lazy("programme_rules"), name="rules", icon_name="list-ul", order=20)


@hooks.register("register_programme_menu_item")
def what_if_item():
    return ProgrammeItem(
        _("What-if"), reverse_lazy("programme_what_ifs"), name="what-if", icon_name="history", order=25
    )


@hooks.register("register_admin_urls")
def urls():
    draft = "programme/rules/drafts/<int:pk>/"
    return [
        path("programme/rules/", views.rule_sets, name="programme_rules"),
        path("programme/rules/policy/", views.policy, name="programme_rule_policy"),
        path("programme/rules/new/", views.new_draft, name="programme_draft_new"),
        path("programme/rules/search/<slug:what>/", views.search, name="programme_rules_search"),
        path("programme/rules/difference/", views.difference, name="programme_rules_difference"),
        path("programme/rules/versions/<int:version>/", views.version, name="programme_version"),
        path("programme/rules/versions/<int:version>/call-off/", views.call_off, name="programme_version_call_off"),
        path(draft, views.draft, name="programme_draft"),
        path(f"{draft}basics/", views.edit_basics, name="programme_draft_basics"),
        path(f"{draft}add/<slug:kind>/", views.add_rule, name="programme_draft_add"),
        path(f"{draft}<slug:section>/<str:code>/edit/", views.edit_rule, name="programme_draft_rule"),
        path(f"{draft}act/<slug:act>/", views.act, name="programme_draft_act"),
        path("programme/what-if/", whatif_views.what_ifs, name="programme_what_ifs"),
        path("programme/what-if/new/", whatif_views.ask, name="programme_what_if_new"),
        path("programme/what-if/<int:pk>/", whatif_views.what_if, name="programme_what_if"),
        path("programme/what-if/<int:pk>/progress/", whatif_views.progress, name="programme_what_if_progress"),
    ]
