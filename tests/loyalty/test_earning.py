"""Rules in plain Python: what a basket earns, why, and what a rule set may not say."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.earning import NEVER, Basket, InvalidRuleSet, Product, UnknownCurrency, category_names, compile_rule_set

TUESDAY_NOON = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 (local to the programme)
MILK = Product(1, 11, "GROCERY > MILK > WHOLE MILK", "Larkfield")
APPLE = Product(2, 12, "PRODUCE > APPLES > GALA", "Orchard")
WINE = Product(3, 13, "GROCERY > DOMESTIC WINE > RED", "Cellar")
DEPOSIT = Product(4, None, "", "", is_service=True)
USD = {"currency": "USD", "points": 1, "per_minor": 100}


def rule_set(*rules, **parts):
    return compile_rule_set({"earn": [USD], "rules": list(rules), **parts}, id=1, version=1)


def basket(*lines, at=TUESDAY_NOON):
    return Basket("USD", at, [product for product, _ in lines], [total for _, total in lines])


def micropoints(rules, *lines, at=TUESDAY_NOON):
    return rules.plan(basket(*lines, at=at)).line_micropoints


def test_a_line_earns_its_total_at_the_rate_to_the_micropoint():
    assert micropoints(rule_set(), (MILK, 2460), (APPLE, 1)) == [24_600_000, 10_000]
    every_three = compile_rule_set({"earn": [{"currency": "USD", "points": 1, "per_minor": 300}]})
    assert micropoints(every_three, (MILK, 100)) == [333_333]


def test_categories_are_matched_by_any_level_or_a_whole_path_in_any_case():
    for name in ("produce", "Apples", "PRODUCE > APPLES", "produce>apples>gala"):
        double = rule_set({"code": "d", "multiply_percent": 200, "when": {"categories": [name]}})
        assert micropoints(double, (MILK, 100), (APPLE, 100)) == [1_000_000, 2_000_000]
    assert category_names("A > B") == {"a", "b", "a > b"}


def test_brands_products_days_hours_and_basket_size_are_conditions():
    friday = TUESDAY_NOON.replace(day=13)
    cases = [
        ({"brands": ["ORCHARD"]}, TUESDAY_NOON, [1, 2]),
        ({"products": [1]}, TUESDAY_NOON, [2, 1]),
        ({"weekdays": [5]}, TUESDAY_NOON, [1, 1]),
        ({"weekdays": [5]}, friday, [2, 2]),
        ({"hours": ["11:00", "12:00"]}, TUESDAY_NOON, [1, 1]),
        ({"hours": ["12:00", "13:00"]}, TUESDAY_NOON, [2, 2]),
        ({"from": "2026-03-11"}, TUESDAY_NOON, [1, 1]),
        ({"until": "2026-03-10"}, TUESDAY_NOON, [2, 2]),
        ({"basket_minor_from": 201}, TUESDAY_NOON, [1, 1]),
        ({"basket_minor_from": 200, "categories": ["PRODUCE"]}, TUESDAY_NOON, [1, 2]),
    ]
    for when, at, expected in cases:
        rules = rule_set({"code": "d", "multiply_percent": 200, "when": when})
        assert micropoints(rules, (MILK, 100), (APPLE, 100), at=at) == [n * 1_000_000 for n in expected], when


def test_rules_that_stack_multiply_and_of_the_others_the_largest_counts():
    rules = rule_set(
        {"code": "double", "multiply_percent": 200, "priority": 2},
        {"code": "triple", "multiply_percent": 300, "priority": 3},
        {"code": "happy", "multiply_percent": 150, "stacks": True, "priority": 1},
        {"code": "evening", "multiply_percent": 500, "when": {"hours": ["18:00", "20:00"]}},
        {"code": "fish", "multiply_percent": 500, "when": {"categories": ["FISH"]}},
    )
    plan = rules.plan(basket((MILK, 100), (DEPOSIT, 50)))
    assert plan.line_micropoints == [4_500_000, 0]
    explained = rules.explain(plan)
    assert [(r["code"], r["lines"]) for r in explained["applied"]] == [("happy", [1]), ("triple", [1])]
    assert {r["code"]: r["reason"] for r in explained["not_applied"]} == {
        "double": "a_larger_one_applied", "evening": "outside_its_hours", "fish": "no_line_of_its_kind",
    }  # fmt: skip
    assert explained["excluded"] == {"service": [2]}
    assert explained["earning_minor"] == 100


def test_excluded_lines_earn_nothing_not_even_multiplied():
    rules = rule_set(
        {"code": "double", "multiply_percent": 200},
        exclude=[{"code": "alcohol", "name": "Alcohol", "when": {"categories": ["DOMESTIC WINE"]}}],
    )
    assert micropoints(rules, (WINE, 1000), (MILK, 100)) == [0, 2_000_000]


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=8), st.integers(1, 1000))
def test_a_fixed_bonus_is_spread_to_the_last_micropoint(totals, bonus):
    rules = rule_set({"code": "b", "bonus_points": bonus})
    plan = rules.plan(basket(*((MILK, total) for total in totals), (DEPOSIT, 5)))
    assert sum(plan.line_extra_micropoints) == plan.extra_micropoints == bonus * 1_000_000
    assert plan.line_extra_micropoints[-1] == 0
    assert plan.base_micropoints == sum(totals) * 10_000


def test_the_second_basket_of_a_kind_is_told_the_same_as_the_first():
    rules = rule_set({"code": "happy", "multiply_percent": 200, "when": {"hours": ["12:00", "13:00"]}})
    later = TUESDAY_NOON.replace(hour=14)
    assert [micropoints(rules, (MILK, 100), at=at) for at in (TUESDAY_NOON, later, TUESDAY_NOON)] == [
        [2_000_000], [1_000_000], [2_000_000],
    ]  # fmt: skip


def test_points_may_be_spent_until_the_end_of_the_month():
    assert rule_set().expires_on(date(2027, 2, 28)) == date(2028, 2, 29)
    assert rule_set(expiry={"months": 6}).expires_on(date(2026, 8, 31)) == date(2027, 2, 28)
    assert rule_set(expiry=None).expires_on(date(2026, 8, 31)) == NEVER


def test_a_currency_without_a_rate_is_refused():
    with pytest.raises(UnknownCurrency, match="Use one of USD"):
        rule_set().plan(Basket("EUR", TUESDAY_NOON, [MILK], [100]))


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ([], "JSON object"),
        ({}, "earn: say what"),
        ({"earn": [{"currency": "usd", "points": 1, "per_minor": 100}]}, "ISO 4217"),
        ({"earn": [USD, USD]}, "has a rate already"),
        ({"earn": [USD | {"points": 1.5}]}, "whole numbers"),
        ({"earn": [USD], "earning": 1}, "'earning' is not a part"),
        ({"earn": [USD], "expiry": {"days": 3}}, "expiry: write"),
        ({"earn": [USD], "tiers": {"gold": "x"}}, "tiers: write percent"),
        ({"earn": [USD], "rules": [{"code": "a"}]}, r"rules\[0\]: say either"),
        ({"earn": [USD], "rules": [{"code": "a", "multiply_percent": 0}]}, "from 1 to 10000"),
        ({"earn": [USD], "rules": [{"multiply_percent": 200}]}, "give the rule a code"),
        ({"earn": [USD], "rules": [{"code": "a", "bonus_points": 5, "when": {"weekdays": [0]}}]}, "Monday"),
        (
            {"earn": [USD], "rules": [{"code": "a", "bonus_points": 5, "when": {"hours": ["20:00", "18:00"]}}]},
            "after the start",
        ),
        ({"earn": [USD], "rules": [{"code": "a", "bonus_points": 5, "when": {"colour": []}}]}, "colour: unknown"),
        ({"earn": [USD], "rules": [{"code": "a", "bonus_points": 5}] * 2}, "Give each its own code"),
        ({"earn": [USD], "exclude": [{"code": "a", "when": {}}]}, "would exclude every line"),
        ({"earn": [USD], "exclude": [{"code": "a", "when": {"weekdays": [1]}}]}, "weekdays: unknown"),
    ],
)
def test_a_faulty_rule_set_is_refused_with_what_to_write(definition, words):
    with pytest.raises(InvalidRuleSet, match=words):
        compile_rule_set(definition)


def test_every_fault_is_named_at_once():
    with pytest.raises(InvalidRuleSet) as refused:
        compile_rule_set({"earn": [], "expiry": 3, "rules": [{"code": "a"}]})
    assert len(refused.value.problems) == 3
