"""Rules with a memory on a checkout's short way: whatever they count or give, it is what the general way counts and gives."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations
from loyalty.operations import PurchaseIn
from members.models import Member
from sales.lines import Line
from tests.loyalty.conftest import MARCH
from tests.loyalty.machine import LONG_AGO
from tests.loyalty.test_batches import STATE, posted

RULES = [
    {"code": "third", "kind": "visits", "every": 3, "gives": {"points": 30}, "once_a_day": False, "minimum_minor": 500},
    {"code": "days", "kind": "visits", "every": 4, "gives": {"points": 7}},
    {"code": 'coffee, "black"', "kind": "stamps", "by": "items", "every": 1, "card_size": 4, "card_gives": {"points": 9}, "when": {"categories": ["PRODUCE"]}},
    {"code": "weeks", "kind": "streak", "length": 2, "unit": "week", "gives": {"points": 11}},
    {"code": "kinds", "kind": "challenge", "measure": "categories", "target": 3, "gives": {"points": 13}, "period": "month"},
    {"code": "spend", "kind": "spend", "every_minor": 100_000, "gives": {"cashback:USD": 50}, "period": "quarter"},
    {"code": "first", "kind": "first_purchase", "gives": {"points": 17}},
    {"code": "cake", "kind": "birthday", "gives": {"points": 19}, "days_before": 2, "days_after": 2},
    {"code": "silver", "kind": "visits", "every": 2, "gives": {"points": 3}, "when": {"tiers": ["silver"]}},
    {"code": "few", "multiply_percent": 150, "budget": {"points": 60, "member_points": 40, "member_period": "month"}, "when": {"categories": ["PRODUCE"]}},
]  # fmt: skip
OF_RULES = {
    "rule states": """SELECT w.member_id, to_jsonb(s) - 'wallet_id' FROM loyalty_rulestate s JOIN loyalty_wallet w ON w.id = s.wallet_id
                       ORDER BY 1, s.term, s.period""",
    "contributions": """SELECT p.client_key, to_jsonb(c) - 'id' - 'wallet_id' - 'purchase_id' FROM loyalty_contribution c
                          JOIN sales_purchase p ON p.id = c.purchase_id ORDER BY p.client_key, c.term""",
    "grants": """SELECT w.member_id, p.client_key, to_jsonb(g) - 'id' - 'wallet_id' - 'purchase_id' FROM loyalty_grant g
                   JOIN loyalty_wallet w ON w.id = g.wallet_id JOIN sales_purchase p ON p.id = g.purchase_id ORDER BY 1, 2, g.term, g.amount""",
    "wallets": "SELECT member_id, currency_id, to_jsonb(w) - 'id' - 'public_id' FROM loyalty_wallet w ORDER BY 1, 2",
}
GOODS = st.lists(
    st.tuples(st.sampled_from(["milk", "apples", "cigarettes", "bag"]), st.sampled_from([0, 100, 450, 2_460, 40_000])),
    min_size=1, max_size=3,
)  # fmt: skip
LIVES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0, 0, 1, 6, 7, 8, 15, 33]), GOODS), min_size=4, max_size=10
)


@pytest.fixture
def people(shop):
    operations.publish_rule_set(
        definition={"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": RULES, "tiers": {"silver": 125}},
        live_from=LONG_AGO, name="Rules with a memory",
    )  # fmt: skip
    born = shop.member()
    Member.objects.filter(pk=born.pk).update(birth_month=MARCH.month, birth_day=MARCH.day)
    for _ in range(2):
        shop.buy(born, 1_000, at=MARCH - timedelta(days=40))
    return born, shop.member()


def _ways(people, drawn):
    """The same receipts, in one batch and one by one; days add up, so that they come in order."""
    batch, day = [], 0
    for n, (who, days, goods) in enumerate(drawn):
        day += days
        lines = [Line(product, Decimal(1), minor) for product, minor in goods]
        batch.append(PurchaseIn("till", f"r{n}", "S1", MARCH + timedelta(days=day), "USD", lines, people[who].pk))
    return (
        lambda: operations.record_purchases(batch),
        lambda: [operations.record_purchases([purchase])[0] for purchase in batch],
    )


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(drawn=LIVES)
def test_counted_on_the_short_way_or_on_the_general_one_the_rows_are_the_same(people, drawn):
    together, one_by_one = (posted(way, STATE | OF_RULES) for way in _ways(people, drawn))
    assert together == one_by_one
