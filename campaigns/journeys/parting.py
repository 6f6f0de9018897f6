"""Who leaves, whose waiting is over, and which way each goes: questions, a few statements for a whole group."""

from collections.abc import Iterable
from datetime import datetime

from campaigns import audiences, happenings
from campaigns.journeys.models import Enrolment
from campaigns.journeys.running import Due, Group, Stand, arrival
from delivery.models import Message, MessageEvent
from experiments import operations as experiments
from experiments.models import Assignment, Experiment
from members.models import Member

State = Enrolment.State
Ways = dict[int, tuple[str, str | None]]


def in_audience(conditions: dict, member_ids: Iterable[int], *, at) -> set[int]:
    """Those of the members whom the conditions describe now: one statement."""
    found = audiences.compile(conditions, at=at, among=list(member_ids))
    return set(found.values_list("pk", flat=True))


def last_moments(happening: dict, member_ids: list[int], *, since: datetime) -> dict[int, datetime]:
    """When it last happened to each of the members, not before a moment: one statement a source."""
    last: dict[int, datetime] = {}
    for _source, rows in happenings.rows_of(happening):
        for who, moment in rows.filter(who__in=member_ids, moment__gte=since).values_list("who", "moment"):
            last[who] = max(moment, last.get(who, moment))
    return last


# -- before every step -------------------------------------------------------------------------------------------------


def leaving(group: Group) -> dict[int, tuple[str, str]]:
    """Whom the step does not concern any more, and why: no longer a member, goal reached, exit condition met."""
    gone = {row.id: (State.LEFT, "not_active") for row in group.rows if row.status != Member.Status.ACTIVE}
    inside = [row for row in group.rows if row.id not in gone]
    definition = group.plan.definition
    reached = reached_goal(definition.get("goal"), inside, at=group.at)
    gone |= {row.id: (State.GOAL, "") for row in inside if row.member_id in reached}
    inside = [row for row in inside if row.id not in gone]
    met = _meet(definition.get("exit"), inside, at=group.at)
    return gone | {row.id: (State.LEFT, "exit_condition") for row in inside if row.member_id in met}


def reached_goal(goal: dict | None, rows: list[Due], *, at) -> set[int]:
    """Members who reached the goal: what it names happened since they entered, or they are in its audience now."""
    if not goal or not rows:
        return set()
    if goal.get("event"):
        last = last_moments(goal, [row.member_id for row in rows], since=min(row.entered_at for row in rows))
        entered = {row.member_id: row.entered_at for row in rows}
        return {member for member, moment in last.items() if moment > entered[member]}
    return _meet(goal, rows, at=at)


def _meet(condition: dict | None, rows: list[Due], *, at) -> set[int]:
    if not condition or not rows:
        return set()
    return in_audience(condition["conditions"], [row.member_id for row in rows], at=at)


# -- waiting -----------------------------------------------------------------------------------------------------------


def waiting(group: Group) -> dict[int, Stand]:
    """Those whose waiting is not over, with the moment to look again. Every other step is nobody's waiting."""
    if group.node.type not in ("wait", "wait_until", "wait_for"):
        return {}
    happened = _happened(group) if group.node.type == "wait_for" else set()
    found = {}
    for row in group.rows:
        until = row.until or arrival(group.node, row.time_zone, row.arrived_at)[1]
        if until > group.at and row.id not in happened:
            found[row.id] = Stand(row.step, until, until, row.arrived_at)
    return found


def _happened(group: Group) -> set[int]:
    """Enrolments whose event came while they waited."""
    last = last_moments(
        group.step, group.member_ids, since=min((row.arrived_at for row in group.rows), default=group.at)
    )
    return {row.id for row in group.rows if row.member_id in last and last[row.member_id] >= row.arrived_at}


# -- ways --------------------------------------------------------------------------------------------------------------


def ways(group: Group) -> Ways:
    """For each enrolment what came of the step and where the way goes on."""
    asked = {
        "branch": _branch, "split": _split, "variant": _variant, "followup": _followup, "wait_for": _event, "exit": _exit,
    }.get(group.node.type)  # fmt: skip
    return asked(group) if asked else {row.id: ("done", group.node.next) for row in group.rows}


def _yes_or_no(group: Group, is_yes) -> Ways:
    said = {True: ("yes", group.node.path(0)), False: ("no", group.node.path(1))}
    return {row.id: said[is_yes(row)] for row in group.rows}


def _branch(group: Group) -> Ways:
    inside = in_audience(group.step["conditions"], group.member_ids, at=group.at)
    return _yes_or_no(group, lambda row: row.member_id in inside)


def _event(group: Group) -> Ways:
    happened = _happened(group)
    return _yes_or_no(group, lambda row: row.id in happened)


def _exit(group: Group) -> Ways:
    return {row.id: ("done", None) for row in group.rows}


def arms(experiment_id: int, member_ids: list[int]) -> dict[int, str]:
    """The arm each of the members is in, by name."""
    rows = Assignment.objects.filter(experiment=experiment_id, member__in=member_ids)
    return dict(rows.values_list("member_id", "arm__name"))


def _split(group: Group) -> Ways:
    experiment = Experiment.objects.get(pk=group.step["experiment"])
    experiments.enlist(experiment=experiment, members=group.members(), at=group.at)
    place = {path["name"]: number for number, path in enumerate(group.step["paths"])}
    drawn = arms(experiment.pk, group.member_ids)
    return {row.id: (drawn[row.member_id], group.node.path(place[drawn[row.member_id]])) for row in group.rows}


def _variant(group: Group) -> Ways:
    drawn = arms(group.step["experiment"], group.member_ids)
    return _yes_or_no(group, lambda row: drawn.get(row.member_id) == group.step["arm_name"])


def _followup(group: Group) -> Ways:
    fits: set[int] = set()
    for round_, several in group.by_round():
        cause = f"{group.plan.journey.cause}:{group.step['step']}:{round_}"
        answered = answering(group.step["question"], cause, several.member_ids)
        fits |= {row.id for row in several.rows if row.member_id in answered}
    return _yes_or_no(group, lambda row: row.id in fits)


def answering(question: str, cause: str, member_ids: list[int]) -> set[int]:
    """Members of whose message of this cause the question is true: it was sent, clicked in, or left out."""
    messages = Message.objects.filter(cause=cause, member__in=member_ids)
    if question == "sent":
        messages = messages.filter(state=Message.State.SENT)
    elif question == "skipped":
        messages = messages.filter(state__in=[Message.State.SKIPPED, Message.State.FAILED])
    else:
        clicked = MessageEvent.objects.filter(kind=MessageEvent.Kind.CLICKED, is_machine=False, message__in=messages)
        return set(clicked.values_list("message__member_id", flat=True))
    return set(messages.values_list("member_id", flat=True))
