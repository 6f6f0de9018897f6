"""What watching adds to the menu “Programme”."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.programme.menu import ManagersItem
from loyalty.watching import views


@hooks.register("register_programme_menu_item")
def reviews_item():
    return ManagersItem(_("Reviews"), reverse_lazy("programme_reviews"), name="reviews", icon_name="warning", order=70)


@hooks.register("register_programme_menu_item")
def value_item():
    return ManagersItem(
        _("Value of a point"), reverse_lazy("programme_value"), name="point-value", icon_name="tag", order=80
    )


@hooks.register("register_admin_urls")
def urls():
    return [
        path("programme/reviews/", views.reviews, name="programme_reviews"),
        path("programme/reviews/<int:pk>/decide/", views.decide, name="programme_review_decide"),
        path("programme/wallets/<int:pk>/allow/", views.allow, name="programme_wallet_allow"),
        path("programme/value/", views.value, name="programme_value"),
    ]
