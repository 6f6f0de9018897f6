"""What campaigning adds to the Wagtail admin: its menu entries and addresses."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from cms.campaigning import views
from members.access import Role, has_role


class MarketersItem(MenuItem):
    def is_shown(self, request):
        return has_role(request.user, Role.MARKETER, Role.APPROVER)


@hooks.register("register_admin_menu_item")
def campaigns_item():
    return MarketersItem(_("Campaigns"), reverse_lazy("cms_campaigns"), name="campaigns", icon_name="rotate", order=100)


@hooks.register("register_admin_urls")
def campaigning_urls():
    return [
        path("campaigns/", views.campaign_list, name="cms_campaigns"),
        path("campaigns/new/", views.campaign_edit, name="cms_campaign_new"),
        path("campaigns/<int:pk>/", views.campaign, name="cms_campaign"),
        path("campaigns/<int:pk>/edit/", views.campaign_edit, name="cms_campaign_edit"),
        path("campaigns/<int:pk>/people/<str:fate>/", views.campaign_people, name="cms_campaign_people"),
        path("campaigns/<int:pk>/<slug:act>/", views.campaign_act, name="cms_campaign_act"),
    ]
