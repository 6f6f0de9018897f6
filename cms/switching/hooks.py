"""What switching adds to the Wagtail admin: a page among the settings."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from cms.switching import views
from members.access import Role, has_role


class ManagersItem(MenuItem):
    def is_shown(self, request):
        return has_role(request.user, Role.STORE_MANAGER)


@hooks.register("register_settings_menu_item")
def modules_item():
    return ManagersItem(_("Modules"), reverse_lazy("cms_modules"), name="modules", icon_name="sliders", order=50)


@hooks.register("register_admin_urls")
def switching_urls():
    return [path("modules/", views.module_list, name="cms_modules")]
