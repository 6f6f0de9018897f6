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


@hooks.register("register_admin_menu_item")
def audiences_item():
    return MarketersItem(_("Audiences"), reverse_lazy("cms_audiences"), name="audiences", icon_name="group", order=110)


@hooks.register("register_admin_urls")
def campaigning_urls():
    return [
        path("audiences/", views.audience_list, name="cms_audiences"),
        path("audiences/new/", views.audience_edit, name="cms_audience_new"),
        path("audiences/count/", views.audience_count, name="cms_audience_count"),
        path("audiences/<int:pk>/", views.audience_members, name="cms_audience_members"),
        path("audiences/<int:pk>/edit/", views.audience_edit, name="cms_audience_edit"),
        path("audiences/<int:pk>/delete/", views.audience_delete, name="cms_audience_delete"),
        path("campaigns/", views.campaign_list, name="cms_campaigns"),
        path("campaigns/new/", views.campaign_edit, name="cms_campaign_new"),
        path("campaigns/<int:pk>/", views.campaign, name="cms_campaign"),
        path("campaigns/<int:pk>/edit/", views.campaign_edit, name="cms_campaign_edit"),
        path("campaigns/<int:pk>/people/<str:fate>/", views.campaign_people, name="cms_campaign_people"),
        path("campaigns/<int:pk>/<slug:act>/", views.campaign_act, name="cms_campaign_act"),
    ]
