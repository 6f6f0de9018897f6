"""Events, referrals and what members collect, over the wire."""

import uuid
from datetime import UTC, datetime

import pytest

from loyalty import operations, queries
from loyalty.models import MemberEvent, Referral
from members.operations import enrol
from tests.api.test_endpoints import AT, member, till  # noqa: F401 (fixtures)


@pytest.fixture(autouse=True)
def programme(db):
    rules = [
        {"code": "review", "name": "Reviews", "kind": "event", "event": "review", "gives": {"points": 20}, "times": 2},
        {"code": "card", "name": "Card", "kind": "stamps", "every": 500},
        {
            "code": "friend",
            "name": "Friends",
            "kind": "referral",
            "gives": {"points": 30},
            "gives_referrer": {"points": 50},
        },
    ]
    definition = {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "rules": rules,
        "pending": {"until": "delivered"},
    }
    operations.publish_rule_set(definition=definition, live_from=datetime(2020, 1, 1, tzinfo=UTC), name="Doors")


def event(who, **fields):
    return {
        "key": "e1",
        "event": "review",
        "at": AT.isoformat(),
        "member": {"public_id": str(who.public_id)},
    } | fields


def test_an_event_is_recorded_once_and_its_key_names_no_other(till, member):  # noqa: F811
    first, again = till.post("events", event(member)), till.post("events", event(member))
    given = {"code": "review", "currency": "points", "amount": 20, "words": "20 points for Reviews (Review written)"}
    assert (first.status_code, first.json()) == (
        201, {"key": "e1", "replay": False, "points": 20, "available": 20, "bonuses": [given]},
    )  # fmt: skip
    assert (again.status_code, again.json()) == (200, first.json() | {"replay": True})
    assert till.post("events", event(member, event="survey")).status_code == 409
    assert till.post("events", event(member, key="e2", event="Not A Name")).status_code == 422
    assert till.post("events", event(member, key="e3", member={"external_id": "nobody"})).status_code == 422
    assert MemberEvent.objects.count() == 1


KINDS = [
    ("sign_up", 100, "100 points for Welcome (Sign-up)"),
    ("profile_complete", 50, "50 points for Tell us more (Profile completed)"),
    ("survey", 30, "30 points for Your opinion (Survey answered)"),
    ("review", 20, "20 points for Write to us (Review written)"),
    ("check_in", 5, "5 points for Come by (Check-in)"),
    ("parcel_returned", 15, "15 points for Bring it back (parcel returned)"),
]


@pytest.fixture
def a_rule_for_each(programme):
    names = ["Welcome", "Tell us more", "Your opinion", "Write to us", "Come by", "Bring it back"]
    rules = [
        {"code": f"for_{kind}", "name": name, "kind": "event", "event": kind, "gives": {"points": points}}
        for name, (kind, points, _) in zip(names, KINDS, strict=True)
    ]
    definition = {"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": rules}
    operations.publish_rule_set(definition=definition, live_from=datetime(2021, 1, 1, tzinfo=UTC), name="Every kind")


@pytest.mark.usefixtures("a_rule_for_each")
@pytest.mark.parametrize(("kind", "points", "words"), KINDS)
def test_every_kind_of_event_gives_its_points_and_says_why(till, member, kind, points, words):  # noqa: F811
    answer = till.post("events", event(member, event=kind)).json()
    given = {"code": f"for_{kind}", "currency": "points", "amount": points, "words": words}
    assert answer == {"key": "e1", "replay": False, "points": points, "available": points, "bonuses": [given]}
    [wallet] = till.get(f"members/{member.public_id}/wallets").json()
    [moved] = till.get(f"wallets/{wallet['id']}/events").json()["events"]
    assert (moved["reason"], moved["change"], moved["available"], moved["key"]) == ("bonus", points, points, "e1")
    [entry] = queries.entries(member.pk)  # what the portal and the service desk show
    assert (entry.points, entry.sentence) == (points, f"{points} points: {words}")


def test_points_of_a_purchase_can_be_spent_once_it_is_delivered(till, member):  # noqa: F811
    body = {"receipt": "r1", "store": "1", "purchased_at": AT.isoformat(), "currency": "USD", "member": {"external_id": "m1"},
            "lines": [{"product": "milk", "total_minor": 1200}]}  # fmt: skip
    bought = till.post("purchases", body).json()
    assert (bought["points"], bought["available"]) == (12, 0)
    path = f"purchases/{bought['id']}/events"
    said = {"event": "delivered", "at": AT.isoformat()}
    assert [till.post(path, said).json() for _ in range(2)] == [{"points": 12}, {"points": 0}]
    assert till.post(f"purchases/{uuid.uuid4()}/events", said).status_code == 404
    collected = till.get(f"members/{member.public_id}/collected").json()
    assert [(goal["name"], goal["done"], goal["times"]) for goal in collected["goals"]] == [("Card", 200, 2)]
    assert collected["referral"]["code"] == ""


def test_a_friend_comes_by_a_code(till, member):  # noqa: F811
    code = till.post(f"members/{member.public_id}/referral-code", {}).json()["code"]
    friend = enrol(at=AT, source="test", email="eve@example.com")
    path = f"members/{friend.public_id}/referred-by"
    assert [till.post(path, {"code": code}).json() for _ in range(2)] == [{"state": "open"}] * 2
    assert till.post(f"members/{member.public_id}/referred-by", {"code": code}).status_code == 422
    wrong = [till.post(f"members/{member.public_id}/referred-by", {"code": "WRONG234"}).status_code for _ in range(6)]
    assert wrong == [422] * 5 + [429]
    assert Referral.objects.count() == 1
