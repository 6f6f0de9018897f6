"""All campaigns by day: what went out, what will, which of them want the same members at the same time, and how tired that makes them."""

import calendar
import itertools
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import DateTimeField, Value

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
    """How often members hear from us around now: those of the last days and the planned of as many days to come, counted together.

    `members`: (messages, members), a member counted with the most messages they have within any `days` days. `refused`: members to
    whom a rule of the outbox will refuse something planned: more than `cap` in those days, or within `hours` of the one before. The
    strictest cap and the shortest hours of all channels are meant; 0 hours and no cap are no rules.
    """

    members: tuple[tuple[int, int], ...]
    refused: int
    days: int
    cap: int | None
    hours: int


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
WITH heard (member_id, cause, at, is_planned) AS ({heard}),
contact AS (SELECT member_id, min(at) AS at, bool_and(is_planned) AS is_planned FROM heard GROUP BY member_id, cause),
placed AS (
  SELECT member_id, is_planned, at - lag(at) OVER (PARTITION BY member_id ORDER BY at) AS since,
         count(*) OVER (PARTITION BY member_id ORDER BY at RANGE BETWEEN make_interval(days => %s) PRECEDING AND CURRENT ROW) AS messages
    FROM contact),
tired AS (
  SELECT member_id, max(messages) AS most, bool_or(is_planned AND (messages > %s::int OR since < make_interval(hours => %s))) AS is_refused
    FROM placed GROUP BY member_id)
SELECT most, count(*), count(*) FILTER (WHERE is_refused) FROM tired GROUP BY most ORDER BY most
"""


def fatigue(*, at: datetime) -> Fatigue:
    """One statement over what was sent lately, what waits in the outbox, and the audiences of the campaigns to come.

    What belongs to one cause, a campaign's e-mail and its push, counts once, as it does in the outbox.
    """
    policies = outbox.policies().values()
    strictest = min(policies, key=lambda one: one.marketing_messages_max, default=None)
    days, cap = (strictest.cap_days, strictest.marketing_messages_max) if strictest else (WEEK.days, None)
    hours = min((one.hours_between for one in policies), default=0)
    asked = [*_in_the_outbox(at, days), *_planned(at, days)]
    pieces = [one.query.sql_with_params() for one in asked]
    heard = " UNION ALL ".join(f"SELECT one.* FROM ({sql}) AS one" for sql, _given in pieces)  # noqa: S608 - Django's own text
    given = [value for _sql, values in pieces for value in values]
    with connection.cursor() as cursor:
        cursor.execute(_TIRED.format(heard=heard), [*given, days, cap, hours])  # no cap is NULL: nothing is more
        rows = cursor.fetchall()
    return Fatigue(tuple((most, n) for most, n, _ in rows), sum(refused for *_, refused in rows), days, cap, hours)


def _in_the_outbox(at, days: int) -> list:
    """What was sent and what waits: (member, cause, when, whether it is still to come)."""
    ours, span = Message.objects.filter(purpose="marketing", member__isnull=False), timedelta(days=days)
    sent = ours.filter(state="sent", sent_at__gt=at - span, sent_at__lte=at)
    waiting = ours.filter(state__in=("pending", "claimed"), due_at__lte=at + span)
    return [
        rows.order_by().values_list("member_id", "cause", when, Value(is_planned))
        for rows, when, is_planned in ((sent, "sent_at", False), (waiting, "due_at", True))
    ]


def _planned(at, days: int) -> list:
    """The same of members whom a campaign to come will mean."""
    coming = [one for one in outings(first=at, last=at + timedelta(days=days), at=at) if not one.is_past]
    return [
        audiences.compile(one.campaign.audience.conditions, at=at)
        .order_by()
        .values_list(
            "pk", Value(f"{one.campaign.pk} {one.at}"), Value(one.at, output_field=DateTimeField()), Value(True)
        )
        for one in coming
    ]
