"""What campaigning adds to the Wagtail admin: its menu entries and addresses."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from cms.campaigning import advice, campaigns, drafts, planning
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
        path("campaigns/", campaigns.campaign_list, name="cms_campaigns"),
        path("campaigns/new/", campaigns.campaign_edit, name="cms_campaign_new"),
        path("campaigns/new/draft/", drafts.campaign_draft, name="cms_campaign_new_draft"),
        path("campaigns/<int:pk>/draft/", drafts.campaign_draft, name="cms_campaign_draft"),
        path("campaigns/calendar/", planning.calendar_page, name="cms_campaign_calendar"),
        path("campaigns/flows/", planning.flow_list, name="cms_campaign_flows"),
        path("campaigns/flows/<slug:code>/", planning.flow_start, name="cms_campaign_flow"),
        path("campaigns/recommended/", advice.recommended, name="cms_campaign_advice"),
        path("campaigns/recommended/<slug:code>/", advice.accept, name="cms_campaign_advice_accept"),
        path("campaigns/rules/", planning.rules, name="cms_campaign_rules"),
        path("campaigns/<int:pk>/", campaigns.campaign, name="cms_campaign"),
        path("campaigns/<int:pk>/edit/", campaigns.campaign_edit, name="cms_campaign_edit"),
        path("campaigns/<int:pk>/go-live/", campaigns.campaign_go_live, name="cms_campaign_go_live"),
        path("campaigns/<int:pk>/lately/", campaigns.campaign_lately, name="cms_campaign_lately"),
        path("campaigns/<int:pk>/people/<str:fate>/", campaigns.campaign_people, name="cms_campaign_people"),
        path("campaigns/<int:pk>/<slug:act>/", campaigns.campaign_act, name="cms_campaign_act"),
    ]
