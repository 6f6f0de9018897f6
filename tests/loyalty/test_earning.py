"""Rules in plain Python: what a basket earns, why, and what a rule set may not say."""

import json
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.earning import (
    NEVER,
    Basket,
    InvalidRuleSet,
    Product,
    UnknownCurrency,
    category_names,
    compile_rule_set,
    occasion,
    period_of,
    runs,
    step_of,
)
from loyalty.earning.kinds import KINDS
from loyalty.earning.reasons import as_json

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
    assert json.loads(as_json(explained)) == json.loads(json.dumps(explained))
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
        ({"earn": [USD], "expiry": {"weeks": 3}}, "expiry: write"),
        ({"earn": [USD], "tiers": {"gold": "x"}}, "tiers: write percent"),
        ({"earn": [USD], "rules": [{"code": "a"}]}, r"rules\[0\].multiply_percent: is missing"),
        ({"earn": [USD], "rules": [{"code": "a", "multiply_percent": 0}]}, "from 1 to 10000"),
        ({"earn": [USD], "rules": [{"multiply_percent": 200}]}, "give the rule a code"),
        ({"earn": [USD], "rules": [{"code": "a", "bonus_points": 5, "when": {"weekdays": [0]}}]}, "Monday"),
        (
            {"earn": [USD], "rules": [{"code": "a", "bonus_points": 5, "when": {"hours": ["20:00", "20:00"]}}]},
            "must differ from the start",
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


# -- grammar: kinds, tags, stores, stacking ----------------------------------------------------------------------------


def test_tags_stores_and_hours_over_midnight_are_conditions():
    organic = MILK._replace(tags=("Organic",))
    double = rule_set({"code": "d", "multiply_percent": 200, "when": {"tags": ["organic"]}})
    assert micropoints(double, (organic, 100), (MILK, 100)) == [2_000_000, 1_000_000]
    there = rule_set({"code": "d", "multiply_percent": 200, "when": {"stores": ["S2"]}})
    for store, expected in (("s2", 2_000_000), ("S1", 1_000_000)):
        assert there.plan(basket((MILK, 100))._replace(store=store)).line_micropoints == [expected]
    late = rule_set({"code": "d", "multiply_percent": 200, "when": {"hours": ["22:00", "02:00"]}})
    for hour, expected in ((21, 1), (22, 2), (1, 2), (2, 1)):
        assert micropoints(late, (MILK, 100), at=TUESDAY_NOON.replace(hour=hour)) == [expected * 1_000_000]


def test_one_multiplier_of_each_group_counts_and_one_that_stops_ends_the_list():
    rules = rule_set(
        {"code": "brand", "multiply_percent": 200, "group": "brand", "priority": 1},
        {"code": "week", "multiply_percent": 300, "group": "time", "priority": 2},
        {"code": "hour", "multiply_percent": 400, "group": "time", "priority": 3, "stops": True},
        {"code": "more", "multiply_percent": 900, "stacks": True, "priority": 4},
    )
    plan = rules.plan(basket((MILK, 100)))
    assert plan.line_micropoints == [8_000_000]
    assert {r["code"]: r["reason"] for r in rules.explain(plan)["not_applied"]} == {
        "week": "a_larger_one_applied", "more": "stopped_by_an_earlier_one",
    }  # fmt: skip


def test_the_first_by_priority_may_count_instead_of_the_largest_and_all_together_have_a_limit():
    multipliers = [
        {"code": "a", "multiply_percent": 200, "priority": 1},
        {"code": "b", "multiply_percent": 500, "priority": 2},
        {"code": "c", "multiply_percent": 300, "stacks": True},
    ]
    first = rule_set(*multipliers, stacking={"chooses": "first"})
    plan = first.plan(basket((MILK, 100)))
    assert plan.line_micropoints == [6_000_000]
    assert [r["reason"] for r in first.explain(plan)["not_applied"]] == ["an_earlier_one_applied"]
    assert micropoints(rule_set(*multipliers, stacking={"percent_max": 450}), (MILK, 100)) == [4_500_000]


def test_rewards_and_what_was_paid_with_points_earn_nothing():
    rules = rule_set({"code": "b", "bonus_points": 10})
    plan = rules.plan(basket((MILK, 1000), (APPLE, 500), (WINE, 300))._replace(earning_minor=[600, 0, 300]))
    assert plan.line_micropoints == [6_000_000, 0, 3_000_000]
    assert plan.line_extra_micropoints == [6_666_667, 0, 3_333_333]
    assert rules.explain(plan)["earning_minor"] == 900


def test_a_rule_with_a_budget_waits_for_the_posting_function():
    rules = rule_set(
        {"code": "double", "multiply_percent": 200, "budget": {"points": 1000}, "when": {"categories": ["PRODUCE"]}},
        {"code": "gift", "bonus_points": 7, "trial": {"salt": "gift", "holdout_percent": 10}},
    )
    plan = rules.plan(basket((MILK, 300), (APPLE, 200)))
    assert (plan.line_micropoints, plan.line_extra_micropoints) == ([3_000_000, 2_000_000], None)
    assert rules.limited(plan) == [
        {"rule": "double", "benefit": "multiply", "amount": 200, "lines": [2], "micropoints": [2_000_000]},
        {"rule": "gift", "benefit": "bonus", "amount": 7, "lines": [1], "micropoints": [7_000_000]},
    ]


def test_a_basket_tells_each_state_rule_what_counts():
    rules = rule_set(
        {"code": "stamp", "kind": "stamps", "every": 5000, "card_size": 10, "card_gives": {"points": 100}},
        {"code": "apples", "kind": "challenge", "measure": "items", "target": 6, "gives": {"points": 5}, "when": {"categories": ["PRODUCE"]}},
        {"code": "fish", "kind": "visits", "every": 5, "gives": {"points": 5}, "when": {"categories": ["FISH"]}},
        {"code": "weeks", "kind": "streak", "length": 3, "gives": {"points": 5}},
        exclude=[{"code": "wine", "when": {"categories": ["DOMESTIC WINE"]}}],
    )  # fmt: skip
    assert [(term.code, term.every, term.gives) for term in rules.terms[:2]] == [
        ("stamp", 5000, {"stamps": 1}), ("stamp.card", 50_000, {"stamps": -10, "points": 100}),
    ]  # fmt: skip
    plan = rules.plan(
        basket((MILK, 100), (APPLE, 200), (WINE, 900), (DEPOSIT, 50))._replace(quantities=[1000, 2500, 1000, 1000])
    )
    calls = {call["code"]: call for call in rules.calls(plan)}
    ever = {"period": "0001-01-01", "ends": "9999-12-31"}
    assert calls == {
        "stamp": {"code": "stamp", "lines": [1, 2], "amounts": [100, 200]} | ever,
        "stamp.card": {"code": "stamp.card", "lines": [1, 2], "amounts": [100, 200]} | ever,
        "apples": {"code": "apples", "lines": [2], "amounts": [2500], "period": "2026-03-01", "ends": "2026-03-31"},
        "weeks": {"code": "weeks", "lines": [1, 2], "amounts": [100, 200], "step": step_of(TUESDAY_NOON.date(), "week")} | ever,
    }  # fmt: skip


def test_every_kind_compiles_from_its_description_and_says_what_is_missing():
    samples = {"count": 2, "percent": 200, "minor": 500, "points": 10, "gives": {"points": 5}, "text": "review"}
    for kind in KINDS:
        entry = {"code": "r", "kind": kind.code} | {f.name: samples[f.type] for f in kind.fields if f.is_required}
        compiled = rule_set(entry)
        assert len(compiled.rules) + len(compiled.terms) == 1, kind.code
        for field in kind.fields:
            if field.is_required:
                with pytest.raises(InvalidRuleSet, match=rf"rules\[0\].{field.name}: is missing"):
                    rule_set({k: v for k, v in entry.items() if k != field.name})


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"kind": "lottery"}, "kind: 'lottery' is unknown"),
        ({"kind": "visits", "every": 5, "gives": {"gold": 1}}, "stamps, tier_credits or cashback:USD"),
        ({"kind": "streak", "length": 3, "unit": "year", "gives": {"points": 1}}, "Use day, week, month"),
        ({"kind": "stamps", "every": 100, "card_size": 10}, "say what a full card gives"),
        ({"kind": "stamps", "every": 1, "stamps": 3, "card_size": 10, "card_gives": {"points": 1}}, "whole number of times 3"),
        ({"kind": "challenge", "measure": "events", "target": 3}, "name the event"),
        ({"multiply_percent": 50, "budget": {"points": 5}}, "more than 100"),
        ({"bonus_points": 5, "budget": {"points": -1}}, "from 0 to"),
        ({"bonus_points": 5, "budget": {"money_minor": 5}}, "needs the cost of a point"),
        ({"bonus_points": 5, "trial": {"salt": "x", "holdout_percent": 100}}, "from 1 to 99"),
        ({"bonus_points": 5, "when": {"from": "2026-03-02", "until": "2026-03-01"}}, "comes before the first"),
    ],
)  # fmt: skip
def test_a_faulty_rule_is_refused_with_what_to_write(rule, words):
    with pytest.raises(InvalidRuleSet, match=words):
        rule_set({"code": "r"} | rule)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"pending": {"days": 14, "until": "delivered"}}, "pending: write"),
        ({"pending": {}}, "pending: write"),
        ({"point_cost": {"currency": "USD"}}, "thousand points cost"),
        ({"stacking": {"chooses": "best"}}, "stacking: write"),
    ],
)
def test_a_faulty_part_is_refused_with_what_to_write(part, words):
    with pytest.raises(InvalidRuleSet, match=words):
        rule_set(**part)


def test_birthdays_of_29_february_are_kept_on_the_28th_in_common_years():
    window = {"days_before": 3, "days_after": 3}
    assert occasion(2, 29, today=date(2026, 2, 27), **window) == date(2026, 2, 28)
    assert occasion(2, 29, today=date(2028, 2, 29), days_before=0, days_after=0) == date(2028, 2, 29)
    assert occasion(2, 29, today=date(2028, 2, 28), days_before=0, days_after=0) is None
    assert occasion(1, 2, today=date(2025, 12, 30), **window) == date(2026, 1, 2)
    assert occasion(12, 31, today=date(2026, 1, 3), **window) == date(2025, 12, 31)


@given(st.sets(st.integers(0, 60)), st.integers(2, 6), st.integers(0, 60))
def test_a_step_more_never_undoes_a_streak(steps, length, another):
    assert runs(steps, length) <= runs(steps | {another}, length)
    assert runs(range(length * 3), length) == 3


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_periods_hold_their_days_and_follow_each_other_without_a_gap(day, period):
    first, last = period_of(day, period)
    assert first <= day <= last
    assert period_of(first, period) == period_of(last, period) == (first, last)
    assert period_of(last + timedelta(days=1), period)[0] == last + timedelta(days=1)
    if period in {"day", "week", "month"}:
        assert step_of(last + timedelta(days=1), period) == step_of(first, period) + 1 == step_of(day, period) + 1
