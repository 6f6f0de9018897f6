"""Asking fifty active rules, the dense ones of bench/_rules.py, about a basket of thirty lines, in plain Python, without a database.

Cold: every line is a product that was never asked about, so that nothing of it is remembered; what the rules ask of a category,
a weekday or an hour is compiled once per rule set and process. What the posting function is told for rules with a memory or a budget
is part of it. Known: products that were asked about before.
"""

import statistics
import time
from datetime import UTC, datetime

from bench._rules import CATEGORIES, definition
from loyalty.earning import Basket, Product, compile_rule_set

BASKETS, LINES, BAR = 300, 30, 200


def run(report):
    rule_set = compile_rule_set(definition("dense"))
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    baskets = [
        Basket("USD", at, [Product(k * LINES + n, n, f"D > C{n % CATEGORIES} > T{n}") for n in range(LINES)], [999] * LINES)
        for k in range(BASKETS)
    ]  # fmt: skip
    cold, known = _microseconds(rule_set, baskets), _microseconds(rule_set, baskets)
    report(
        "50 rules on 30 lines never seen, microseconds",
        round(cold),
        f"≤ {BAR}",
        cold <= BAR,
        f"{known:.0f} when seen before",
    )


def _microseconds(rule_set, baskets: list[Basket]) -> float:
    """The median basket."""
    took = []
    for basket in baskets:
        begun = time.perf_counter()
        made = rule_set.plan(basket)
        rule_set.calls(made)
        rule_set.limited(made)
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e6
