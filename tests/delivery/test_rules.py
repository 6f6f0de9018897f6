"""The plain rules: quiet hours, retries, bounces, machines."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import bounces, machines, quiet, retrying

NEW_YORK = ZoneInfo("America/New_York")
zones = st.sampled_from(["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]).map(
    ZoneInfo
)
moments = st.integers(1_735_700_000, 1_798_700_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
clocks = st.times().map(lambda clock: clock.replace(microsecond=0))


@given(moments, zones, clocks, clocks)
def test_quiet_hours_always_end_later_and_on_the_dot(at, zone, quiet_from, quiet_until):
    resumed = quiet.resume_at(at, zone=zone, quiet_from=quiet_from, quiet_until=quiet_until)
    is_quiet = quiet.is_quiet(at.astimezone(zone).time(), quiet_from=quiet_from, quiet_until=quiet_until)
    assert (resumed is not None) == is_quiet
    if resumed is not None:
        assert at < resumed <= at + timedelta(hours=26)
        local = resumed.astimezone(zone)
        skipped = local.replace(tzinfo=None) - datetime.combine(local.date(), quiet_until)
        assert timedelta() <= skipped <= timedelta(hours=1), (
            "the wall clock's own time, or the end of the hour it skips"
        )


@given(moments, clocks)
def test_equal_ends_are_no_quiet_hours(at, clock):
    assert quiet.resume_at(at, zone=NEW_YORK, quiet_from=clock, quiet_until=clock) is None


@pytest.mark.parametrize(
    ("at", "resumed"),
    [
        (
            datetime(2026, 3, 8, 6, 30, tzinfo=UTC),
            datetime(2026, 3, 8, 12, 0, tzinfo=UTC),
        ),  # the spring night has 23 hours
        (datetime(2026, 11, 1, 4, 30, tzinfo=UTC), datetime(2026, 11, 1, 13, 0, tzinfo=UTC)),  # the autumn night has 25
        (datetime(2026, 7, 2, 0, 59, tzinfo=UTC), None),  # 20:59
        (datetime(2026, 7, 2, 1, 0, tzinfo=UTC), datetime(2026, 7, 2, 12, 0, tzinfo=UTC)),  # 21:00
        (datetime(2026, 7, 2, 12, 0, tzinfo=UTC), None),  # 8:00
    ],
)
def test_nine_to_eight_in_new_york(at, resumed):
    assert quiet.resume_at(at, zone=NEW_YORK, quiet_from=time(21), quiet_until=time(8)) == resumed


def test_an_end_that_the_spring_change_skips_falls_an_hour_later():
    at = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)
    end = quiet.resume_at(at, zone=NEW_YORK, quiet_from=time(23), quiet_until=time(2, 30))
    assert end.astimezone(NEW_YORK) == datetime(2026, 3, 8, 3, 30, tzinfo=NEW_YORK)


def test_waits_grow_and_come_to_an_end():
    waits = [retrying.wait_after(attempts) for attempts in range(1, 8)]
    assert waits[-1] is None
    assert waits[:-1] == sorted(waits[:-1])
    assert retrying.wait_after(10_000) is None


@pytest.mark.parametrize(
    ("detail", "is_hard"),
    [
        ("550 5.1.1 <x@example.com>: Recipient address rejected", True),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("550 No such user here", True),
        ("553 mailbox unknown", True),
        ("554 5.7.1 Message rejected as spam", False),
        ("552 5.2.2 Mailbox full", False),
        ("550 5.7.26 Unauthenticated mail", False),
        ("554 Transaction failed", False),
        ("the recipient's address cannot travel by ordinary SMTP", False),
    ],
)
def test_only_an_address_that_will_never_work_is_a_hard_bounce(detail, is_hard):
    assert bounces.is_hard(detail) is is_hard


SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"


@pytest.mark.parametrize(
    ("user_agent", "seconds", "method", "is_machine"),
    [
        (SAFARI, 60, "GET", False),
        (SAFARI, None, "GET", False),
        (SAFARI, 0.8, "GET", True),
        (SAFARI, 60, "HEAD", True),
        ("", 60, "GET", True),
        ("Mozilla/5.0", 60, "GET", True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", 60, "GET", True),
        ("python-requests/2.34", 60, "GET", True),
        ("Mozilla/5.0 (Windows NT 6.1; ms-office; MSOffice 16) Microsoft Office Existence Discovery", 60, "GET", True),
    ],
)
def test_machines_are_told_from_readers(user_agent, seconds, method, is_machine):
    assert machines.is_machine(user_agent=user_agent, seconds_since_sent=seconds, method=method) is is_machine
