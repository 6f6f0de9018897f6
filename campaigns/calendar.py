"""All campaigns by day: what went out, what will, which of them want the same members at the same time, and how tired that makes them."""

import calendar
import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Value

from campaigns import audiences, timing
from campaigns.models import Campaign
from campaigns.operations import repeating
from delivery import queries as outbox
from delivery.models import Message

PAIRS_MAX = 12
CLOSE = timedelta(hours=24)
WEEK = timedelta(days=7)
Status = Campaign.Status


@dataclass(frozen=True)
class Outing:
    """One campaign on one day. `is_past`: it went out, or was missed; else it is still to come."""

    campaign: Campaign
    at: datetime
    is_past: bool


@dataclass(frozen=True)
class Conflict:
    """Two outings within a day of each other that want the same members; `members` is how many."""

    first: Outing
    second: Outing
    members: int


@dataclass(frozen=True)
class Fatigue:
    """Members by how many marketing messages they got in the last seven days and would get in the next: (messages, members)."""

    members: tuple[tuple[int, int], ...]
    cap: int | None

    @property
    def beyond(self) -> int:
        """Members to whom the cap will refuse something."""
        return sum(n for messages, n in self.members if self.cap is not None and messages > self.cap)


def outings(*, first: datetime, last: datetime, at: datetime) -> list[Outing]:
    """Everything between two moments, in order of time."""
    shown = Campaign.objects.select_related("audience").exclude(kind=Campaign.Kind.HISTORICAL)
    found = [
        Outing(
            one, one.launched_at or one.launch_at, is_past=one.launched_at is not None or one.status == Status.MISSED
        )
        for one in shown.filter(timing=Campaign.Timing.ONCE).exclude(status__in=(Status.DRAFT, Status.CANCELLED))
        if (one.launched_at or one.launch_at) and first <= (one.launched_at or one.launch_at) < last
    ]
    for series in shown.filter(timing=Campaign.Timing.RECURRING, status=Status.LIVE):
        found += [
            Outing(series, drawn, is_past=False)
            for _day, drawn in repeating.upcoming(series, first=max(first, at).date(), last=last.date())
            if max(first, at) <= drawn < last
        ]
    return sorted(found, key=lambda one: (one.at, one.campaign.pk))


def month(year: int, number: int, *, at: datetime) -> list[list[tuple[date, list[Outing]]]]:
    """The weeks of a month, Monday first, each day with what goes out on it by the shop's clock."""
    zone = timing.zone("", otherwise=settings.TIME_ZONE)
    weeks = calendar.Calendar().monthdatescalendar(year, number)
    begin = timing.moment(weeks[0][0], datetime.min.time(), zone)
    end = timing.moment(weeks[-1][-1] + timedelta(days=1), datetime.min.time(), zone)
    by_day = defaultdict(list)
    for one in outings(first=begin, last=end, at=at):
        by_day[one.at.astimezone(zone).date()].append(one)
    return [[(day, by_day[day]) for day in week] for week in weeks]


def always_on():
    """Triggered campaigns that listen now: they have no day."""
    return Campaign.objects.listening().order_by("name")


def conflicts(*, at: datetime, days: int = 14) -> list[Conflict]:
    """Pairs within a day of each other that want the same members, the most members first. The nearest pairs are looked at."""
    coming = [one for one in outings(first=at, last=at + timedelta(days=days), at=at) if not one.is_past]
    close = [(a, b) for a, b in itertools.combinations(coming, 2) if a.campaign != b.campaign and b.at - a.at < CLOSE]
    found = [Conflict(a, b, _shared(a.campaign, b.campaign, at)) for a, b in close[:PAIRS_MAX]]
    return sorted((one for one in found if one.members), key=lambda one: -one.members)


def _shared(a: Campaign, b: Campaign, at) -> int:
    others = audiences.compile(b.audience.conditions, at=at).order_by().values("pk")
    return audiences.compile(a.audience.conditions, at=at).filter(pk__in=others).count()


_TIRED = """
SELECT n, count(*) FROM (SELECT member_id, count(*) AS n FROM ({all_of_them}) AS m (member_id, cause) GROUP BY member_id) AS tired
 GROUP BY n ORDER BY n
"""


def fatigue(*, at: datetime) -> Fatigue:
    """One statement over the last seven days' messages and the audiences of the next seven days' campaigns."""
    sent = Message.objects.filter(state="sent", purpose="marketing", sent_at__gt=at - WEEK, member__isnull=False)
    # The cause is part of what is told apart: a campaign's e-mail and its push count once.
    asked = [sent.order_by().values_list("member_id", "cause").distinct()]
    coming = [one for one in outings(first=at, last=at + WEEK, at=at) if not one.is_past]
    asked += [
        audiences.compile(one.campaign.audience.conditions, at=at)
        .order_by()
        .values_list("pk", Value(f"{one.campaign.pk} {one.at}"))
        for one in coming
    ]
    pieces = [one.query.sql_with_params() for one in asked]
    with connection.cursor() as cursor:
        cursor.execute(
            _TIRED.format(
                all_of_them=" UNION ALL ".join(f"SELECT one.* FROM ({sql}) AS one" for sql, _given in pieces)  # noqa: S608 - Django's own text
            ),
            [value for _sql, given in pieces for value in given],
        )
        rows = tuple(cursor.fetchall())
    caps = [policy.marketing_messages_max for policy in outbox.policies().values()]
    return Fatigue(rows, min(caps, default=None))
