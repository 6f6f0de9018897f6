"""The runner: due enrolments are claimed in batches, and each group that stands at one step is moved on by a few statements.

One transaction claims a batch and lets everybody walk until they wait: for each step it writes the step's unique rows and
causes what the step causes (all of it rows of our own database); at the end it writes where everybody stands. Killed at any
moment it has done all of that or nothing. Any number may run at once.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from campaigns.journeys import clocks, flow
from campaigns.journeys.models import Enrolment, Journey, JourneyVersion
from campaigns.journeys.wholesale import among, array, fast_cursor
from members.models import Member

LOG = logging.getLogger(__name__)
BATCH = 1000
TRY_AGAIN = timedelta(minutes=1)
State = Enrolment.State


class Due(NamedTuple):
    """One claimed enrolment, with what steps ask of its member."""

    id: int
    member_id: int
    version_id: int
    step: str
    until: datetime | None
    round: int
    due_at: datetime
    arrived_at: datetime
    entered_at: datetime
    status: str
    time_zone: str
    language: str
    public_id: UUID

    def come_to(self, stand: "Stand") -> "Due":
        """The same enrolment at its next step."""
        return self._replace(step=stand.step, due_at=stand.due_at, until=stand.until, arrived_at=stand.arrived_at)


@dataclass(frozen=True)
class Plan:
    """A published version, laid out."""

    version: JourneyVersion
    nodes: dict[str, flow.Node]

    @property
    def journey(self) -> Journey:
        return self.version.journey

    @property
    def definition(self) -> dict:
        return self.version.definition


@dataclass(frozen=True)
class Group:
    """Members who stand at the same step of the same version at the same moment."""

    plan: Plan
    node: flow.Node
    rows: list[Due]
    at: datetime

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.rows]

    @property
    def member_ids(self) -> list[int]:
        return [row.member_id for row in self.rows]

    @property
    def step(self) -> dict:
        return self.node.step

    def members(self):
        return Member.objects.filter(pk__in=among(self.member_ids))

    def only(self, ids: Iterable[int]) -> "Group":
        kept = set(ids)
        return replace(self, rows=[row for row in self.rows if row.id in kept])

    def but(self, ids: Iterable[int]) -> "Group":
        left = set(ids)
        return replace(self, rows=[row for row in self.rows if row.id not in left])

    def cause(self, round_: int) -> str:
        """The name in other rooms of what this step does in a member's first, second … time in the journey."""
        return f"{self.plan.journey.cause}:{self.node.id}:{round_}"

    def by_round(self) -> list[tuple[int, "Group"]]:
        rows = sorted(self.rows, key=lambda row: (row.round, row.member_id))
        return [
            (number, replace(self, rows=list(several))) for number, several in groupby(rows, key=lambda row: row.round)
        ]


def run(*, at, batches: int = 200, limit: int = BATCH) -> int:
    """Move on everybody who is due at this moment of the business clock; how many steps were looked at."""
    looked = 0
    for _number in range(batches):
        claimed = run_batch(at=at, limit=limit)
        looked += claimed
        if not claimed:
            break
    return looked


@transaction.atomic
def run_batch(*, at, limit: int = BATCH) -> int:
    """Claim one batch and let each walk on until they wait; how many were claimed. A step that fails stops no other."""
    rows = _claim(at, limit)
    plans = load({row.version_id for row in rows})
    for version_id, several in groupby(sorted(rows, key=_by_version), key=lambda row: row.version_id):
        _walk(plans[version_id], list(several), at)
    return len(rows)


def _by_version(row: Due) -> tuple[int, int]:
    return row.version_id, row.member_id


_CLAIM = """
SELECT e.id, e.member_id, e.version_id, e.step, e.until, e.round, e.due_at, e.arrived_at, e.entered_at,
       m.status, m.time_zone, m.language, m.public_id
  FROM campaigns_enrolment e
  JOIN members_member m ON m.id = e.member_id
 WHERE e.state = 'active' AND e.due_at <= %s AND e.journey_id = ANY(%s)
 ORDER BY e.due_at, e.id
 LIMIT %s
   FOR UPDATE OF e SKIP LOCKED
"""


def _claim(at, limit) -> list[Due]:
    live = list(Journey.objects.filter(status=Journey.Status.LIVE).order_by("pk").values_list("pk", flat=True))
    if not live:
        return []
    with fast_cursor() as cursor:
        cursor.execute(_CLAIM, [at, live, limit])
        return [Due(*row) for row in cursor.fetchall()]


def load(version_ids) -> dict[int, Plan]:
    versions = JourneyVersion.objects.filter(pk__in=version_ids).select_related("journey")
    return {version.pk: Plan(version, flow.nodes(version.definition)) for version in versions}


# -- the way of a batch ------------------------------------------------------------------------------------------------


class Stand(NamedTuple):
    """Where an enrolment stands: its step, when it is looked at next, when its waiting is over, when it came there."""

    step: str
    due_at: datetime
    until: datetime | None
    arrived_at: datetime


@dataclass
class Came:
    """What came of a step: who ended and how (state, why), who stands where, who goes on at once."""

    ended: dict[int, tuple[str, str]] = field(default_factory=dict)
    standing: dict[int, Stand] = field(default_factory=dict)
    onward: list[Due] = field(default_factory=list)


def _walk(plan: Plan, rows: list[Due], at: datetime) -> None:
    """Let the members of one version walk until they wait or end. The order of reading is an order of time: who is done with
    a step comes to steps below it only, so each step is taken once, for all who stand at it.
    """
    ended: dict[int, tuple[str, str]] = {}
    standing: dict[int, Stand] = {}
    here: dict[str, list[Due]] = defaultdict(list)
    for row in rows:
        here[row.step].append(row)
    for step, node in plan.nodes.items():
        if at_step := here.pop(step, None):
            came = _tried(Group(plan, node, sorted(at_step, key=lambda row: row.member_id), at))
            ended |= came.ended
            standing |= came.standing
            for row in came.onward:
                here[row.step].append(row)
    end(ended, at=at)
    move(standing)


def _tried(group: Group) -> Came:
    """What came of the step; where it fails, nothing of it is done and its members wait a minute."""
    try:
        with transaction.atomic():
            return _perform(group)
    except Exception:
        LOG.exception("journey %s, step %s failed and is tried again", group.plan.journey.pk, group.node.id)
        again = group.at + TRY_AGAIN
        return Came(standing={row.id: Stand(row.step, again, row.until, row.arrived_at) for row in group.rows})


def _perform(group: Group) -> Came:
    from campaigns.journeys import acting, parting  # late: they speak of groups

    left = parting.leaving(group)
    group = group.but(left)
    waiting = parting.waiting(group)
    came = Came(ended=left, standing=waiting)
    group = group.but(waiting)
    if group.rows:
        ways = parting.ways(group)
        fresh = note(group, ways)
        acting.act(group.only(fresh))
        _send_on(group, ways, came)
    return came


def _send_on(group: Group, ways: dict[int, tuple[str, str | None]], came: Came) -> None:
    """Let each stand at their next step, go on where it asks for no waiting, or end where there is none."""
    for row in group.rows:
        target = ways[row.id][1]
        if target is None:
            came.ended[row.id] = _ending(group)
            continue
        node = group.plan.nodes[target]
        stand = Stand(target, *arrival(node, row.time_zone, group.at), group.at)
        if stand.due_at > group.at or node.type == "wait_for":
            # Who waits for an event is looked at by another transaction: news that came during this one is found by that.
            came.standing[row.id] = stand
        else:
            came.onward.append(row.come_to(stand))


_NOTE = """
INSERT INTO campaigns_steprun (enrolment_id, version_id, step, outcome, due_at, at, "values")
SELECT said.id, %s, %s, said.outcome, said.due_at, %s, %s::jsonb
  FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS said (id, outcome, due_at)
    ON CONFLICT (enrolment_id, step) DO NOTHING
RETURNING enrolment_id
"""


def note(group: Group, ways: dict[int, tuple[str, str | None]]) -> list[int]:
    """Write that the step is done for each; the enrolments for which it was not done before."""
    from campaigns.journeys.kinds import KINDS  # late: it asks the other rooms for what can be chosen

    empty = "{}" if KINDS[group.node.type].sends else None
    said = [array(group.ids), array(ways[row.id][0] for row in group.rows), array(row.due_at for row in group.rows)]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [group.plan.version.pk, group.node.id, group.at, empty, *said])
        return [enrolment_id for (enrolment_id,) in cursor.fetchall()]


_MOVE = """
UPDATE campaigns_enrolment e SET step = said.step, due_at = said.due_at, until = said.until, arrived_at = said.arrived_at
  FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
    AS said (id, step, due_at, until, arrived_at)
 WHERE e.id = said.id
"""


def move(standing: dict[int, Stand]) -> None:
    """Write where each stands."""
    if standing:
        columns = [array(column) for column in zip(*standing.values(), strict=True)]
        with connection.cursor() as cursor:
            cursor.execute(_MOVE, [array(standing), *columns])


def _ending(group: Group) -> tuple[str, str]:
    if group.node.type != "exit":
        return State.DONE, ""
    return (State.GOAL, "") if group.step.get("as") == "goal" else (State.LEFT, "exit_step")


def end(left: dict[int, tuple[str, str]], *, at) -> None:
    """End enrolments: id → (state, why)."""
    by_fate = defaultdict(list)
    for enrolment_id, fate in left.items():
        by_fate[fate].append(enrolment_id)
    for (state, why), ids in by_fate.items():
        Enrolment.objects.filter(pk__in=among(ids)).update(state=state, why=why, ended_at=at, until=None)


def arrival(node: flow.Node, time_zone: str, at: datetime) -> tuple[datetime, datetime | None]:
    """When to look at who comes to this step now, and when its waiting is over. Waits for an event are looked at right away
    too: what happened between two transactions is found by that.
    """
    step = node.step
    if node.type == "wait":
        over = at + clocks.span(step["amount"], step["unit"])
        return over, over
    if node.type == "wait_until":
        place = clocks.zone(settings.TIME_ZONE if step["zone"] == "store" else time_zone, settings.TIME_ZONE)
        days = {int(day) for day in step["weekdays"]} or clocks.EVERY_DAY
        over = clocks.next_local(at, place, time.fromisoformat(step["at"]), days)
        return over, over
    if node.type == "wait_for":
        return at, at + clocks.span(step["amount"], step["unit"])
    return at, None
