"""What the programme adds to the Wagtail admin: the menu, and the overview as its first page."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.programme import views
from loyalty.programme.menu import ProgrammeItem, ProgrammeMenu, programme_menu


@hooks.register("register_admin_menu_item")
def menu():
    return ProgrammeMenu(_("Programme"), programme_menu, name="programme", icon_name="sliders", order=130)


@hooks.register("register_programme_menu_item")
def overview_item():
    return ProgrammeItem(_("Overview"), reverse_lazy("programme_overview"), name="overview", icon_name="view", order=10)


@hooks.register("register_admin_urls")
def urls():
    return [path("programme/", views.overview, name="programme_overview")]
