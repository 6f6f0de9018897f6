from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from campaigns import timing

NEW_YORK = ZoneInfo("America/New_York")


def days_of(rule, first, last):
    return [
        day.isoformat() for day in timing.dates(rule, first=date.fromisoformat(first), last=date.fromisoformat(last))
    ]


def test_a_rule_names_its_dates_and_a_short_month_takes_its_last_day():
    assert days_of(timing.Rule("weekly", weekdays=(0, 3)), "2024-01-29", "2024-02-08") == [
        "2024-01-29", "2024-02-01", "2024-02-05", "2024-02-08",
    ]  # fmt: skip
    monthly = timing.Rule("monthly", month_day=31, ends_on=date(2024, 4, 29))
    assert days_of(monthly, "2024-01-01", "2024-05-31") == ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert timing.next_date(monthly, after=date(2024, 3, 31)) is None


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (date(2026, 3, 7), time(2, 30), datetime(2026, 3, 7, 7, 30, tzinfo=UTC)),
        (date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),  # there is no 02:30 that night
        (date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),  # there are two: the first
    ],
)
def test_every_date_has_one_moment_also_when_the_clocks_change(day, at, expected):
    assert timing.moment(day, at, NEW_YORK) == expected


def test_where_members_have_their_own_clocks_the_audience_is_drawn_when_the_first_of_them_get_there():
    drawn = timing.drawn_at(date(2026, 3, 8), time(9), NEW_YORK, is_local=True)
    assert drawn == datetime(2026, 3, 7, 19, tzinfo=UTC)
    assert timing.moment(date(2026, 3, 8), time(9), ZoneInfo("Pacific/Kiritimati")) == drawn


def test_the_next_nine_o_clock_is_today_or_tomorrow():
    assert timing.next_at_time(datetime(2026, 3, 7, 15, tzinfo=UTC), time(9), NEW_YORK) == datetime(
        2026, 3, 8, 13, tzinfo=UTC
    )
    assert timing.next_at_time(datetime(2026, 3, 7, 13, tzinfo=UTC), time(9), NEW_YORK) == datetime(
        2026, 3, 7, 14, tzinfo=UTC
    )
