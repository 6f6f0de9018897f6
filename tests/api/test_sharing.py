"""Machines give points, draw from households, and act as partners."""

from datetime import date

import pytest

from api import tokens
from api.operations import create_client
from loyalty import operations
from loyalty.models import Wallet
from members.operations import enrol
from tests.api.test_endpoints import AT, Till, card_of, member, till  # noqa: F401 (fixtures)


@pytest.fixture
def friend(till):  # noqa: F811 (a fixture)
    return enrol(at=AT, source="test", email="bo@example.com", external_id="m2")


def points_of(who):
    wallet = Wallet.objects.filter(member=who).first()
    return wallet.available if wallet else 0


def test_a_gift_is_given_once_and_another_body_conflicts(till, member, friend):  # noqa: F811
    operations.adjust(member_id=member.pk, points=100, reason="x", source="t", client_key="t", by_user_id=None, at=AT)
    said = {"key": "g1", "giver": {"card": card_of(member)}, "taker": {"external_id": "m2"}, "points": 60}
    assert [till.post("gifts", said).status_code for _ in range(2)] == [201, 200]
    assert till.post("gifts", said | {"points": 61}).status_code == 409
    refused = till.post("gifts", said | {"key": "g2", "points": 60})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "points")
    assert (points_of(member), points_of(friend)) == (40, 60)


def test_a_household_is_read_and_drawn_from(till, member, friend):  # noqa: F811
    assert till.get(f"members/{member.public_id}/household").status_code == 404
    household = operations.found_household(name="Elm", head_id=member.pk, percent=100, at=AT)
    till.post(
        "purchases",
        {"receipt": "r1", "store": "1", "purchased_at": "2026-03-01T15:00:00Z", "currency": "USD", "member": {"external_id": "m1"},
         "lines": [{"product": "milk", "total_minor": 5_000}]},
    )  # fmt: skip
    seen = till.get(f"members/{member.public_id}/household").json()
    assert (seen["id"], seen["available"], seen["shares"][0]["percent"]) == (str(household.public_id), 50, 100)
    drawn = till.post(f"members/{member.public_id}/household/draws", {"key": "d1", "points": 20})
    assert (drawn.status_code, drawn.json()["available"]) == (201, 20)
    assert till.post(f"members/{member.public_id}/household/draws", {"key": "d2", "points": 31}).status_code == 422


def test_only_a_partners_token_gives_and_accepts_as_that_partner(till, member):  # noqa: F811
    said = {"key": "p1", "member": {"external_id": "m1"}, "points": 30}
    assert till.post("partner/points", said).status_code == 403
    terms = operations.Terms(date(2026, 1, 1), "USD", 1000, 800)
    operations.add_partner(code="bakery", name="Bakery", terms=terms)
    tokens.forget()
    bakery = Till(create_client(name="Bakery", source="partner:bakery", scopes=["points:partner"])[1])
    assert [bakery.post("partner/points", said).status_code for _ in range(2)] == [201, 200]
    spent = bakery.post("partner/redemptions", said | {"key": "p2", "points": 10})
    assert (spent.status_code, spent.json()["available"]) == (201, 20)
    assert bakery.post("gifts", {"key": "g", "giver": {}, "taker": {}, "points": 1}).status_code == 403
