"""A rule set as a busy programme has it: fifty rules active at once."""

CATEGORIES, TIMED, BONUSES = 40, 9, 1


def definition() -> dict:
    """Forty multipliers by category, nine by weekday or hour, one bonus for big baskets; a third of them stack."""
    conditions = [
        *({"categories": [f"C{n}"]} for n in range(CATEGORIES)),
        *({"weekdays": [n % 7 + 1]} if n % 2 else {"hours": ["08:00", "22:00"]} for n in range(TIMED)),
    ]
    rules = [
        {"code": f"r{n}", "name": f"Rule {n}", "multiply_percent": 110 + n, "stacks": n % 3 == 0, "when": when}
        for n, when in enumerate(conditions)
    ]
    rules.append({"code": "big_basket", "name": "Big basket", "bonus_points": 50, "when": {"basket_minor_from": 5_000}})
    return {
        "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
        "expiry": {"months": 12},
        "tiers": {"silver": 125, "gold": 150},
        "exclude": [{"code": "tobacco", "name": "Tobacco", "when": {"categories": ["TOBACCO"]}}],
        "rules": rules,
    }
