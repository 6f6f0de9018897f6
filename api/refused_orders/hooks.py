"""Refused orders in the menu “Programme”."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from api.refused_orders import views
from loyalty.programme.menu import ManagersItem


@hooks.register("register_programme_menu_item")
def refused_orders_item():
    return ManagersItem(
        _("Refused orders"),
        reverse_lazy("programme_refused_orders"),
        name="refused-orders",
        icon_name="warning",
        order=75,
    )


@hooks.register("register_admin_urls")
def urls():
    return [
        path("programme/refused-orders/", views.listing, name="programme_refused_orders"),
        path("programme/refused-orders/<int:pk>/let-go/", views.let_go, name="programme_refused_order_let_go"),
    ]
