"""Birthdays and anniversaries: gifts that come by themselves, purchases that earn more; and rules for some tiers only."""

from datetime import UTC, datetime

import pytest

from loyalty import operations, queries
from loyalty.earning import InvalidRuleSet, compile_rule_set
from loyalty.models import MemberEvent, Wallet
from members.models import Member
from tests.loyalty.verdict import assert_sound

GIFT = {"code": "gift", "name": "Birthday gift", "kind": "birthday", "gives": {"points": 100}, "by_itself": True}
DOUBLE = {
    "code": "double", "name": "Birthday double", "name_zh": "生日双倍", "kind": "occasion", "multiply_percent": 200, "days_before": 1,
    "days_after": 1,
}  # fmt: skip


def on(day):
    return datetime.fromisoformat(f"{day}T17:00:00").replace(tzinfo=UTC)


def born(shop, month, day):
    member = shop.member()
    move_birthday(member, month, day)
    return member


def move_birthday(member, month, day):
    Member.objects.filter(pk=member.pk).update(birth_month=month, birth_day=day)


def points_of(member):
    wallet = Wallet.objects.filter(member=member, currency__code="points").first()
    return wallet.available if wallet else 0


def test_a_birthday_gift_comes_by_itself_once_a_year_and_its_day_is_locked(shop):
    shop.publish([GIFT])
    leap, other = born(shop, 2, 29), born(shop, 6, 1)
    assert [
        operations.grant_occasions(at=on(day)) for day in ("2026-02-27", "2026-02-28", "2026-02-28", "2026-03-01")
    ] == [0, 1, 0, 0]
    move_birthday(leap, 7, 1)
    operations.grant_occasions(at=on("2026-07-01"))
    assert (points_of(leap), points_of(other)) == (100, 0)
    operations.grant_occasions(at=on("2027-02-28"))  # the day that was paid for first, whatever the profile says now
    operations.grant_occasions(at=on("2028-02-29"))
    assert (points_of(leap), MemberEvent.objects.filter(member=leap).count()) == (200, 4), (
        "the first gift expired meanwhile"
    )
    assert queries.entries(leap.pk)[-1].sentence == "100 points: 100 points for Birthday gift (birthday)"
    assert_sound()


def test_an_anniversary_gift_comes_from_the_first_year_on(shop):
    shop.publish([GIFT | {"kind": "anniversary"}])
    member = shop.member()
    Member.objects.filter(pk=member.pk).update(joined_at=on("2025-05-05"))
    for day in ("2025-05-05", "2026-05-04", "2026-05-05", "2026-05-06"):
        operations.grant_occasions(at=on(day))
    assert points_of(member) == 100


def test_a_birthday_multiplies_one_purchase_a_year_and_stays_on_its_first_day(shop):
    shop.publish([DOUBLE])
    member = born(shop, 2, 29)
    days = ["2026-02-26", "2026-02-27", "2026-02-28"]
    assert [shop.buy(member, 1_000, at=on(day)).points for day in days] == [10, 20, 10]
    move_birthday(member, 6, 1)
    assert [shop.buy(member, 1_000, at=on(day)).points for day in ("2026-06-01", "2027-02-28")] == [10, 20]
    assert "×2 for Birthday double" in queries.entries(member.pk)[0].sentence
    assert_sound()


def test_a_refund_takes_the_doubled_points_back_and_the_use_stays_used(shop):
    shop.publish([DOUBLE])
    member = born(shop, 6, 1)
    bought = shop.buy(member, 1_000, at=on("2026-06-01"))
    assert shop.refund(bought, (1, 1_000), at=on("2026-06-01")).points == 20
    assert shop.buy(member, 1_000, at=on("2026-06-01")).points == 10
    assert_sound()


def test_a_rule_may_be_for_some_tiers_and_asks_for_the_tier_held_before_the_purchase(shop):
    shop.publish(
        [
            {"code": "vip", "name": "Silver double", "multiply_percent": 200, "when": {"tiers": ["silver"]}},
            {"code": "visit", "kind": "visits", "every": 1, "once_a_day": False, "gives": {"points": 7}, "when": {"tiers": ["silver"]}},
        ],
        tiers={},
    )  # fmt: skip
    member = shop.member()
    assert [shop.buy(member, minor).points for minor in (100_000, 1_000)] == [1_000, 27]
    told = queries.entries(member.pk)
    assert "Silver double" in told[0].sentence
    assert "Silver double" not in told[1].sentence
    assert_sound()


def test_what_cannot_be_is_refused_in_both_languages():
    rule = {"code": "x", "multiply_percent": 50, "when": {"tiers": "gold"}}
    with pytest.raises(InvalidRuleSet) as refused:
        compile_rule_set({"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": [rule]})
    [problem] = refused.value.problems
    assert str(problem) == "rules[0].when.tiers: write a list of names."
    assert problem.words({"write a list of names.": "请写成名称列表。"}.get) == "请写成名称列表。"
