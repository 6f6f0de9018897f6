"""Who enters: by news of the other rooms, by an audience looked at again and again, by a day of the calendar. Set-based.

A journey's entries are decided one after another (an advisory lock a journey), so that the rule of re-entry holds however many
workers ask; each cause lets a member in once, however often it is read.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import CharField, DateTimeField, Max, Q, QuerySet, Value

from campaigns import audiences
from campaigns.happenings import HAPPENINGS, SOURCES
from campaigns.journeys import clocks, flow
from campaigns.journeys.models import Enrolment, Journey, JourneyLook, JourneyVersion
from experiments import queries as experiments
from loyalty.events import settled_until
from members.models import Member

LOG = logging.getLogger(__name__)
MARGIN = 10_000
"""Ids looked at again when a source is read for the first time: some may have been given and not yet committed."""
DAYS_BACK = 2
"""Days of the calendar that are made up for after an outage."""
DATES_EVERY = timedelta(minutes=5)
WAITS_FOR = "wait_for"


@dataclass(frozen=True)
class Heard:
    """How many entered, and how many who waited were woken."""

    entered: int
    woken: int


_ENTER = """
INSERT INTO campaigns_enrolment (journey_id, version_id, member_id, round, cause, state, step, due_at, until, arrived_at,
                                 entered_at, ended_at, why)
SELECT here.journey, %s, c.who,
       1 + coalesce((SELECT max(e.round) FROM campaigns_enrolment e WHERE e.journey_id = here.journey AND e.member_id = c.who), 0),
       c.cause, 'active', %s, here.at, NULL, here.at, here.at, NULL, ''
  FROM (SELECT %s::bigint AS journey, %s::timestamptz AS at, %s::integer AS days) AS here
 CROSS JOIN LATERAL
       (SELECT DISTINCT ON (r.who) r.who, r.cause
          FROM ({rows}) AS r (who, cause, moment)
         WHERE NOT EXISTS (SELECT FROM campaigns_enrolment e
                            WHERE e.journey_id = here.journey AND e.member_id = r.who AND e.cause = r.cause)
         ORDER BY r.who, r.moment, r.cause) AS c
 WHERE c.who IN ({allowed})
   AND NOT EXISTS (SELECT FROM campaigns_enrolment e WHERE e.journey_id = here.journey AND e.member_id = c.who AND {inside})
    ON CONFLICT DO NOTHING
"""

# Whom of those who were in before the rule keeps out.
_INSIDE = {
    "never": "true",
    "after_leaving": "e.state = 'active'",
    "after_days": "(e.state = 'active' OR e.entered_at > here.at - here.days * interval '1 day')",
}


@transaction.atomic
def enter(*, journey: Journey, rows: QuerySet, at: datetime) -> int:
    """Let in the members of `rows` (values who, cause, moment) whom the journey's rules allow; how many are new. Repeatable."""
    version = journey.version
    step, rule = flow.first(version.definition), version.definition["reentry"]
    if step is None:
        return 0
    chosen, chosen_values = rows.query.sql_with_params()
    allowed, allowed_values = _allowed(version, at).query.sql_with_params()
    values = [version.pk, step, journey.pk, at, rule.get("days") or 0, *chosen_values, *allowed_values]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('journey'), %s)", [journey.pk])
        cursor.execute(_ENTER.format(rows=chosen, allowed=allowed, inside=_INSIDE[rule["rule"]]), values)
        return cursor.rowcount


def _allowed(version: JourneyVersion, at) -> QuerySet:
    """Active members the entry's audience describes (if it names one), without the standing control group."""
    conditions = version.definition["entry"].get("conditions")
    found = audiences.compile(conditions, at=at) if conditions else Member.objects.active()
    if experiments.control_at(at):
        found = found.exclude(pk__in=experiments.held_out_by_control(at))
    return found.order_by().values("pk")


def _live():
    return Journey.objects.filter(status=Journey.Status.LIVE, version__isnull=False).select_related("version")


# -- by news -----------------------------------------------------------------------------------------------------------


def listen(*, at: datetime) -> Heard:
    """Read what is new of every source that some journey asks about; let in and wake. Any number may run at once."""
    listening = _listening()
    entered = woken = 0
    for code in sorted(listening):
        with transaction.atomic():
            look = _look(code)
            if look is None:
                continue
            told_in, told_up = _hear(code, look, listening[code], at)
            entered, woken = entered + told_in, woken + told_up
    return Heard(entered, woken)


def _listening() -> dict[str, list[tuple[str, JourneyVersion, dict]]]:
    """Source → who asks about it: journeys by their entry, versions by what their steps wait for and by their goals."""
    told = []
    for journey in _live():
        entry = journey.version.definition["entry"]
        if entry["kind"] == "event":
            told.append(("entry", journey.version, entry))
    running = JourneyVersion.objects.filter(journey__status=Journey.Status.LIVE).select_related("journey__version")
    for version in running:
        goal = version.definition.get("goal")
        if goal and goal.get("event"):
            told.append(("goal", version, goal))
        nodes = flow.nodes(version.definition).values()
        told.extend((node.id, version, node.step) for node in nodes if node.type == WAITS_FOR)
    asked = defaultdict(list)
    for asker in told:
        for source in HAPPENINGS[asker[2]["event"]].sources:
            asked[source.code].append(asker)
    return asked


_CLOCK = "SELECT clock_timestamp()"


def _look(code: str) -> tuple[int, int] | None:
    """The ids to read, (after, up to), or None while another worker reads or nothing is new. Settles what was seen before."""
    horizon = settled_until()
    newest = SOURCES[code].all_rows().model.objects.aggregate(newest=Max("pk"))["newest"] or 0
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK)
        (now,) = cursor.fetchone()
    JourneyLook.objects.get_or_create(
        source=code, defaults={"settled_id": max(0, newest - MARGIN), "seen_id": newest, "seen_at": now}
    )
    look = JourneyLook.objects.select_for_update(skip_locked=True).filter(source=code).first()
    if look is None:
        return None
    after = look.settled_id
    if (
        look.seen_at < horizon
    ):  # whoever was given an id then has committed by now: after this reading it is read for good
        look.settled_id, look.seen_id, look.seen_at = look.seen_id, max(newest, look.seen_id), now
        look.save(update_fields=["settled_id", "seen_id", "seen_at"])
    return (after, newest) if newest > after else None


def _hear(code: str, look: tuple[int, int], asked, at) -> tuple[int, int]:
    entered = woken = 0
    for what, version, happening in asked:
        try:
            with transaction.atomic():
                told_in, told_up = _tell(code, (what, version, happening), look, at)
        except Exception:  # one that cannot be asked any more keeps no other from hearing
            LOG.exception("journey %s could not hear of %s", version.journey_id, code)
            continue
        entered, woken = entered + told_in, woken + told_up
    return entered, woken


def _tell(code: str, asker, look: tuple[int, int], at) -> tuple[int, int]:
    """News for one who asked: (how many entered, how many were woken)."""
    what, version, happening = asker
    after, newest = look
    rows = SOURCES[code].rows(happening).filter(pk__gt=after, pk__lte=newest)
    if what != "entry":
        return 0, _wake(version, what, rows, at)
    since = rows.filter(moment__gte=version.journey.live_from)
    return enter(journey=version.journey, rows=since.values_list("who", SOURCES[code].cause(), "moment"), at=at), 0


_WAKE = """
UPDATE campaigns_enrolment e SET due_at = %s
 WHERE e.version_id = %s AND e.state = 'active' AND e.due_at > %s AND (%s = 'goal' OR e.step = %s)
   AND e.member_id = ANY(%s)
"""


def _wake(version, what: str, rows: QuerySet, at) -> int:
    """Let those be looked at now for whom it happened; whether it happened in time is asked then."""
    members = sorted(set(rows.values_list("who", flat=True)))
    if not members:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, [at, version.pk, at, what, what, members])
        return cursor.rowcount


# -- by audience and by date -------------------------------------------------------------------------------------------


def come(*, at: datetime) -> int:
    """Let in by audience and by date wherever the next look is due; how many entered. Any number may run at once."""
    entered = 0
    for pk in list(_live().filter(next_entry_at__lte=at).order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            due = _live().filter(pk=pk, next_entry_at__lte=at)
            journey = due.select_for_update(skip_locked=True, of=("self",)).first()
            if journey is None:
                continue
            entry = journey.version.definition["entry"]
            entered += (_by_audience if entry["kind"] == "audience" else _by_date)(journey, at)
            Journey.objects.filter(pk=pk).update(next_entry_at=next_entry(entry, at))
    return entered


def next_entry(entry: dict, at: datetime) -> datetime | None:
    """When to look next, after a look at this moment; None where news lets members in."""
    if entry["kind"] == "event":
        return None
    if entry["kind"] == "date":
        return at + DATES_EVERY
    if entry["every"] == "night":
        place = clocks.zone(settings.TIME_ZONE)
        return clocks.next_local(at + timedelta(seconds=1), place, time.fromisoformat(entry["at"]))
    return at + timedelta(minutes=entry["minutes"])


def _by_audience(journey, at) -> int:
    cause = Value(f"audience:{journey.next_entry_at:%Y-%m-%dT%H:%M}", output_field=CharField())
    moment = Value(at, output_field=DateTimeField())
    # The audience is asked as the entry's condition.
    return enter(journey=journey, rows=Member.objects.active().order_by().values_list("pk", cause, moment), at=at)


def _by_date(journey, at) -> int:
    """Whose day it is where they are, and since when it is that late there; days missed in an outage are made up for."""
    entry, entered = journey.version.definition["entry"], 0
    wanted = time.fromisoformat(entry["at"])
    names = list(Member.objects.active().order_by().values_list("time_zone", flat=True).distinct())
    for day, places in clocks.days_around(at, names, back=DAYS_BACK).items():
        ripe = [name for name in places if journey.live_from <= clocks.moment_of(day, wanted, clocks.zone(name)) <= at]
        if not ripe:
            continue
        kept = day - timedelta(days=entry["days"])
        rows = Member.objects.active().filter(whose_day(entry["date"], kept), time_zone__in=ripe).order_by()
        cause = Value(f"{entry['date']}:{kept}", output_field=CharField())
        entered += enter(
            journey=journey, rows=rows.values_list("pk", cause, Value(at, output_field=DateTimeField())), at=at
        )
    return entered


def whose_day(what: str, day: date) -> Q:
    """Members whose birthday, anniversary or date in a custom field is kept on this day; 29 February is kept on the 28th of
    other years. A custom field's day comes once a year too.
    """
    days = [(day.month, day.day)]
    if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
        days.append((2, 29))
    if what == "birthday":
        return _any(Q(birth_month=month, birth_day=number) for month, number in days)
    if what == "anniversary":
        return Q(joined_at__date__lt=day) & _any(
            Q(joined_at__month=month, joined_at__day=number) for month, number in days
        )
    code = what.removeprefix("field:")
    return _any(Q(**{f"custom_fields__{code}__endswith": f"-{month:02}-{number:02}"}) for month, number in days)


def _any(conditions) -> Q:
    joined = Q(pk__in=[])
    for one in conditions:
        joined |= one
    return joined


def enrolled(journey: Journey) -> QuerySet:
    return Enrolment.objects.filter(journey=journey)
