"""The machines' door."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from api import tokens
from api.models import ApiClient
from api.operations import create_client
from api.schemas import PurchaseOut
from loyalty.models import Transfer, Wallet
from members.cards import new_card_number
from members.operations import enrol
from sales.models import Purchase
from sales.operations import ensure_products, ensure_stores

AT = datetime(2026, 3, 1, 15, tzinfo=UTC)


class Till:
    """A client with a token, speaking JSON."""

    def __init__(self, token):
        self._client, self._headers = (
            Client(raise_request_exception=True),
            {"Authorization": f"Bearer {token}"} if token else {},
        )

    def post(self, path, body):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self._client.post(f"/api/v1/{path}", text, content_type="application/json", headers=self._headers)

    def get(self, path):
        return self._client.get(f"/api/v1/{path}", headers=self._headers)


@pytest.fixture
def till(db):
    tokens.forget()
    ensure_stores([("1", "Main Street")])
    ensure_products([("milk", "Whole milk", "Grocery > Dairy > Milk"), ("bread", "Bread", "Bakery")])
    return Till(create_client(name="Till 1")[1])


@pytest.fixture
def member(till):
    return enrol(at=AT, source="test", email="ada@example.com", phone="+12125550123", external_id="m1")


def card_of(member):
    return member.identifiers.get(kind="card").value


def purchase(**fields):
    return {
        "receipt": "r1", "store": "1", "purchased_at": AT.isoformat(), "currency": "USD",
        "lines": [
            {"product": "milk", "quantity": "2", "total_minor": 1000},
            {"product": "bread", "total_minor": 1460},
            {"product": "cake", "name": "Cake", "category": "Bakery > Cakes", "total_minor": 0},
        ],
    } | fields  # fmt: skip


def problem(response) -> tuple[int, list[str]]:
    """The status and the fields of a problem, whose form is checked on the way."""
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return response.status_code, [error["field"] for error in body["errors"]]


def test_a_purchase_earns_points_and_says_why(till, member):
    response = till.post("purchases", purchase(member={"card": card_of(member)}))
    answer = response.json()
    stored = Purchase.objects.get()
    assert (response.status_code, answer | {"explanation": None}) == (
        201,
        {
            "id": str(stored.public_id), "receipt": "r1", "replay": False, "points": 24, "debt_paid": 0, "available": 24,
            "tier": answer["tier"], "explanation": None,
        },
    )  # fmt: skip
    assert answer["explanation"]
    assert (stored.member, stored.total_minor, stored.source.code) == (member, 2460, "api:Till 1")
    assert Wallet.objects.get().available == 24


@pytest.mark.parametrize("has_member", [True, False])
def test_the_answer_to_a_purchase_is_what_the_schema_promises(till, member, has_member):
    body = purchase(member={"card": card_of(member)} if has_member else None)
    for response in (till.post("purchases", body), till.post("purchases", body)):
        assert PurchaseOut.model_validate_json(response.content, strict=True).model_dump(mode="json") == response.json()
        assert response["Content-Type"] == "application/json; charset=utf-8"


def test_the_same_body_again_is_the_same_answer_and_moves_nothing(till, member):
    body = purchase(member={"card": card_of(member)})
    first, again = till.post("purchases", body), till.post("purchases", body)
    assert (again.status_code, again.json()) == (200, first.json() | {"replay": True})
    assert (Purchase.objects.count(), Transfer.objects.count()) == (1, 1)


def test_another_body_under_the_same_receipt_is_a_conflict_and_moves_nothing(till, member):
    till.post("purchases", purchase(member={"card": card_of(member)}))
    other = till.post(
        "purchases",
        purchase(member={"card": card_of(member)}, currency="USD", lines=[{"product": "milk", "total_minor": 99999}]),
    )
    assert problem(other) == (409, ["receipt"])
    assert (Purchase.objects.count(), Wallet.objects.get().available) == (1, 24)


@pytest.mark.parametrize("name", ["public_id", "card", "phone", "email", "external_id"])
def test_a_member_is_recognised_in_five_ways(till, member, name):
    ways = {
        "public_id": str(member.public_id), "card": card_of(member), "phone": "(212) 555-0123", "email": "Ada@Example.com",
        "external_id": "m1",
    }  # fmt: skip
    assert till.post("purchases", purchase(member={name: ways[name]})).json()["available"] == 24


def test_a_purchase_without_a_member_is_stored_and_earns_nothing(till):
    answer = till.post("purchases", purchase()).json()
    assert (answer["points"], answer["available"], answer["explanation"]) == (0, None, {})
    assert till.post("purchases", purchase()).json() == answer | {"replay": True}
    assert Purchase.objects.count() == 1


FUTURE = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"member": {"card": new_card_number()}}, ["member"]),
        ({"member": {"public_id": str(uuid.UUID(int=1))}}, ["member.public_id"]),
        ({"member": {"card": "123"}}, ["member.card"]),
        ({"member": {}}, ["member"]),
        ({"member": {"phone": "+12125550123", "email": "ada@example.com"}}, ["member"]),
        ({"store": "nowhere"}, ["store"]),
        ({"currency": "XXX"}, ["lines"]),
        ({"currency": "dollars"}, ["currency"]),
        ({"purchased_at": FUTURE}, ["purchased_at"]),
        ({"purchased_at": "2026-03-01T15:00:00"}, ["purchased_at"]),
        ({"purchased_at": "0001-01-01T00:00:00+14:00"}, ["purchased_at"]),
        ({"receipt": ""}, ["receipt"]),
        ({"receipt": "a\x00b"}, ["receipt"]),
        ({"lines": []}, ["lines"]),
        ({"lines": [{"product": "milk", "total_minor": -1}]}, ["lines.0.total_minor"]),
        ({"lines": [{"product": "milk", "total_minor": 1, "quantity": "-1"}]}, ["lines.0.quantity"]),
        ({"lines": [{"product": "milk", "total_minor": 1, "quantity": "NaN"}]}, ["lines.0.quantity"]),
        ({"lines": [{"product": "milk"}]}, ["lines.0.total_minor"]),
        ({"lines": [{"product": "milk", "total_minor": 1, "total": 2}]}, ["lines.0.total"]),
        ({"points": 1000}, ["points"]),
    ],
)
def test_a_field_that_cannot_be_accepted_is_named_and_nothing_moves(till, member, fields, named):
    assert problem(till.post("purchases", purchase() | fields)) == (422, named)
    assert (Purchase.objects.count(), Transfer.objects.count()) == (0, 0)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", b"\xff\xfe", '{"receipt": "\\ud800"}'])
def test_a_body_that_is_no_purchase_is_a_problem_and_not_an_accident(till, body):
    assert problem(till.post("purchases", body))[0] in {400, 422}


def test_the_award_itself_costs_one_query(till, member):
    card = card_of(member)
    till.post("purchases", purchase(member={"card": card}))
    with CaptureQueriesContext(connection) as queries:
        till.post("purchases", purchase(receipt="r2", member={"card": card}))
    assert [query["sql"].count("loyalty_record_purchase(") for query in queries] == [1]


# -- refunds -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bought(till, member):
    return till.post("purchases", purchase(member={"card": card_of(member)})).json()["id"]


def back(**fields):
    return {"receipt": "back", "refunded_at": (AT + timedelta(days=1)).isoformat()} | fields


def test_a_line_is_refunded_and_its_points_go(till, bought):
    response = till.post(f"purchases/{bought}/refunds", back(lines=[{"line": 1, "quantity": "1", "total_minor": 500}]))
    answer = response.json()
    assert response.status_code == 201
    assert (answer["points_taken_back"], answer["available"], answer["replay"]) == (5, 19, False)
    again = till.post(f"purchases/{bought}/refunds", back(lines=[{"line": 1, "quantity": "1", "total_minor": 500}]))
    assert (again.status_code, again.json()) == (200, answer | {"replay": True})


def test_without_lines_everything_that_is_left_is_refunded_once(till, bought):
    till.post(
        f"purchases/{bought}/refunds", back(receipt="part", lines=[{"line": 1, "quantity": "1", "total_minor": 500}])
    )
    rest = till.post(f"purchases/{bought}/refunds", back())
    assert (rest.status_code, rest.json()["available"]) == (201, 0)
    again = till.post(f"purchases/{bought}/refunds", back())
    assert (again.status_code, again.json()) == (200, rest.json() | {"replay": True})
    assert problem(till.post(f"purchases/{bought}/refunds", back(receipt="more"))) == (422, ["lines"])


@pytest.mark.parametrize(
    ("lines", "status", "named"),
    [
        ([{"line": 9, "quantity": "1", "total_minor": 1}], 422, ["lines"]),
        ([{"line": 1, "quantity": "3", "total_minor": 1}], 422, ["lines.0.quantity"]),
        ([{"line": 1, "quantity": "1", "total_minor": 1001}], 422, ["lines"]),
        ([{"line": 0, "quantity": "1", "total_minor": 1}], 422, ["lines.0.line"]),
        ([], 422, ["lines"]),
    ],
)
def test_a_refund_that_does_not_fit_is_named_and_moves_nothing(till, bought, lines, status, named):
    assert problem(till.post(f"purchases/{bought}/refunds", back(lines=lines))) == (status, named)
    assert Wallet.objects.get().available == 24


@pytest.mark.parametrize("lines", [None, [{"line": 1, "quantity": "2", "total_minor": 1000}]])
@pytest.mark.parametrize("asked", ["refundable", "purchase_by_key"])
def test_a_refund_told_twice_at_once_is_answered_alike_whenever_the_other_one_is_done(
    till, bought, monkeypatch, lines, asked
):
    from sales import queries

    told, ask, answers = back(lines=lines) if lines else back(), getattr(queries, asked), []

    def the_other_one_first(*arguments):
        monkeypatch.setattr(queries, asked, ask)
        answers.append(till.post(f"purchases/{bought}/refunds", told))
        return ask(*arguments)

    monkeypatch.setattr(queries, asked, the_other_one_first)
    answers.append(till.post(f"purchases/{bought}/refunds", told))
    assert [one.status_code for one in answers] == [201, 200]
    assert answers[1].json() == answers[0].json() | {"replay": True}
    assert Purchase.objects.count() == 2


def test_a_purchase_of_another_client_does_not_exist_here(till, bought):
    other = Till(create_client(name="Partner")[1])
    assert problem(other.post(f"purchases/{bought}/refunds", back())) == (404, [])
    assert problem(till.post(f"purchases/{uuid.uuid4()}/refunds", back())) == (404, [])


def test_a_refund_key_that_names_a_purchase_is_a_conflict(till, bought):
    assert problem(till.post(f"purchases/{bought}/refunds", back(receipt="r1"))) == (409, ["receipt"])


# -- members -----------------------------------------------------------------------------------------------------------


def test_a_member_is_points_and_tier_and_no_name(till, member, bought):
    answer = till.get(f"members/{member.public_id}").json()
    assert (answer["public_id"], answer["available"], answer["pending"], answer["debt"]) == (
        str(member.public_id),
        24,
        0,
        0,
    )
    assert answer["next_expiry"]["points"] == 24
    assert answer["points_to_next_tier"] > 0
    assert set(answer) == {
        "public_id", "available", "pending", "debt", "next_expiry", "tier", "qualifying_points", "next_tier", "points_to_next_tier",
    }  # fmt: skip


def test_only_a_public_id_addresses_a_member(till, member):
    for address in (member.pk, card_of(member), uuid.uuid4(), "ada@example.com"):
        assert till.get(f"members/{address}").status_code == 404


# -- tokens ------------------------------------------------------------------------------------------------------------

CALLS = [
    ("post", "purchases", "purchases:write"),
    ("post", f"purchases/{uuid.UUID(int=1)}/refunds", "refunds:write"),
    ("get", f"members/{uuid.UUID(int=1)}", "members:read"),
]


def call(caller, method, path):
    body = back() if path.endswith("refunds") else purchase()
    return caller.post(path, body) if method == "post" else caller.get(path)


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
@pytest.mark.parametrize("token", [None, "", "rgl_wrong", "\u00e9"])
def test_without_a_valid_token_nothing_is_said(till, method, path, scope, token):
    response = call(Till(token), method, path)
    assert problem(response) == (401, [])
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_each_call_needs_its_scope(till, method, path, scope):
    others = [one for one in ApiClient.Scope.values if one != scope]
    assert problem(call(Till(create_client(name="narrow", scopes=others)[1]), method, path)) == (403, [])
    assert call(Till(create_client(name="right", scopes=[scope])[1]), method, path).status_code in {201, 404}


def test_a_client_that_was_switched_off_is_out_within_seconds(till, member):
    ApiClient.objects.update(is_active=False)
    assert till.get(f"members/{member.public_id}").status_code == 401
    tokens.forget()
    ApiClient.objects.update(is_active=True)
    assert till.get(f"members/{member.public_id}").status_code == 200
    ApiClient.objects.update(is_active=False)
    tokens._remembered.update({digest: (0, who) for digest, (_until, who) in tokens._remembered.items()})
    assert till.get(f"members/{member.public_id}").status_code == 401


def test_the_command_prints_a_token_that_works_and_is_stored_nowhere(db, capsys):
    call_command("create_api_client", "Shop", scopes=["members:read"])
    token = capsys.readouterr().out.strip()
    assert token.startswith("rgl_")
    assert tokens.caller(token) == tokens.Caller(
        "Shop", ApiClient.objects.get().source_id, "api:Shop", frozenset({"members:read"})
    )
    assert token.encode() not in bytes(ApiClient.objects.get().token_hash)
    call_command("create_api_client", "Shop")
    tokens.forget()
    assert tokens.caller(token) is None
    with pytest.raises(CommandError, match="choose from purchases:write"):
        call_command("create_api_client", "Shop", scopes=["everything"])


# -- documents ---------------------------------------------------------------------------------------------------------


def test_the_documentation_is_served_from_here(till):
    page = Client().get("/api/v1/docs").content.decode()
    assert "cdn" not in page
    assert "/static/ninja/" in page
    paths = Client().get("/api/v1/openapi.json").json()["paths"]
    assert set(paths) >= {
        "/api/v1/members/{public_id}",
        "/api/v1/purchases",
        "/api/v1/purchases/{public_id}/refunds",
    }
    undescribed = [
        f"{method} {path}" for path, verbs in paths.items() for method, verb in verbs.items() if not verb.get("summary")
    ]
    assert undescribed == []
