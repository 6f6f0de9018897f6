"""The data's dressing: what is moved, what is invented, and that both are the same at every run."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import phonenumbers
import pyarrow.compute as pc
import pytest

from demo import dressing, people


@pytest.fixture(scope="module")
def original():
    return dressing.Year(weeks=0)


def test_the_year_is_whole(original):
    lines = original.lines()
    assert lines.num_rows == 1_469_307
    assert pc.count_distinct(lines["receipt"]).as_py() == 155_848
    assert len(original.households) == 2_469


def test_lines_come_in_the_order_of_time_and_receipts_in_one_piece(original):
    lines = original.lines()
    times = lines["time"]
    assert pc.all(pc.less_equal(times.slice(0, len(times) - 1), times.slice(1))).as_py()
    receipts = lines["receipt"]
    changes = pc.sum(pc.not_equal(receipts.slice(0, len(receipts) - 1), receipts.slice(1))).as_py()
    assert changes + 1 == 155_848


def test_totals_are_the_sources_own_to_the_cent(original):
    first = original.lines().slice(0, 3).to_pylist()
    assert [row["line_total"] for row in first] == [Decimal("0.50"), Decimal("0.99"), Decimal("1.43")]


def test_fuel_is_counted_in_gallons(original):
    lines = original.lines()
    fuel = lines.filter(pc.equal(lines["unit"], "gal"))
    assert fuel.num_rows > 10_000
    price = pc.sum(fuel["line_total"]).as_py() / pc.sum(fuel["quantity"]).as_py()
    assert Decimal(2) < price < Decimal(3), "dollars a gallon in 2017"
    others = lines.filter(pc.not_equal(lines["unit"], "gal"))
    assert pc.max(others["quantity"]).as_py() < 1_000


@pytest.mark.parametrize("today", [date(2026, 11, 22), date(2026, 11, 23), date(2027, 2, 28), date(2028, 2, 29)])
def test_the_moved_year_ends_before_today_by_less_than_a_week_and_keeps_its_weekdays(today):
    year = dressing.Year(dressing.weeks_moved(today))
    last_day = dressing.LAST_DAY + timedelta(weeks=year.weeks)
    assert last_day < today <= last_day + timedelta(days=7)
    assert last_day.weekday() == dressing.LAST_DAY.weekday()
    newest = pc.max(year.lines(begin=year.ends_at - timedelta(days=2))["time"]).as_py()
    assert year.ends_at - timedelta(days=1) < newest < year.ends_at


def test_a_cut_splits_the_year_without_losing_or_doubling_a_line(original):
    cut = datetime(2017, 12, 4, 5, tzinfo=UTC)
    before, after = original.lines(end=cut), original.lines(begin=cut)
    assert before.num_rows + after.num_rows == 1_469_307
    assert pc.max(before["time"]).as_py() < cut <= pc.min(after["time"]).as_py()


def test_people_are_invented_the_same_at_every_run_and_cannot_be_reached(original):
    first, second = people.invent(original.households), people.invent(original.households)
    assert first == second
    assert len({p.phone for p in first}) == len({p.email for p in first}) == 2_469
    assert all(p.email.endswith("@example.com") for p in first)
    assert all(
        phonenumbers.format_number(phonenumbers.parse(p.phone), phonenumbers.PhoneNumberFormat.E164) == p.phone
        for p in first
    )
    assert all(p.phone[5:10] == "55501" for p in first)
    shares = sum("email" in p.consents for p in first) / len(first)
    assert abs(shares - people.EMAIL_CONSENT_SHARE) < 0.03


def test_history_has_its_27_campaigns_with_whom_they_reached(original):
    history = dressing.campaigns(original)
    assert len(history) == 27
    assert sum(len(c["households"]) for c in history) == 6_589
    assert sum(len(c["redemptions"]) for c in history) == 2_102
