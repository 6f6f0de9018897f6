"""The managers' pages about people: the ladder, the partners and what they owe, the memberships."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty import operations
from loyalty.models import MembershipPlan, Partner, Tier, TierPolicy
from members.operations import add_staff
from tests.signing_in import at_door


def staff(role):
    return at_door(Client(), add_staff(email=f"{role}@example.com", roles=[role]), "cms")


def test_a_manager_changes_a_tier_and_a_marketer_only_looks(shop):
    manager, address = staff("store_manager"), reverse("programme_tier", args=["gold"])
    form = {
        "code": "gold", "name_en": "Gold", "name_zh": "金卡", "rank": 2, "how": "earned", "points_from": 0, "spend_minor_from": 0,
        "visits_from": 25, "counted_over": "calendar", "window_months": 12, "grace_months": 12,
        "benefits": "Free delivery | 免运费\nOwn queue",
    }  # fmt: skip
    assert manager.post(address, form).url == reverse("programme_tiers")
    gold = Tier.objects.get(code="gold")
    assert (gold.visits_from, gold.counted_over) == (25, "calendar")
    assert [(one.words_en, one.words_zh) for one in gold.benefits.all()] == [
        ("Free delivery", "免运费"),
        ("Own queue", ""),
    ]
    refused = manager.post(address, form | {"visits_from": 0})
    assert "asks for nothing" in refused.content.decode()
    assert Tier.objects.get(code="gold").visits_from == 25
    manager.post(reverse("programme_tier_policy"), {"currency": "EUR", "falls_one_step": "on"})
    assert TierPolicy.objects.values_list("currency", "falls_one_step").get() == ("EUR", True)
    marketer = staff("marketer")
    assert "Own queue" in marketer.get(reverse("programme_tiers")).content.decode()
    assert marketer.post(address, form).status_code in {302, 403}


def test_a_partner_is_added_and_its_month_settled_as_a_page_and_a_file(shop):
    manager, address = staff("store_manager"), reverse("programme_partners")
    terms = {"valid_from": "2026-01-01", "currency": "USD", "issue_minor_per_1000": 1000, "accept_minor_per_1000": 800}
    assert manager.post(address, {"code": "bakery", "name": "Bakery"} | terms).status_code == 302
    at = timezone.now()
    operations.issue_points(
        partner=Partner.objects.get(), member_id=shop.member().pk, points=250, client_key="i", at=at
    )
    month = {"month": f"{at:%Y-%m}"}
    assert [line.points for line in manager.get(address, month).context["lines"]] == [250]
    assert (
        b"bakery,Bakery,issued,2026-01-01,USD,1,250,250"
        in manager.get(reverse("programme_settlement_csv"), month).content
    )
    again = manager.post(address, {"code": "bakery", "name": "Bakery"} | terms)
    assert "Choose a later day" in again.content.decode()
    assert staff("marketer").post(address, {"code": "x", "name": "X"} | terms).status_code in {302, 403}
    assert Partner.objects.count() == 1


def test_a_price_is_put_up_for_a_paid_tier(shop):
    operations.change_tier(code="plus", name_en="Plus", how="paid", rank=8)
    manager, address = staff("store_manager"), reverse("programme_memberships")
    assert "nobody can join" in manager.get(address).content.decode()
    price = {
        "tier": Tier.objects.get(code="plus").pk,
        "price_id": "price_1",
        "amount_minor": 499,
        "currency": "USD",
        "interval": "month",
    }
    for amount in (499, 599):
        manager.post(address, price | {"amount_minor": amount})
    assert MembershipPlan.objects.values_list("price_id", "amount_minor").get() == ("price_1", 599)


@pytest.mark.parametrize("name", ["programme_tiers", "programme_partners", "programme_memberships"])
def test_the_pages_stand_in_the_menu(db, name):
    assert reverse(name) in staff("store_manager").get("/cms/").content.decode()
