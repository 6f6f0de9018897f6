"""The member's goals: how far, what was won, and the code for friends."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from loyalty import collecting, operations
from members.clock import now
from members.operations import enrol
from portal.goals import Collected, Seal
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores


@pytest.fixture
def programme(db):
    ensure_stores([("S1", "Main Street")])
    ensure_products([("milk", "Milk", "Grocery > Dairy > Milk")])
    rules = [
        {"code": "coffee", "name": "Coffee card", "kind": "stamps", "every": 1000, "card_size": 5, "card_gives": {"points": 40}},
        {"code": "weeks", "name": "Faithful", "kind": "streak", "length": 4, "gives": {"points": 5}},
        {"code": "month", "name": "Big month", "kind": "challenge", "target": 3000, "badge": "Star", "badge_zh": "之星"},
        {"code": "friend", "name": "Friends", "kind": "referral", "gives": {"points": 30}, "gives_referrer": {"points": 50}},
    ]  # fmt: skip
    definition = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": rules}
    operations.publish_rule_set(definition=definition, live_from=now() - timedelta(days=400), name="Goals")


def buy(member, minor, at, key):
    operations.record_purchase(
        source="till", client_key=key, store_code="S1", purchased_at=at, currency="USD", lines=[Line("milk", Decimal(1), minor)],
        member_id=member.pk,
    )  # fmt: skip


def told(member, at):
    return {goal.code: (goal.done, goal.target, goal.times, goal.is_won) for goal in collecting.goals(member.pk, at=at)}


def test_goals_tell_how_far_the_member_is(programme):
    member = enrol(at=now(), source="test", email="ada@example.com")
    at = now().replace(day=15, hour=16)
    assert told(member, at) == {"coffee": (0, 5, 0, False), "weeks": (0, 4, 0, False), "month": (0, 3000, 0, False)}
    buy(member, 1000, at - timedelta(days=7), "a")
    buy(member, 1500, at, "b")
    assert told(member, at) == {"coffee": (2, 5, 0, False), "weeks": (2, 4, 0, False), "month": (2500, 3000, 0, False)}
    assert told(member, at + timedelta(days=15))["weeks"] == (0, 4, 0, False)
    buy(member, 2500, at, "c")
    assert told(member, at) == {"coffee": (0, 5, 1, False), "weeks": (2, 4, 0, False), "month": (3000, 3000, 1, True)}
    assert [badge.name for badge in collecting.badges(member.pk)] == ["Star"]


def test_the_page_of_goals_shows_them_and_makes_the_code_for_friends(market, hero, programme):
    member = market.hero
    buy(member, 3200, now(), "a")
    page = hero.get(reverse("portal:goals")).content.decode()
    assert "Coffee card" in page
    assert "3 / 5" in page
    assert "Star" in page
    assert "Get my code" in page
    hero.post(reverse("portal:referral_code"))
    page = hero.get(reverse("portal:goals")).content.decode()
    assert operations.referral_code(member_id=member.pk, at=now()) in page
    assert "Coffee card" in hero.get(reverse("portal:home")).content.decode()


def test_a_programme_without_goals_says_so(market, hero):
    member = market.hero
    assert "Nothing to collect right now" in hero.get(reverse("portal:goals")).content.decode()
    hero.post(reverse("portal:referral_code"))
    assert collecting.referred(member.pk, at=now()) is None


def test_a_badge_won_three_times_is_shown_once_with_how_often():
    won = [
        collecting.Badge(code="start", name="Regular", rule="First steps", won_on=date(2026, month, 3))
        for month in (4, 6, 5)
    ]
    star = collecting.Badge(code="month", name="Star", rule="Big month", won_on=date(2026, 4, 1))
    seals = Collected(goals=[], badges=[*won, star], referral=None).seals
    assert seals == [
        Seal("Regular", "First steps", date(2026, 6, 3), 3),
        Seal("Star", "Big month", date(2026, 4, 1), 1),
    ]
