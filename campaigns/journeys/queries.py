"""Questions about journeys: how many at each step, who they are, and one member's way."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from campaigns.journeys import flow, kinds
from campaigns.journeys.models import Enrolment, Journey, PortalNote, StepRun
from delivery.models import Message

State = Enrolment.State


@dataclass(frozen=True)
class StepCount:
    """Members at one step over all versions: who came, who waits there now, who went on, who left or reached the goal there."""

    entered: int = 0
    waiting: int = 0
    done: int = 0
    left: int = 0
    goal: int = 0
    ways: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Whole:
    """The whole journey: entered = inside + came to the end + reached the goal + left."""

    entered: int
    inside: int
    done: int
    goal: int
    left: int


def journeys() -> QuerySet:
    inside = Count("enrolments", filter=Q(enrolments__state=State.ACTIVE))
    return Journey.objects.select_related("version").annotate(inside=inside)


def whole(journey: Journey) -> Whole:
    told = dict(Enrolment.objects.filter(journey=journey).order_by().values_list("state").annotate(n=Count("pk")))
    return Whole(
        sum(told.values()),
        told.get(State.ACTIVE, 0),
        told.get(State.DONE, 0),
        told.get(State.GOAL, 0),
        told.get(State.LEFT, 0),
    )


def funnel(journey: Journey) -> dict[str, StepCount]:
    """Step → its counts, in two statements, whatever the number of steps and versions.

    Who left or reached the goal at a step left before doing it; who came to an end step did that, and is counted there once.
    """
    versions = list(journey.versions.values_list("pk", flat=True))
    ran = StepRun.objects.filter(version__in=versions).order_by().values_list("step", "outcome").annotate(n=Count("pk"))
    did_it = Exists(StepRun.objects.filter(enrolment=OuterRef("pk"), step=OuterRef("step")))
    standing = Enrolment.objects.filter(version__in=versions).filter(Q(state=State.ACTIVE) | ~did_it)
    stand = standing.order_by().values_list("step", "state").annotate(n=Count("pk"))
    found: dict[str, dict] = {}
    for step, outcome, n in ran:
        ways = found.setdefault(step, {}).setdefault("ways", {})
        ways[outcome] = ways.get(outcome, 0) + n
    for step, state, n in stand:
        found.setdefault(step, {})[state] = n
    return {step: _counted(facts) for step, facts in found.items()}


def _counted(facts: dict) -> StepCount:
    ways = facts.get("ways", {})
    done = sum(ways.values())
    waiting, left, goal = facts.get(State.ACTIVE, 0), facts.get(State.LEFT, 0), facts.get(State.GOAL, 0)
    return StepCount(done + waiting + left + goal, waiting, done, left, goal, ways)


FATES = ("entered", "waiting", "done", "left", "goal")


def people(journey: Journey, fate: str, step: str = "") -> QuerySet:
    """The enrolments behind one number, newest first. `fate` may be a path's name too: way:<outcome>."""
    rows = Enrolment.objects.filter(journey=journey).select_related("member").order_by("-entered_at", "-pk")
    if not step:
        wanted = {"inside": [State.ACTIVE], "done": [State.DONE], "goal": [State.GOAL], "left": [State.LEFT]}.get(fate)
        return rows.filter(state__in=wanted) if wanted else rows
    ran = Q(pk__in=StepRun.objects.filter(step=step, version__journey=journey).values("enrolment"))
    if fate == "done":
        return rows.filter(ran)
    if fate.startswith("way:"):
        runs = StepRun.objects.filter(step=step, version__journey=journey, outcome=fate.removeprefix("way:"))
        return rows.filter(pk__in=runs.values("enrolment"))
    here = Q(step=step)
    stands = {"waiting": Q(state=State.ACTIVE), "left": Q(state=State.LEFT) & ~ran, "goal": Q(state=State.GOAL) & ~ran}
    return rows.filter(here & stands[fate]) if fate in stands else rows.filter(ran | here)


# -- one member --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One step of a member's way: what it was, when, and what came of it."""

    words: str
    at: datetime
    outcome: str
    step: str


@dataclass(frozen=True)
class Way:
    """One enrolment, told: where since when, why, and what comes next."""

    enrolment: Enrolment
    why_in: str
    lines: list[Line]
    now: str
    next: str


def enrolments_of(member_id: int) -> QuerySet:
    """Each time a member went on a journey, newest first."""
    return Enrolment.objects.filter(member=member_id).select_related("journey").order_by("-entered_at", "-pk")


def ways_of(member_id: int, *, journey: Journey | None = None, is_inside: bool = False) -> list[Way]:
    """A member's journeys, newest first; `is_inside`: only those they are on."""
    rows = enrolments_of(member_id).select_related("version")
    if journey:
        rows = rows.filter(journey=journey)
    if is_inside:
        rows = rows.filter(state=State.ACTIVE)
    rows = list(rows[:50])
    runs: dict[int, list[StepRun]] = {}
    for run in StepRun.objects.filter(enrolment__in=rows).order_by("at", "pk"):
        runs.setdefault(run.enrolment_id, []).append(run)
    return [_way(row, runs.get(row.pk, [])) for row in rows]


def _way(enrolment: Enrolment, runs: list[StepRun]) -> Way:
    nodes = flow.nodes(enrolment.version.definition)
    fates = _fates(enrolment, nodes)
    lines = [
        Line(_words(nodes, run.step), run.at, fates.get(run.step) or outcome_words(run.outcome), run.step)
        for run in runs
    ]
    node = nodes.get(enrolment.step)
    now = _words(nodes, enrolment.step) if enrolment.state == State.ACTIVE else ""
    follows = sorted({target for target in (node.paths or (node.next,)) if target}) if node and now else []
    return Way(
        enrolment, cause_words(enrolment.cause), lines, now, _(" or ").join(_words(nodes, target) for target in follows)
    )


def why_here(way: Way) -> str:
    """Why the member stands where they stand: since when, after what, until when. Nothing for who is not inside."""
    if not way.now:
        return ""
    told = {"step": way.now, "at": _moment(way.enrolment.arrived_at), "due": _moment(way.enrolment.due_at)}
    if not way.lines:
        return _("At “%(step)s” since %(at)s, the first step. Looked at next on %(due)s.") % told
    told |= {"before": way.lines[-1].words, "outcome": way.lines[-1].outcome}
    return _("At “%(step)s” since %(at)s, after “%(before)s” (%(outcome)s). Looked at next on %(due)s.") % told


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "SHORT_DATETIME_FORMAT")


def _words(nodes: dict[str, flow.Node], step: str) -> str:
    return kinds.words_of(nodes[step].step) if step in nodes else step


def _fates(enrolment: Enrolment, nodes: dict[str, flow.Node]) -> dict[str, str]:
    """What became of the messages of this enrolment, by step."""
    sending = [step for step, node in nodes.items() if kinds.KINDS[node.type].sends]
    causes = {f"{enrolment.journey.cause}:{step}:{enrolment.round}": step for step in sending}
    rows = Message.objects.filter(member=enrolment.member_id, cause__in=causes)
    return {
        causes[row.cause]: row.get_skip_reason_display() if row.state == "skipped" else row.get_state_display()
        for row in rows
    }


def outcome_words(outcome: str) -> str:
    return {
        "done": _("Done"), "yes": _("Yes"), "no": _("No"), "control": _("Left out: in the control group"),
        "refused": _("Refused by the ledger"),
    }.get(outcome, outcome)  # fmt: skip


def why_words(why: str) -> str:
    return {
        "not_active": _("No longer an active member"), "exit_condition": _("Met the exit condition"),
        "exit_step": _("Came to an end step"), "journey_ended": _("The journey was ended"),
    }.get(why, why)  # fmt: skip


def cause_words(cause: str) -> str:
    """What let a member in, in words."""
    from campaigns import happenings
    from campaigns.journeys.checking import dates

    if cause.startswith("merge:"):
        cause = cause.split(":", 2)[2]
    kind, _sep, _rest = cause.partition(":")
    if said := happenings.heard_as(kind):
        return said
    if kind == "audience":
        return _("Was in the audience")
    if kind == "hand":
        return _("Put in by hand")
    named = dict(dates())
    what = cause.rpartition(":")[0]
    return f"{named[what]}, {cause.rpartition(':')[2]}" if what in named else cause


def notes_for(member_id: int, *, at) -> QuerySet:
    """What stands on a member's own page now."""
    return PortalNote.objects.filter(member=member_id, closed_at__isnull=True, at__lte=at, until__gt=at)
