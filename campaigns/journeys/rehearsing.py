"""A test run: what would happen to one member, told step by step; nothing is written."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns import audiences, eligibility
from campaigns.journeys import checking, flow, kinds
from campaigns.journeys.kinds import KINDS
from campaigns.journeys.models import Enrolment, Journey
from campaigns.journeys.parting import in_audience
from campaigns.journeys.running import arrival
from experiments import queries as experiments
from experiments.buckets import bucket
from experiments.models import Arm
from members.models import Member

STEPS_MAX = 100


@dataclass(frozen=True)
class Told:
    """One step of the run: when, what, and what would come of it."""

    step: str
    at: datetime
    words: str
    outcome: str
    is_odd: bool = False


@dataclass(frozen=True)
class Run:
    """`keeps_out` are the reasons why the member would not come in today; the steps are told all the same."""

    keeps_out: list[str]
    steps: list[Told]


def rehearse(journey: Journey, member: Member, *, at) -> Run:
    """What the draft would do with this member from now on, as far as it can be told today."""
    nodes, clock, place, told = flow.nodes(journey.draft), at, flow.first(journey.draft), []
    while place and len(told) < STEPS_MAX:
        node = nodes[place]
        try:
            line, place, clock = _step(journey, node, member, clock, at)
        except (kinds.Invalid, audiences.Invalid, ValueError, KeyError, LookupError):
            told.append(
                Told(node.id, clock, kinds.words_of(node.step), _("Cannot be told: something is missing here."), True)
            )
            break
        told.append(line)
    return Run(_keeps_out(journey, member, at), told)


def _keeps_out(journey: Journey, member: Member, at) -> list[str]:
    found = []
    entry = journey.draft["entry"]
    if member.status != Member.Status.ACTIVE:
        found.append(_("They are no active member."))
    if entry.get("audience") and member.pk not in in_audience(kinds.meaning.conditions_of(entry), [member.pk], at=at):
        found.append(_("They are not in the audience."))
    if experiments.control_at(at) and experiments.held_out_by_control(at).filter(member=member.pk).exists():
        found.append(_("They are in the standing control group: no marketing reaches them."))
    before = Enrolment.objects.filter(journey=journey, member=member)
    if before.filter(state=Enrolment.State.ACTIVE).exists():
        found.append(_("They are inside already."))
    elif journey.draft["reentry"].get("rule", "never") == "never" and before.exists():
        found.append(_("They have been in this journey before, and each member comes in once."))
    return found


def _step(journey: Journey, node: flow.Node, member: Member, clock: datetime, at: datetime):
    step, words = checking.clean_step(node.step), kinds.words_of(node.step)
    laid = flow.Node(node.id, node.type, step, node.next, node.paths)
    if node.type in kinds.WAITS:
        return _wait(laid, member, clock, words)
    if node.type in ("branch", "split", "variant", "followup"):
        number, outcome = _path(journey, laid, member, at)
        return Told(node.id, clock, words, outcome), node.path(number), clock
    if node.type == "exit":
        return Told(node.id, clock, words, _("The journey is over.")), None, clock
    channel = KINDS[node.type].sends
    if channel and not Member.objects.filter(eligibility.can_be_sent(channel, at), pk=member.pk).exists():
        left_out = _("Would be left out today: no yes to this channel, no address, or a blocked one.")
        return Told(node.id, clock, words, left_out, is_odd=True), node.next, clock
    return Told(node.id, clock, words, _("Would be done.")), node.next, clock


def _wait(node: flow.Node, member: Member, clock: datetime, words: str):
    over = arrival(node, member.time_zone, clock)[1]
    if node.type != "wait_for":
        return Told(node.id, clock, words, _("Goes on when the time has come.")), node.next, over
    said = _("Told here as if it did not happen; if it does, the other path is taken at once.")
    return Told(node.id, clock, words, said), node.path(1), over


def _path(journey: Journey, node: flow.Node, member: Member, at) -> tuple[int, str]:
    """Which path they would take, and why."""
    if node.type == "branch":
        inside = member.pk in in_audience(kinds.meaning.conditions_of(node.step), [member.pk], at=at)
        return (0, _("Yes, today they are.")) if inside else (1, _("No, today they are not."))
    if node.type == "split":
        return _drawn(journey, node, member)
    return 1, _("Told here as a no; it is asked when they come here.")


def _drawn(journey: Journey, node: flow.Node, member: Member) -> tuple[int, str]:
    names = [path["name"] for path in node.step["paths"]]
    published = journey.version and flow.nodes(journey.version.definition).get(node.id)
    if published and published.type == "split":
        number = bucket(_salt(published.step["experiment"]), member.public_id)
        arm = Arm.objects.filter(
            experiment=published.step["experiment"], bucket_from__lte=number, bucket_to__gt=number
        ).first()
        if arm and arm.name in names:
            return names.index(arm.name), _("Chance puts them into %(path)s.") % {"path": arm.name}
    return 0, _("Chance decides when the journey is live; told here along %(path)s.") % {"path": names[0]}


def _salt(experiment_id: int) -> str:
    return Arm.objects.filter(experiment=experiment_id).values_list("experiment__salt", flat=True)[0]
