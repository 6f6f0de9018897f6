"""An import's batch and a till's single receipts end in the same rows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations
from loyalty.operations import PurchaseIn, Recorded
from sales.lines import Line
from sales.models import Category
from tests.loyalty.conftest import MARCH

PRODUCTS = ("milk", "apples", "cigarettes", "bag")
MEMBERS = 3

lines = st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(0, 90_000)), min_size=1, max_size=4)
receipts = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, MEMBERS), st.integers(-40, 800), lines), min_size=2, max_size=14
)

# Ids and the moment of writing differ between two runs; everything else must not.
STATE = {
    "purchases": """SELECT client_key, encode(body_hash, 'hex'), kind, member_id, store_id, purchased_at, currency, total_minor
                      FROM sales_purchase ORDER BY client_key""",
    "lines": """SELECT p.client_key, l.line_no, l.product_id, l.quantity, l.unit, l.total_minor
                  FROM sales_purchaseline l JOIN sales_purchase p ON p.id = l.purchase_id ORDER BY 1, 2""",
    "wallets": "SELECT to_jsonb(w) - 'id' - 'public_id' FROM loyalty_wallet w ORDER BY member_id",
    "transfers": """SELECT w.member_id, p.client_key, to_jsonb(t) - 'wallet_id' - 'purchase_id' - 'posted_at'
                                                    || jsonb_build_object('client_key', regexp_replace(t.client_key, 'expiry:\\d+', 'expiry'), 'body_hash', 0)
                      FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
                      LEFT JOIN sales_purchase p ON p.id = t.purchase_id ORDER BY 1, w.currency_id, t.version""",
    "awards": """SELECT w.member_id, p.client_key, to_jsonb(a) - 'wallet_id' - 'purchase_id'
                   FROM loyalty_award a JOIN loyalty_wallet w ON w.id = a.wallet_id
                   JOIN sales_purchase p ON p.id = a.purchase_id ORDER BY 2""",
    "tier changes": """SELECT w.member_id, p.client_key, to_jsonb(c) - 'id' - 'wallet_id' - 'purchase_id'
                         FROM loyalty_tierchange c JOIN loyalty_wallet w ON w.id = c.wallet_id
                         LEFT JOIN sales_purchase p ON p.id = c.purchase_id ORDER BY 1, c.id""",
}


def _state(queries: dict[str, str]) -> dict[str, list]:
    found = {}
    with connection.cursor() as cursor:
        for name, query in queries.items():
            cursor.execute(query)
            found[name] = cursor.fetchall()
    return found


def _said(answer):
    if isinstance(answer, Recorded):
        return (answer.member_id, answer.points, answer.available, answer.debt_paid, answer.tier_code,
                answer.tier_after_code, answer.is_replay)  # fmt: skip
    return type(answer), str(answer)


def posted(record, queries=STATE) -> tuple[list, dict]:
    """What the answers said and what the tables held afterwards; then all of it is undone."""
    with transaction.atomic():
        answers = [_said(answer) for answer in record()]
        state = _state(queries)
        transaction.set_rollback(True)
    return answers, state


@pytest.fixture
def people(shop):
    """Three members: one owes points, one holds points that expire soon and an offer, one is new."""
    owing, holding, new = (shop.member() for _ in range(MEMBERS))
    bought = shop.buy(owing, 50_000, at=MARCH - timedelta(days=20))
    shop.redeem(owing, 400, at=MARCH - timedelta(days=19))
    shop.refund(bought, (1, 45_000), at=MARCH - timedelta(days=18))
    shop.buy(holding, 70_000, at=MARCH - timedelta(days=360))
    shop.buy(holding, 20_000, at=MARCH - timedelta(days=10))
    apples = Category.objects.get(path="PRODUCE > APPLES > APPLES GALA").pk
    days = MARCH - timedelta(days=1), MARCH + timedelta(days=30)
    operations.entitle([(holding.pk, apples, "multiply", 300, *days, "an offer", 2)])
    return [owing, holding, new, None]


def _batch(people, drawn) -> list[PurchaseIn]:
    return [
        PurchaseIn(
            "till", f"r{key}", "S1", MARCH + timedelta(days=days), "USD",
            [Line(product, Decimal(1), minor) for product, minor in goods], people[who] and people[who].pk,
        )
        for key, who, days, goods in drawn
    ]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=receipts)
def test_a_batch_of_many_leaves_the_rows_of_as_many_batches_of_one(people, drawn):
    batch = _batch(people, drawn)
    together = posted(lambda: operations.record_purchases(batch))
    one_by_one = posted(lambda: [operations.record_purchases([purchase])[0] for purchase in batch])
    assert together == one_by_one


def test_the_second_of_two_equal_receipts_in_a_batch_is_answered_as_the_first(people):
    [receipt] = _batch(people, [(1, 2, 0, [("milk", 2460)])])
    first, again = operations.record_purchases([receipt, receipt])
    assert (first.points, first.available, first.is_replay) == (24, 24, False)
    assert (again.points, again.available, again.is_replay) == (24, 24, True)
    assert again.purchase_id == first.purchase_id
