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


def shop():
    ensure_stores([("1", "Main Street")])
    ensure_products([("milk", "Whole milk", "Grocery > Dairy > Milk"), ("bread", "Bread", "Bakery")])
    source("till")


def store(*receipts, cursor=None):
    """Store receipts of (key, body hash, [(product, quantity, total)])."""
    n = len(receipts)
    lines = [
        (place, number, catalogue.facts([product])[product].id, Decimal(quantity), "", total, None)
        for place, (_, _, lines) in enumerate(receipts, 1)
        for number, (product, quantity, total) in enumerate(lines, 1)
    ]
    values = [
        [catalogue.source_id("till")] * n, [key for key, *_ in receipts], [body for _, body, _ in receipts], [1] * n,
        [None] * n, [None] * n, [catalogue.store_id("1")] * n, [AT] * n, ["USD"] * n,
        [sum(total for *_, total in lines) for *_, lines in receipts],
        *(list(column) for column in zip(*lines, strict=True)),
    ]  # fmt: skip
    cursor = cursor or connection.cursor()
    cursor.execute(f"SELECT * FROM sales_store_purchases({ARGUMENTS})", values)
    return cursor.fetchall()


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


@pytest.mark.parametrize("table", ["sales_product", "sales_store", "sales_source"])
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
