"""Rule sets of fifty active rules: without a memory, as a retailer has them, and one whose rules all ask for every basket's history.

The plain ones, `definition("plain")`, are multipliers and bonuses that a basket alone decides on: 43 of them.

A retailer's fifty, `definition()`: forty plain ones (31 multipliers by category, eight by weekday or hour, a bonus for big baskets), four
with a budget (in points, in money, for each member), six with a memory. A basket of three lines meets three multipliers by category, four
timed ones and, of those with a memory, every fifth visit, a streak of weeks, the first purchase and the birthday; the coffee card and
the challenge ask for some categories only.

The dense fifty, `definition("dense")`: 34 categories, two with a budget that every basket takes from, a stamp card that every visit is
stamped on, and challenges that every line counts for. No programme is run so; it says what the worst basket costs.
"""

CATEGORIES, TIMED = 34, 8
CARD = {"kind": "stamps", "by": "items", "every": 1, "card_size": 10, "card_gives": {"points": 40}}
WITH_A_MEMORY = [
    {"code": "fifth", "name": "Every fifth visit", "kind": "visits", "every": 5, "gives": {"points": 50}},
    {"code": "coffee", "name": "Coffee card", "when": {"categories": ["C1"]}} | CARD,
    {"code": "weekly", "name": "Three weeks in a row", "kind": "streak", "length": 3, "unit": "week", "gives": {"points": 30}},
    {"code": "first", "name": "First purchase", "kind": "first_purchase", "gives": {"points": 100}},
    {"code": "birthday", "name": "Birthday treat", "kind": "birthday", "gives": {"points": 100}, "days_before": 3, "days_after": 3},
]  # fmt: skip
EXPLORER = {
    "code": "explorer", "name": "Explorer", "kind": "challenge", "measure": "categories", "target": 25, "gives": {"points": 50},
}  # fmt: skip
DENSE = [
    EXPLORER,
    {"code": "card", "name": "Basket card", "kind": "stamps", "by": "visits", "every": 1, "card_size": 8, "card_gives": {"points": 80}},
]  # fmt: skip
BUDGETS = [{"points": 1_000_000}, {"member_points": 500, "member_period": "month"}, {"money_minor": 500_000}]


def definition(kind: str = "retailer") -> dict:
    """The rule set of a kind: plain, retailer or dense. Multipliers by category first, those with a budget at their head; a third of the multipliers stack."""
    conditions = [
        *({"categories": [f"C{n}"]} for n in range(CATEGORIES)),
        *({"weekdays": [n % 7 + 1]} if n % 2 else {"hours": ["08:00", "22:00"]} for n in range(TIMED)),
    ]
    rules = [
        {"code": f"r{n}", "name": f"Rule {n}", "multiply_percent": 110 + n, "stacks": n % 3 == 0, "when": when}
        for n, when in enumerate(conditions)
    ]
    budgets = {"plain": [], "retailer": BUDGETS, "dense": BUDGETS[:2]}[kind]
    for rule, budget in zip(rules, budgets, strict=False):
        rule["budget"] = budget
    big = {"code": "big_basket", "name": "Big basket", "bonus_points": 50, "when": {"basket_minor_from": 5_000}}
    gala = {
        "code": "gala",
        "name": "Gala",
        "bonus_points": 200,
        "budget": {"points": 50_000},
        "when": {"basket_minor_from": 15_000},
    }
    few = [gala, EXPLORER | {"when": {"categories": [f"C{n}" for n in range(5)]}, "target": 5}]
    rules += [big] if kind == "plain" else [big, *(DENSE if kind == "dense" else few), *WITH_A_MEMORY]
    return {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "point_cost": {"currency": "USD", "minor_per_1000": 1_000},
        "expiry": {"months": 12},
        "tiers": {"silver": 125, "gold": 150},
        "exclude": [{"code": "tobacco", "name": "Tobacco", "when": {"categories": ["TOBACCO"]}}],
        "rules": rules,
    }
