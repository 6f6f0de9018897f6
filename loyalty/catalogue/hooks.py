"""What the catalogue adds to the menu “Programme”."""

from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from loyalty.catalogue import views
from loyalty.programme.menu import ManagersItem, ProgrammeItem


@hooks.register("register_programme_menu_item")
def rewards_item():
    return ProgrammeItem(_("Rewards"), reverse_lazy("programme_rewards"), name="rewards", icon_name="pick", order=40)


@hooks.register("register_programme_menu_item")
def pools_item():
    return ProgrammeItem(_("Voucher codes"), reverse_lazy("programme_pools"), name="pools", icon_name="key", order=45)


@hooks.register("register_programme_menu_item")
def policy_item():
    return ManagersItem(
        _("Spending and returns"), reverse_lazy("programme_policy"), name="policy", icon_name="cog", order=50
    )


@hooks.register("register_admin_urls")
def urls():
    return [
        path("programme/rewards/", views.rewards, name="programme_rewards"),
        path("programme/rewards/new/", views.reward, name="programme_new_reward"),
        path("programme/rewards/<int:pk>/", views.reward, name="programme_reward"),
        path("programme/vouchers/", views.pools, name="programme_pools"),
        path("programme/vouchers/new/", views.new_pool, name="programme_new_pool"),
        path("programme/spending/", views.policy, name="programme_policy"),
    ]
