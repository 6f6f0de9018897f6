"""Product tags in the menu “Programme”."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.programme.menu import ProgrammeItem
from loyalty.tagging import views


@hooks.register("register_programme_menu_item")
def tags_item():
    return ProgrammeItem(_("Product tags"), reverse_lazy("programme_tags"), name="tags", icon_name="tag", order=28)


@hooks.register("register_admin_urls")
def urls():
    return [path("programme/tags/", views.tags, name="programme_tags")]
