"""The menu “Programme” of the admin: who sees it, and its overview."""

import pytest
from django.test import Client
from django.urls import reverse

from members.operations import add_staff
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


def staff(role):
    return at_door(Client(), add_staff(email=f"{role}@example.com", roles=[role]), "cms")


@pytest.mark.parametrize("role", ["store_manager", "administrator", "marketer", "approver"])
def test_managers_and_marketers_find_the_programme_in_the_menu(role):
    home = staff(role).get("/cms/")
    assert reverse("programme_overview") in home.content.decode()


def test_the_overview_adds_up_what_was_earned(shop):
    shop.buy(shop.member(), 2_460)
    page = staff("store_manager").get(reverse("programme_overview"))
    assert page.context["totals"].issued == 24
    assert [members for _tier, _percent, members in page.context["tiers"]] == [1, 0, 0]
    assert page.context["live"].version == 1
