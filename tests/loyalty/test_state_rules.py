"""Rules that a member's own history decides: what they give, what a refund takes back, what is written down."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from loyalty import operations, queries, verifying
from loyalty.models import Contribution, Grant, RuleState, Wallet
from sales.lines import Line
from tests.loyalty.conftest import MARCH

USD = {"currency": "USD", "points": 0, "per_minor": 100}
NEW_YORK = ZoneInfo("America/New_York")
LONG_AGO = datetime(2020, 1, 1, tzinfo=NEW_YORK)


@pytest.fixture
def publish(db):
    """Publish rules beside a rate of nothing, so that every point is a rule's; `parts` are those of the rule set."""

    def publish(*rules, earn=USD, live_from=LONG_AGO, **parts):
        definition = {"earn": [earn], "rules": [{"code": f"r{n}"} | rule for n, rule in enumerate(rules)], **parts}
        return operations.publish_rule_set(definition=definition, live_from=live_from, name="Test")

    return publish


def on(day, hour=12):
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=NEW_YORK)


def has(member, currency="points"):
    wallet = Wallet.objects.filter(member=member, currency__code=currency).first()
    return (wallet.available, wallet.debt) if wallet else (0, 0)


def nothing_is_broken():
    found = [breach for finding in verifying.verify() for breach in finding.breaches]
    assert found == []


def test_every_third_visit_gives_and_two_purchases_on_a_day_are_one_visit(shop, publish):
    publish({"kind": "visits", "every": 3, "gives": {"points": 50}, "minimum_minor": 500})
    member = shop.member()
    given = [
        shop.buy(member, minor, at=on(day)).points
        for day, minor in [("2026-03-01", 500), ("2026-03-01", 900), ("2026-03-02", 499), ("2026-03-03", 600),
                           ("2026-03-04", 500), ("2026-03-05", 500)]
    ]  # fmt: skip
    assert given == [0, 0, 0, 0, 50, 0]
    assert has(member) == (50, 0)
    nothing_is_broken()


def test_visits_count_anew_in_each_month_and_only_so_often(shop, publish):
    publish({"kind": "visits", "every": 1, "times": 2, "period": "month", "gives": {"points": 10}})
    member = shop.member()
    days = ["2026-03-01", "2026-03-02", "2026-03-03", "2026-04-01"]
    assert [shop.buy(member, 100, at=on(day)).points for day in days] == [10, 10, 0, 10]


def test_a_stamp_for_every_fifty_carries_the_rest_and_a_refund_takes_it_back(shop, publish):
    publish({"kind": "stamps", "every": 5000})
    member = shop.member()
    shop.buy(member, 3000)
    assert has(member, "stamps") == (0, 0)
    second = shop.buy(member, 2000)
    assert [(b["currency"], b["amount"]) for b in second.bonuses] == [("stamps", 1)]
    assert has(member, "stamps") == (1, 0)
    shop.refund(second, (1, 2000))
    assert has(member, "stamps") == (0, 0)
    assert RuleState.objects.get().measure == 3000
    shop.buy(member, 2000)
    assert has(member, "stamps") == (1, 0)
    nothing_is_broken()


def test_a_full_card_turns_into_its_reward_and_back_again(shop, publish):
    publish({"kind": "stamps", "by": "items", "every": 1, "card_size": 3, "card_gives": {"points": 100}})
    member = shop.member()
    cups = [shop.buy(member, [Line("milk", Decimal(1), 300)], at=on(f"2026-03-0{n}")) for n in range(1, 5)]
    assert [cup.points for cup in cups] == [0, 0, 100, 0]
    assert (has(member), has(member, "stamps")) == ((100, 0), (1, 0))
    shop.redeem(member, 100)
    shop.refund(cups[0], (1, 300))
    assert (has(member), has(member, "stamps")) == ((0, 0), (0, 0))  # three cups are left: one full card still
    shop.refund(cups[1], (1, 300))
    assert (has(member), has(member, "stamps")) == ((0, 100), (2, 0))
    nothing_is_broken()


def test_three_weeks_in_a_row_are_a_streak_and_a_gap_breaks_it(shop, publish):
    publish({"kind": "streak", "length": 3, "gives": {"points": 30}, "badge": "Regular"})
    member = shop.member()
    days = ["2026-03-02", "2026-03-10", "2026-03-22", "2026-03-23", "2026-04-13", "2026-04-20"]
    assert [shop.buy(member, 100, at=on(day)).points for day in days] == [0, 0, 30, 0, 0, 0]
    late = shop.buy(member, 100, at=on("2026-03-30"))  # told late, fills the gap: 2 March to 12 April but one week
    assert late.points == 0
    assert shop.buy(member, 100, at=on("2026-04-06")).points == 30
    nothing_is_broken()


def test_a_challenge_is_won_once_a_month_and_lost_with_the_refund_that_undoes_it(shop, publish):
    publish(
        {"kind": "challenge", "measure": "categories", "target": 2, "gives": {"points": 40}, "badge": "Explorer",
         "when": {"categories": ["GROCERY", "PRODUCE"]}},
    )  # fmt: skip
    member = shop.member()
    shop.buy(member, 100, product="milk")
    won = shop.buy(member, 100, product="apples")
    assert won.points == 40
    assert shop.buy(member, 100, product="apples").points == 0
    shop.refund(won, (1, 100))
    assert has(member) == (40, 0)  # other apples stand
    assert [(g.units, g.amount) for g in Grant.objects.order_by("pk")] == [(1, 40)]


def test_a_first_purchase_is_the_first_and_no_refund_makes_another_first(shop, publish):
    old = shop.member()
    shop.buy(old, 100)
    publish({"kind": "first_purchase", "gives": {"points": 200}})
    member = shop.member()
    assert shop.buy(old, 100).points == 0
    first, second = shop.buy(member, 100), shop.buy(member, 100)
    assert (first.points, second.points) == (200, 0)
    shop.refund(first, (1, 100))
    assert has(member) == (200, 0)
    shop.refund(second, (1, 100))
    assert has(member) == (0, 0)
    assert shop.buy(member, 100).points == 200
    nothing_is_broken()


def test_a_birthday_pays_once_a_year_whatever_the_profile_says_later(shop, publish):
    publish({"kind": "birthday", "gives": {"points": 100}, "days_before": 3, "days_after": 3})
    member = shop.member()
    member.birth_month, member.birth_day = 2, 29
    member.save()
    assert shop.buy(member, 100, at=on("2026-02-20")).points == 0
    assert shop.buy(member, 100, at=on("2026-02-27")).points == 100
    assert shop.buy(member, 100, at=on("2026-02-28")).points == 0
    member.birth_month, member.birth_day = 6, 1
    member.save()
    assert shop.buy(member, 100, at=on("2026-06-01")).points == 0
    assert shop.buy(member, 100, at=on("2027-06-01")).points == 0
    assert shop.buy(member, 100, at=on("2028-02-29")).points == 100
    nothing_is_broken()


def test_an_anniversary_comes_after_the_first_year(shop, publish):
    publish({"kind": "anniversary", "gives": {"points": 100}})
    member = shop.member()
    member.joined_at = on("2025-05-05")
    member.save()
    days = ["2025-05-05", "2026-05-04", "2026-05-05", "2026-05-05"]
    assert [shop.buy(member, 100, at=on(day)).points for day in days] == [0, 0, 100, 0]


def test_cashback_and_tier_credits_come_with_every_amount_spent(shop, publish):
    publish(
        {"kind": "spend", "every_minor": 100, "gives": {"cashback:USD": 2, "tier_credits": 1}, "when": {"categories": ["GROCERY"]}},
    )  # fmt: skip
    member = shop.member()
    bought = shop.buy(member, [Line("milk", Decimal(1), 250), Line("apples", Decimal(1), 900)])
    assert (has(member, "cashback:USD"), has(member, "tier_credits")) == ((4, 0), (2, 0))
    shop.buy(member, 50)
    assert (has(member, "cashback:USD"), has(member, "tier_credits")) == ((6, 0), (3, 0))
    shop.refund(bought, (1, 100))
    assert (has(member, "cashback:USD"), has(member, "tier_credits")) == ((4, 0), (2, 0))
    nothing_is_broken()


def test_happy_hours_are_those_of_the_store(shop, publish):
    from sales.models import Store

    Store.objects.create(code="LA", name="Los Angeles", time_zone="America/Los_Angeles")
    publish(
        {"multiply_percent": 200, "when": {"hours": ["16:00", "18:00"]}},
        earn={"currency": "USD", "points": 1, "per_minor": 100},
    )
    member = shop.member()
    at = on("2026-03-10", 17)  # 14:00 in Los Angeles
    there = operations.record_purchase(
        source="till", client_key=shop.key(), store_code="LA", purchased_at=at, currency="USD",
        lines=[Line("milk", Decimal(1), 1000)], member_id=member.pk,
    )  # fmt: skip
    assert (shop.buy(member, 1000, at=at).points, there.points) == (20, 10)
    assert there.explanation["not_applied"][0]["reason"] == "outside_its_hours"
    nothing_is_broken()


def test_publishing_other_terms_gives_and_takes_nothing_by_itself(shop, publish):
    publish({"kind": "visits", "every": 2, "gives": {"points": 10}})
    member = shop.member()
    first = [shop.buy(member, 100, at=on(f"2026-03-0{n}")) for n in range(1, 5)]
    assert has(member) == (20, 0)
    publish({"kind": "visits", "every": 5, "gives": {"points": 10}}, live_from=on("2026-03-05"))
    assert shop.buy(member, 100, at=on("2026-03-06")).points == 10  # the fifth visit
    shop.refund(first[0], (1, 100), at=on("2026-03-07"))
    assert has(member) == (20, 0)


def test_a_replay_answers_the_same_with_its_bonuses(shop, publish):
    publish({"kind": "visits", "every": 1, "gives": {"points": 7}})
    member = shop.member()
    told = shop.buy(member, 100, key="same")
    again = shop.buy(member, 100, key="same")
    assert again.is_replay
    assert (again.points, again.available, again.bonuses) == (told.points, told.available, told.bonuses)
    assert told.points == 7
    refunded = shop.refund(told, (1, 100), key="back")
    assert (refunded.points, shop.refund(told, (1, 100), key="back").points) == (7, 7)


def test_members_held_out_of_a_trial_get_nothing(shop, publish):
    from experiments.buckets import bucket

    publish(
        {"kind": "visits", "every": 1, "gives": {"points": 5}, "trial": {"salt": "visits", "holdout_percent": 50}},
        {"bonus_points": 3, "trial": {"salt": "bonus", "holdout_percent": 50}},
        earn={"currency": "USD", "points": 1, "per_minor": 100},
    )
    for _ in range(12):
        member = shop.member()
        expected = (5 if bucket("visits", member.public_id) >= 5000 else 0) + (
            3 if bucket("bonus", member.public_id) >= 5000 else 0
        )
        assert shop.buy(member, 100).points == 1 + expected
    nothing_is_broken()


def test_a_purchase_in_a_batch_earns_as_one_alone(shop, publish):
    publish({"kind": "visits", "every": 2, "gives": {"points": 5}, "once_a_day": False})
    member, other = shop.member(), shop.member()
    batch = [
        operations.PurchaseIn(
            "till", shop.key(), "S1", MARCH + timedelta(hours=n), "USD", [Line("milk", Decimal(1), 100)], who.pk
        )
        for n, who in enumerate([member, other, member, member, member])
    ]
    assert [answer.points for answer in operations.record_purchases(batch)] == [0, 0, 5, 0, 5]
    assert (has(member), has(other)) == ((10, 0), (0, 0))
    assert Contribution.objects.count() == 5
    nothing_is_broken()


def test_what_a_rule_gave_stands_with_everything_it_came_from(shop, publish):
    made = publish({"kind": "visits", "every": 2, "gives": {"points": 5}})
    member = shop.member()
    shop.buy(member, 100, at=on("2026-03-01"))
    bought = shop.buy(member, 100, at=on("2026-03-02"))
    [grant] = Grant.objects.all()
    assert (grant.purchase_id, grant.rule_set_id, grant.term, grant.period) == (
        bought.purchase_id,
        made.pk,
        "r0",
        date(1, 1, 1),
    )
    assert (grant.measure, grant.units_due, grant.units_before, grant.units, grant.amount) == (2, 1, 0, 1, 5)
    assert grant.terms == {
        "code": "r0", "rule": "r0", "kind": "visits", "measure": "days", "every": 2, "times": 0, "minimum": 1, "gives": {"points": 5},
    }  # fmt: skip
    assert queries.balance(member.pk, at=MARCH).available == 5
