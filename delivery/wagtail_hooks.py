"""Delivery's staff door: the messages in doubt, in the Wagtail admin."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem

from delivery.operating import doubts, limits, refusals
from members.access import has_role


class OperatorsItem(MenuItem):
    def is_shown(self, request):
        return has_role(request.user, *doubts.OPERATORS)


@hooks.register("register_admin_menu_item")
def doubts_item():
    return OperatorsItem(_("In doubt"), reverse_lazy("delivery_doubts"), name="doubts", icon_name="help", order=120)


@hooks.register("register_admin_menu_item")
def limits_item():
    return OperatorsItem(
        _("Ways out and limits"), reverse_lazy("delivery_transports"), name="transports", icon_name="mail", order=121
    )


@hooks.register("register_admin_menu_item")
def refusals_item():
    return OperatorsItem(
        _("Closed addresses"), reverse_lazy("delivery_refusals"), name="refusals", icon_name="cross", order=122
    )


@hooks.register("register_admin_urls")
def urls():
    return [
        path("doubts/", doubts.listing, name="delivery_doubts"),
        path("doubts/decide/", doubts.decide, name="delivery_doubts_decide"),
        path("refusals/", refusals.listing, name="delivery_refusals"),
        path("refusals/ask/", refusals.look_up, name="delivery_refusals_look_up"),
        path("refusals/decide/", refusals.decide, name="delivery_refusals_decide"),
        path("refusals/news/<int:pk>/", refusals.event, name="delivery_refusals_event"),
        path("transports/", limits.listing, name="delivery_transports"),
        path("transports/confirming/", limits.confirming, name="delivery_confirming"),
        path("transports/<int:pk>/", limits.transport, name="delivery_transport"),
        path("transports/limits/<slug:channel>/", limits.limit, name="delivery_limits"),
        path("doubts/policy/<slug:channel>/", doubts.policy, name="delivery_doubts_policy"),
    ]
