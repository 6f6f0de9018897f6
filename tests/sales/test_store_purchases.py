"""The SQL function through which every purchase is stored."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from sales import catalogue
from sales.models import Purchase, PurchaseLine
from sales.operations import ensure_products, ensure_stores, source

AT = datetime(2017, 3, 1, 15, tzinfo=UTC)
ARGUMENTS = """%s::bigint[], %s::text[], %s::bytea[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::timestamptz[], %s::text[], %s::bigint[], %s::integer[], %s::smallint[], %s::bigint[], %s::numeric[], %s::text[],
    %s::bigint[], %s::smallint[]"""

ONE = """%s::bigint, %s, %s::bytea, %s::smallint, %s::bigint, %s::bigint, %s::bigint, %s::timestamptz, %s, %s::bigint,
    %s::bigint[], %s::numeric[], %s::text[], %s::bigint[], %s::smallint[]"""


def shop():
    ensure_stores([("1", "Main Street")])
    ensure_products([("milk", "Whole milk", "Grocery > Dairy > Milk"), ("bread", "Bread", "Bakery")])
    source("till")


def store(*receipts, member=None, cursor=None):
    """Store receipts of (key, body hash, [(product, quantity, total)])."""
    n = len(receipts)
    lines = [
        (place, number, catalogue.facts([product])[product].id, Decimal(quantity), "", total, None)
        for place, (_, _, lines) in enumerate(receipts, 1)
        for number, (product, quantity, total) in enumerate(lines, 1)
    ]
    values = [
        [catalogue.source_id("till")] * n, [key for key, *_ in receipts], [body for _, body, _ in receipts], [1] * n,
        [None] * n, [member] * n, [catalogue.store_id("1")] * n, [AT] * n, ["USD"] * n,
        [sum(total for *_, total in lines) for *_, lines in receipts],
        *(list(column) for column in zip(*lines, strict=True)),
    ]  # fmt: skip
    cursor = cursor or connection.cursor()
    cursor.execute(f"SELECT * FROM sales_store_purchases({ARGUMENTS})", values)
    return cursor.fetchall()


def store_one(receipt, *, refunded=None, member=None, cursor=None):
    """The same for one receipt, by the function for one: (purchase id, public id, outcome)."""
    key, body, lines = receipt
    products = [catalogue.facts([product])[product].id for product, *_ in lines]
    values = [
        catalogue.source_id("till"), key, body, 2 if refunded else 1, refunded, member, catalogue.store_id("1"), AT, "USD",
        sum(total for *_, total in lines), products, [Decimal(quantity) for _, quantity, _ in lines], [""] * len(lines),
        [total for *_, total in lines], list(range(1, len(lines) + 1)) if refunded else None,
    ]  # fmt: skip
    cursor = cursor or connection.cursor()
    cursor.execute(f"SELECT * FROM sales_store_purchase({ONE})", values)
    return cursor.fetchone()


MILK = ("a", b"1" * 16, [("milk", "1", 299), ("bread", "0.250", 120)])
BREAD = ("b", b"2" * 16, [("bread", "2", 500)])


def test_purchases_are_stored_with_their_lines_in_one_call(db):
    shop()
    answers = store(MILK, BREAD)
    assert [(place, outcome) for place, _, _, outcome in answers] == [(1, 0), (2, 0)]
    assert list(Purchase.objects.order_by("id").values_list("id", "public_id", "client_key", "total_minor")) == [
        (answers[0][1], answers[0][2], "a", 419), (answers[1][1], answers[1][2], "b", 500),
    ]  # fmt: skip
    assert list(PurchaseLine.objects.order_by("pk").values_list("line_no", "product__code", "quantity", "total_minor")) == [
        (1, "milk", Decimal(1), 299), (2, "bread", Decimal("0.250"), 120), (1, "bread", Decimal(2), 500),
    ]  # fmt: skip


def test_a_second_try_answers_the_same_and_writes_nothing(db):
    shop()
    first = store(MILK, BREAD)
    again = store(MILK, BREAD)
    assert [row[:3] for row in again] == [row[:3] for row in first]
    assert [row[3] for row in again] == [1, 1]
    assert (Purchase.objects.count(), PurchaseLine.objects.count()) == (2, 3)


def test_another_body_under_a_known_key_is_a_conflict_and_its_neighbours_are_stored(db):
    shop()
    store(MILK)
    answers = store(("a", b"x" * 16, [("milk", "9", 9)]), BREAD)
    assert [row[3] for row in answers] == [2, 0]
    assert list(Purchase.objects.order_by("id").values_list("client_key", "total_minor")) == [("a", 419), ("b", 500)]


def test_a_key_named_twice_in_one_call_is_stored_once(db):
    shop()
    assert [row[3] for row in store(MILK, MILK, ("a", b"y" * 16, []))] == [0, 1, 2]
    assert (Purchase.objects.count(), PurchaseLine.objects.count()) == (1, 2)


def _stored() -> list:
    return list(
        Purchase.objects.order_by("pk").values_list(
            "client_key", "body_hash", "kind", "refunds", "member", "store__code", "purchased_at", "currency", "total_minor",
            "lines__line_no", "lines__product__code", "lines__quantity", "lines__unit", "lines__total_minor", "lines__refunds_line_no",
        ).order_by("client_key", "lines__line_no")
    )  # fmt: skip


def test_one_purchase_is_stored_as_a_batch_of_one(db):
    shop()
    with transaction.atomic():
        store(MILK)
        of_a_batch = _stored()
        transaction.set_rollback(True)
    purchase_id, public_id, outcome = store_one(MILK)
    assert (outcome, _stored()) == (0, of_a_batch)
    assert Purchase.objects.get() == Purchase(pk=purchase_id, public_id=public_id)


def test_one_purchase_is_answered_the_same_again_and_refused_with_another_body(db):
    shop()
    first = store_one(MILK)
    assert store_one(MILK) == (*first[:2], 1)
    assert store_one(("a", b"x" * 16, [("milk", "9", 9)]))[2] == 2
    assert (Purchase.objects.count(), PurchaseLine.objects.count()) == (1, 2)


def test_a_refund_names_its_purchase_and_the_lines_it_takes_back(db):
    shop()
    sale, _, _ = store_one(MILK)
    store_one(("r", b"3" * 16, [("milk", "-1", -299)]), refunded=sale)
    refund = Purchase.objects.get(client_key="r")
    assert (refund.kind, refund.refunds_id, refund.total_minor) == (2, sale, -299)
    assert list(refund.lines.values_list("line_no", "refunds_line_no", "total_minor")) == [(1, 1, -299)]


def test_one_purchase_of_what_does_not_exist_is_refused_and_nothing_is_stored(db):
    shop()
    catalogue.facts(["milk"])
    for lie in (
        lambda: store_one(MILK, member=10**9),
        lambda: catalogue.facts._answers.update(milk=catalogue.facts(["milk"])["milk"]._replace(id=10**9)) or store_one(MILK),
        lambda: catalogue.store_ids._answers.update({"1": 10**9}) or store_one(BREAD),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
            lie()
    assert (Purchase.objects.count(), PurchaseLine.objects.count()) == (0, 0)


def test_a_batch_for_a_member_that_does_not_exist_is_refused(db):
    shop()
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        store(MILK, member=10**9)
    assert Purchase.objects.count() == 0


def test_a_purchase_is_never_edited_by_the_role_that_serves(db):
    shop()
    store(MILK)
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE sales_purchase SET total_minor = 0")


def test_a_product_that_does_not_exist_is_refused_and_nothing_is_stored(db):
    shop()
    catalogue.facts(["milk"])
    catalogue.facts._answers["milk"] = catalogue.facts(["milk"])["milk"]._replace(id=10**9)  # remembered, but gone
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        store(MILK)
    assert Purchase.objects.count() == 0


@pytest.mark.parametrize("table", ["sales_product", "sales_store", "sales_source", "members_member"])
def test_what_purchases_point_at_cannot_be_deleted_by_the_role_that_serves(db, table):
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def test_two_tills_with_one_key_at_the_same_time_store_it_once(committed_db):
    shop()
    gate, answers = threading.Barrier(2), []
    store(BREAD)  # the catalogue is remembered before the race

    def race():
        gate.wait()
        answers.extend(row[3] for row in store(MILK))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 1]
    assert PurchaseLine.objects.filter(purchase__client_key="a").count() == 2
