"""Orders that a shop sent and that were refused: on one page, each once, gone when they arrive."""

# ruff: noqa: F811 -- fixtures of the neighbours

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from api.models import RefusedOrder
from api.operations import create_client
from api.refused_orders import noting, queue, wording
from api.tasks import tidy_refused_orders
from loyalty.models import Transfer
from members.clock import now
from members.operations import add_staff
from sales.models import Purchase
from tests.api.test_endpoints import AT, Till, card_of, member, purchase, till  # noqa: F401 -- fixtures
from tests.signing_in import at_door

PAGE = "programme_refused_orders"


@pytest.fixture
def manager(db):
    return at_door(Client(), add_staff(email="manager@example.com", roles=["store_manager"]), "cms")


def listed(manager, **asked) -> list[str]:
    """The numbers of the orders on the page."""
    return [row.client_key for row in manager.get(reverse(PAGE), asked).context["rows"]]


def test_a_refused_order_stands_on_the_page_once_however_often_it_is_sent(till, member, manager):
    body = purchase(member={"card": card_of(member)}, store="X9")
    assert [till.post("purchases", body).status_code for _try in range(3)] == [422] * 3
    [row] = RefusedOrder.objects.all()
    assert (row.client_key, row.code, row.field, row.tries, row.bodies) == ("r1", "store", "store", 3, 1)
    page = manager.get(reverse(PAGE)).content.decode()
    assert page.count("<strong>r1</strong>") == 1
    assert "The store “X9” is not known." in page
    assert "Create the store under Stores" in page
    assert re.search("3 tries since .*, always the same", page)
    assert not Transfer.objects.exists()
    assert not Purchase.objects.exists()


def test_it_is_gone_as_soon_as_the_corrected_order_arrives(till, member, manager):
    body = purchase(member={"card": "2999999999990"})
    till.post("purchases", body)
    assert listed(manager) == ["r1"]
    assert till.post("purchases", body | {"member": {"card": card_of(member)}}).json()["points"] == 24
    assert listed(manager) == []
    tidy_refused_orders()
    assert RefusedOrder.objects.get().outcome == RefusedOrder.Outcome.ARRIVED


def test_what_another_shop_records_under_the_same_number_is_another_order(till, manager):
    till.post("purchases", purchase(store="X9"))
    other = Till(create_client(name="Another shop")[1])
    assert other.post("purchases", purchase()).status_code == 201
    assert listed(manager) == ["r1"]


def test_a_number_used_twice_stays_until_somebody_lets_it_go_and_says_who(till, manager):
    till.post("purchases", purchase())
    assert till.post("purchases", purchase(lines=[{"product": "milk", "total_minor": 1}])).status_code == 409
    till.post("purchases", purchase(store="X9"))  # a later try of another kind does not undo the conflict
    assert listed(manager) == ["r1"]
    row = RefusedOrder.objects.get()
    assert (row.code, row.bodies) == ("key_used", 2)
    address = reverse("programme_refused_order_let_go", args=[row.pk])
    answer = manager.post(address, {"code": "key_used"})
    assert answer["Location"] == f"{reverse(PAGE)}?code=key_used"
    assert listed(manager) == []
    row.refresh_from_db()
    assert (row.outcome, row.closed_by.email) == (RefusedOrder.Outcome.LET_GO, "manager@example.com")
    assert "manager@example.com" in manager.get(reverse(PAGE)).content.decode()
    closed_at = row.closed_at
    manager.post(address)
    row.refresh_from_db()
    assert row.closed_at == closed_at


def test_what_was_let_go_and_is_refused_once_more_stands_there_again(till, manager):
    till.post("purchases", purchase(store="X9"))
    manager.post(reverse("programme_refused_order_let_go", args=[RefusedOrder.objects.get().pk]))
    till.post("purchases", purchase(store="X9"))
    assert listed(manager) == ["r1"]


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"member": {"phone": "no number"}}, "member_form", "member.phone"),
        ({"member": {"card": "1", "phone": "2"}}, "member_form", "member"),
        ({"member": {"external_id": "nobody"}}, "member", "member"),
        ({"purchased_at": "2999-01-01T00:00:00Z"}, "future", "purchased_at"),
        ({"currency": None}, "invalid", "currency"),
        ({"lines": [{"product": "milk"}]}, "missing", "lines.0.total_minor"),
        ({"Ada Lovelace": "ada@example.com"}, "extra", "…"),
    ],
)  # fmt: skip
def test_every_refusal_names_its_field_and_a_remedy(till, changed, code, field):
    assert till.post("purchases", purchase(**changed)).status_code == 422
    row = RefusedOrder.objects.get()
    assert (row.client_key, row.code, row.field) == ("r1", code, field)


def test_what_cannot_be_read_or_is_not_allowed_is_listed_too(till, manager):
    till.post("purchases", "{")
    till.post("purchases", purchase(receipt="\ud800" + "9"))
    Till(create_client(name="Reader", scopes=["members:read"])[1]).post("purchases", purchase())
    codes = {row.client_key: row.code for row in RefusedOrder.objects.all()}
    assert codes[""] == "unreadable"
    assert codes["r1"] == "scope"
    assert manager.get(reverse(PAGE)).status_code == 200


def test_refunds_are_listed_and_other_requests_are_not(till, manager):
    till.get(f"members/{'0' * 8}-0000-0000-0000-{'0' * 12}")
    till.post("events", {"key": "e1"})
    Till("").post("purchases", purchase(store="X9"))
    assert listed(manager) == []
    id_ = till.post("purchases", purchase()).json()["id"]
    till.post(f"purchases/{id_}/refunds", {"receipt": "r2", "refunded_at": AT.isoformat(), "lines": [{"line": 1, "quantity": "9", "total_minor": 1}]})  # fmt: skip
    row = RefusedOrder.objects.get()
    assert (row.kind, row.client_key, row.code) == (RefusedOrder.Kind.REFUND, "r2", "lines")
    assert till.post(f"purchases/{id_}/refunds", {"receipt": "r2", "refunded_at": AT.isoformat()}).status_code == 201
    assert listed(manager) == []


def test_nothing_personal_is_in_the_row(till):
    personal = ["+12125550123", "2125550123", "ada@example.com", "2900000000018", "Ada Lovelace"]
    for number, value in enumerate(personal):
        for kind in ("phone", "email", "card", "external_id"):
            till.post("purchases", purchase(receipt=f"{kind}{number}", member={kind: value}, store="X9"))
        till.post("purchases", purchase(receipt=f"s{number}", store=value))
        till.post("purchases", purchase(receipt=f"n{number}", **{value: value}))
        till.post("purchases", purchase(receipt=f"l{number}", currency=value))
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM api_refusedorder r")
        rows = [text for (text,) in cursor.fetchall()]
    assert len(rows) == len(personal) * 7
    assert [value for value in personal if value in " ".join(rows)] == []


def test_a_good_purchase_asks_nothing_of_the_list(till, member):
    def queries(number):
        with CaptureQueriesContext(connection) as asked:
            assert till.post("purchases", purchase(receipt=number, member={"card": card})).status_code == 201
        return [query["sql"] for query in asked]

    card = card_of(member)
    queries("r0")  # what is remembered of stores and products is read once
    before = queries("r1")
    till.post("purchases", purchase(receipt="r2", store="X9"))
    after = queries("r2")
    assert len(before) == len(after) == 1
    assert "api_refusedorder" not in before[0] + after[0]


def test_beyond_so_many_of_one_shop_they_are_only_counted(till, manager, monkeypatch):
    monkeypatch.setattr(noting, "OPEN_MOST", 3)
    for number in range(6):
        till.post("purchases", purchase(receipt=f"r{number}", store="X9"))
    till.post("purchases", purchase(receipt="r0", store="X9"))  # known ones are counted where they stand
    Till(create_client(name="Another shop")[1]).post("purchases", purchase(receipt="r9", store="X9"))
    rows = {row.client_key: (row.code, row.tries) for row in RefusedOrder.objects.all()}
    assert rows == {"r0": ("store", 2), "r1": ("store", 1), "r2": ("store", 1), "": ("beyond", 3), "r9": ("store", 1)}
    assert "More orders of this shop are refused" in manager.get(reverse(PAGE)).content.decode()


def test_one_screen_shows_the_latest_and_counts_the_others(till, manager):
    source = create_client(name="Web shop")[0].source
    RefusedOrder.objects.bulk_create(
        RefusedOrder(
            source=source, kind=1, client_key=f"k{n}", code="store" if n % 2 else "future", body_digest=b"x" * 16,
            first_at=AT, last_at=AT + timedelta(minutes=n),
        )
        for n in range(30)
    )  # fmt: skip
    assert listed(manager) == [f"k{n}" for n in range(29, 4, -1)]
    page = manager.get(reverse(PAGE))
    assert page.context["others"] == 5
    assert "5 more wait" in page.content.decode()
    assert (
        page.content.decode().count("Create the store under Stores") == 1
    )  # a remedy is said once for all that it helps
    assert listed(manager, code="store") == [f"k{n}" for n in range(29, 0, -2)]
    assert len(listed(manager, source=source.pk, code="future")) == 15
    assert listed(manager, source=source.pk + 1) == []
    assert len(listed(manager, source="²", code="'")) == 25


def test_without_refused_orders_the_page_says_so_in_both_languages(manager):
    assert "No order is refused." in manager.get(reverse(PAGE)).content.decode()
    with translation.override("zh-hans"):
        assert all(re.search("[\u4e00-\u9fff]", str(words)) for pair in wording.WORDS.values() for words in pair)


def test_what_was_closed_long_ago_is_removed_and_what_waits_is_not(till):
    for number in ("r1", "r2", "r3"):
        till.post("purchases", purchase(receipt=number, store="X9"))
    old, fresh, _waits = RefusedOrder.objects.order_by("client_key")
    moment = now()
    queue.let_go(pk=old.pk, by_user_id=None, at=moment - queue.KEPT - timedelta(days=1))
    queue.let_go(pk=fresh.pk, by_user_id=None, at=moment - timedelta(days=1))
    assert queue.tidy(at=moment) == (0, 1)
    assert list(RefusedOrder.objects.order_by("client_key").values_list("client_key", flat=True)) == ["r2", "r3"]


class Broken:
    """A database that takes nothing."""

    def cursor(self):
        raise DatabaseError("no room left")


def test_the_shop_hears_its_refusal_even_where_it_cannot_be_noted(till, monkeypatch):
    monkeypatch.setattr(noting, "connection", Broken())
    assert till.post("purchases", purchase(store="X9")).status_code == 422
    assert not RefusedOrder.objects.exists()
