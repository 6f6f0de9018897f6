"""What is counted by bits and small numbers equals what a few lines of Python count from the purchases themselves."""

import itertools
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from members.models import Member
from reports import calendar, crossing, programme
from reports.panels import PANELS, read
from sales.models import Purchase, Source, Store
from tests.campaigns.people import points_currency, tiers

NOW = datetime(2018, 3, 11, 15, 30, tzinfo=UTC)  # the day on which New York's clocks went forward
ZONE = ZoneInfo("America/New_York")


@pytest.fixture
def lives(db):
    """Sixty members over twenty months at four places of three names, refunds and strangers among them, often on the edge of a month."""
    tiers()
    points_currency()
    chance = random.Random(11)
    people = Member.objects.bulk_create(
        Member(
            joined_at=NOW, language=chance.choice(["en", "zh-hans"]), lifecycle_stage=chance.choice(["new", "loyal"])
        )
        for _ in range(60)
    )
    sources = [Source.objects.create(code=code) for code in ("t1", "t2")]
    stores = [Store.objects.create(code=str(n), name=name) for n, name in enumerate(("Elm", "Oak", "Ash", "Oak"))]
    edges = [calendar.midnight(day) for day in calendar.months_until(NOW, 15)]
    edges += [calendar.midnight(day - timedelta(days=91)) for day in calendar.months_until(NOW, 13)]
    made = []
    for n in range(500):
        at = NOW - timedelta(minutes=chance.randrange(60 * 24 * 600))
        if n % 5 == 0:
            at = min(NOW, chance.choice(edges) + timedelta(microseconds=chance.choice([-1, 0, 1])))
        is_sale, member = chance.random() < 0.9, None if chance.random() < 0.1 else chance.choice(people)
        made.append(
            Purchase(
                source=chance.choice(sources), store=chance.choice(stores), member=member, client_key=str(n), body_hash=b"", purchased_at=at,
                currency="USD", kind=1 if is_sale else 2, total_minor=chance.randrange(1, 9_999) * (1 if is_sale else -1),
            )
        )  # fmt: skip
    Purchase.objects.bulk_create(made)
    return made


def day_of(one) -> date:
    return one.purchased_at.astimezone(ZONE).date()


def sales_of_members(lives):
    held = defaultdict(list)
    for one in lives:
        if one.kind == 1 and one.member_id and one.purchased_at <= NOW:
            held[one.member_id].append(day_of(one))
    return held


def test_new_and_lost_members_are_those_that_a_loop_over_members_counts(lives):
    held, ends = sales_of_members(lives), calendar.months_until(NOW, 13)

    def is_active(days, end):
        return any(end - timedelta(days=91) <= day < end for day in days)

    expected = []
    for was, now in itertools.pairwise(ends):
        active, before = ({m for m, days in held.items() if is_active(days, end)} for end in (now, was))
        new = {m for m in active - before if min(held[m]) >= was}
        expected.append((was, len(active), len(new), len(active - before - new), len(before - active)))
    assert list(read(PANELS["new_and_lost"], at=NOW).rows) == expected


def test_retention_by_cohort_is_what_a_loop_over_members_counts(lives):
    since = calendar.months_until(NOW, 13)[0]
    expected = defaultdict(int)
    for days in sales_of_members(lives).values():
        months = {day.replace(day=1) for day in days if day >= since}
        for month in months:
            first = min(months)
            expected[first, (month.year - first.year) * 12 + month.month - first.month] += 1
    rows = read(PANELS["retention"], at=NOW).rows
    assert {(cohort, later): n for cohort, later, n, _share in rows} == dict(expected)
    assert all(share == pytest.approx(n / expected[cohort, 0]) for cohort, _later, n, share in rows)


def test_weeks_and_who_came_back_are_what_a_loop_counts(lives):
    weeks = defaultdict(list)
    for one in lives:
        if NOW - timedelta(weeks=52) < one.purchased_at <= NOW:
            weeks[day_of(one) - timedelta(days=day_of(one).weekday())].append(one)
    expected = [
        programme.Week(
            week, sum(one.total_minor for one in held), sum(one.kind == 1 for one in held),
            len({one.member_id for one in held if one.kind == 1 and one.member_id}),
        )
        for week, held in sorted(weeks.items())
    ]  # fmt: skip
    assert programme.weekly(at=NOW) == expected
    bought = defaultdict(set)
    for one in lives:
        if one.kind == 1 and one.member_id and NOW - programme.YEAR < one.purchased_at <= NOW:
            bought[one.member_id].add(day_of(one))
    assert programme.repeat_rate(at=NOW) == programme.Repeat(
        len(bought), sum(len(days) > 1 for days in bought.values())
    )


VALUES = {
    "store": lambda one: one.store.name,
    "channel": lambda one: one.source.code,
    "month": lambda one: f"{day_of(one):%Y-%m}",
    "weekday": lambda one: str(day_of(one).isoweekday()),
    "tier": lambda _one: "",
    "stage": lambda one: one.member.lifecycle_stage if one.member else "",
    "language": lambda one: one.member.language if one.member else "",
}


@pytest.mark.parametrize(("rows", "columns"), [("store", "month"), ("weekday", "channel"), ("stage", "store"), ("language", "stage"), ("tier", "month")])  # fmt: skip
def test_every_measure_of_a_crossing_is_what_a_loop_over_purchases_counts(lives, rows, columns):
    held = defaultdict(list)
    for one in lives:
        if calendar_months_before(NOW, 6) < one.purchased_at <= NOW:
            row, column = VALUES[rows](one), VALUES[columns](one)
            for key in ((row, column), (row, None), (None, column), (None, None)):
                held[key].append(one)

    def expected(measure, those):
        sold = [one.total_minor for one in those if one.kind == 1]
        people = len({one.member_id for one in those if one.member_id})
        mean = int(sum(sold) / len(sold) + 0.5) if sold else None
        figure = {
            "sales": sum(one.total_minor for one in those),
            "purchases": len(sold),
            "members": people,
            "mean": mean,
        }
        return figure[measure], people

    for measure in crossing.MEASURES:
        found = crossing.cross(crossing.Question(rows, columns, measure, 6), at=NOW)
        assert found.cells == {key: expected(measure, those) for key, those in held.items()}


def calendar_months_before(at, months):
    """As PostgreSQL takes months off a moment: the same day and time, in UTC."""
    return at.replace(year=2017, month=at.month + 12 - months)
