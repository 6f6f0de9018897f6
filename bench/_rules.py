"""A rule set as a busy programme has it: fifty rules active at once, of every kind a purchase can meet."""

CATEGORIES, TIMED = 34, 8
WITH_A_MEMORY = [
    {"code": "fifth", "name": "Every fifth visit", "kind": "visits", "every": 5, "gives": {"points": 50}},
    {"code": "card", "name": "Basket card", "kind": "stamps", "by": "visits", "every": 1, "card_size": 8, "card_gives": {"points": 80}},
    {"code": "coffee", "name": "Coffee card", "kind": "stamps", "by": "items", "every": 1, "card_size": 10,
     "card_gives": {"points": 40}, "when": {"categories": ["C1"]}},
    {"code": "weekly", "name": "Three weeks in a row", "kind": "streak", "length": 3, "unit": "week", "gives": {"points": 30}},
    {"code": "explorer", "name": "Explorer", "kind": "challenge", "measure": "categories", "target": 25, "gives": {"points": 50}},
    {"code": "first", "name": "First purchase", "kind": "first_purchase", "gives": {"points": 100}},
    {"code": "birthday", "name": "Birthday treat", "kind": "birthday", "gives": {"points": 100}, "days_before": 3, "days_after": 3},
]  # fmt: skip


def definition() -> dict:
    """34 multipliers by category (two with a budget), eight by weekday or hour, one bonus for big baskets, seven with a memory.

    A third of the multipliers stack.
    """
    conditions = [
        *({"categories": [f"C{n}"]} for n in range(CATEGORIES)),
        *({"weekdays": [n % 7 + 1]} if n % 2 else {"hours": ["08:00", "22:00"]} for n in range(TIMED)),
    ]
    rules = [
        {"code": f"r{n}", "name": f"Rule {n}", "multiply_percent": 110 + n, "stacks": n % 3 == 0, "when": when}
        for n, when in enumerate(conditions)
    ]
    rules[0]["budget"] = {"points": 1_000_000}
    rules[1]["budget"] = {"member_points": 500, "member_period": "month"}
    rules.append({"code": "big_basket", "name": "Big basket", "bonus_points": 50, "when": {"basket_minor_from": 5_000}})
    return {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "expiry": {"months": 12},
        "tiers": {"silver": 125, "gold": 150},
        "exclude": [{"code": "tobacco", "name": "Tobacco", "when": {"categories": ["TOBACCO"]}}],
        "rules": rules + WITH_A_MEMORY,
    }
