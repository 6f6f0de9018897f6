"""Verbs of journeys: draft, publish, pause, resume, end. What is published is frozen; who is inside keeps their version."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max
from django.utils.translation import gettext as _

from campaigns.journeys import checking, entering, flow, kinds
from campaigns.journeys.models import Enrolment, Journey, JourneyContent, JourneyVersion, PortalNote
from campaigns.models import Campaign
from delivery import operations as delivery
from experiments import operations as experiments

Status = Journey.Status
ACTIVE = Enrolment.State.ACTIVE
UNDO_MAX = 20
POINTLESS = {"given_name", "family_name", "shop_name", "shop_url", "portal_url"}
"""Fields that delivery or the freezing fills in; any other is looked up for each member."""


class CannotPublish(Exception):
    """Something stands in the way; `.problems` says what and at which step."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__(" ".join(problem.message for problem in problems))


class WrongStatus(Exception):
    """The journey's status does not allow it."""


class DraftConflict(Exception):
    """Somebody else changed the draft meanwhile."""


# -- the draft ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def create(*, name: str, definition: dict | None = None) -> Journey:
    return Journey.objects.create(name=name, draft={**flow.EMPTY, **(definition or {})})


@transaction.atomic
def save_draft(*, journey: Journey, definition: dict, seen: int | None = None) -> Journey:
    """Keep an edited definition. `seen`: the revision the editor had before their eyes; raises DraftConflict for an older one."""
    kept = _edited(journey, seen)
    if definition != kept.draft:
        kept.past, kept.undone = [*kept.past, kept.draft][-UNDO_MAX:], []
    return _keep(kept, definition)


@transaction.atomic
def undo(*, journey: Journey, seen: int | None = None) -> Journey:
    """Take the last change of the draft back, up to twenty one after another. Nothing to take back changes nothing."""
    kept = _edited(journey, seen)
    if not kept.past:
        return kept
    *kept.past, before = kept.past
    kept.undone = [*kept.undone, kept.draft]
    return _keep(kept, before)


@transaction.atomic
def redo(*, journey: Journey, seen: int | None = None) -> Journey:
    """Make the change again that was taken back last."""
    kept = _edited(journey, seen)
    if not kept.undone:
        return kept
    *kept.undone, after = kept.undone
    kept.past = [*kept.past, kept.draft]
    return _keep(kept, after)


def _edited(journey: Journey, seen: int | None) -> Journey:
    kept = Journey.objects.select_for_update().get(pk=journey.pk)
    if kept.status == Status.ENDED:
        raise WrongStatus(_("This journey has ended. Copy it to make a new one."))
    if seen is not None and seen != kept.revision:
        raise DraftConflict(
            _("Somebody else changed this journey meanwhile. This is how it is now; make your change again.")
        )
    return kept


def _keep(kept: Journey, definition: dict) -> Journey:
    """Write the draft. The number of a step is never given twice, whatever was taken back: it names what members did there."""
    last = max(one.get("last_id", 0) for one in (kept.draft, definition))
    kept.draft, kept.revision = {**definition, "last_id": last}, kept.revision + 1
    kept.save(update_fields=["draft", "past", "undone", "revision", "updated_at"])
    return kept


@transaction.atomic
def copy(*, journey: Journey) -> Journey:
    return create(name=_("%(name)s (copy)") % {"name": journey.name[:110]}, definition=journey.draft)


# -- going live --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Affected:
    """Members inside at a step, and whether that step is still there in what would be published."""

    step: str
    words: str
    members: int
    stays: bool


def affected(journey: Journey) -> list[Affected]:
    """Who is inside by the versions published so far, step by step, and whose step the draft still has."""
    inside = Enrolment.objects.filter(journey=journey, state=ACTIVE)
    rows = inside.values("version", "step").annotate(n=Count("pk")).order_by("version", "step")
    plans = {one.pk: one for one in journey.versions.all()}
    new = flow.nodes(journey.draft)
    counted: dict[str, list] = {}
    for row in rows:
        step = flow.find(plans[row["version"]].definition, row["step"])
        stays = row["step"] in new and new[row["step"]].type == step["type"]
        counted.setdefault(row["step"], [kinds.words_of(step), 0, stays])[1] += row["n"]
    return [Affected(step, *facts) for step, facts in counted.items()]


@transaction.atomic
def publish(*, journey: Journey, at, by_user=None, moves_inside: bool = False) -> JourneyVersion:
    """Freeze the draft and let members in by it. Who is inside stays on their version, or with `moves_inside` goes on by the
    new one if their step is still there. Raises CannotPublish, WrongStatus.
    """
    journey = Journey.objects.select_for_update(of=("self",)).get(pk=journey.pk)
    if journey.status == Status.ENDED:
        raise WrongStatus(_("This journey has ended. Copy it to make a new one."))
    stopping = [problem for problem in checking.problems(journey.draft) if problem.is_blocking]
    if stopping:
        raise CannotPublish(stopping)
    last = journey.versions.order_by("-number").first()
    definition = _frozen(journey, last)
    number = (journey.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    version = JourneyVersion.objects.create(
        journey=journey, number=number, definition=definition, published_at=at, by_user=by_user
    )
    _freeze_words(version)
    journey.version, journey.live_from = version, journey.live_from or at
    journey.status = Status.PAUSED if journey.status == Status.PAUSED else Status.LIVE
    journey.next_entry_at = None if definition["entry"]["kind"] == "event" else _first_look(definition["entry"], at)
    journey.save()
    if moves_inside:
        _move_inside(version)
    return version


def _first_look(entry: dict, at):
    return at if entry["kind"] == "date" or entry["every"] == "minutes" else entering.next_entry(entry, at)


def _frozen(journey: Journey, last: JourneyVersion | None) -> dict:
    """The draft with every field in its type and everything it refers to written into it."""
    draft = journey.draft
    old = {step["id"]: step for step, _depth in flow.walk(last.definition["steps"])} if last else {}
    drawn: dict[str, int] = {}
    frozen = {**draft, "entry": _with_conditions(checking.clean_entry(draft["entry"]))}
    frozen["reentry"] = checking.clean_reentry(draft["reentry"])
    frozen["goal"] = _with_conditions(checking.clean_goal(draft["goal"]))
    frozen["exit"] = _with_conditions(checking.clean_exit(draft["exit"]))

    def freeze(steps: list[dict]) -> list[dict]:
        return [freeze_one(step) for step in steps]

    def freeze_one(step: dict) -> dict:
        cleaned = _with_conditions({"id": step["id"], **checking.clean_step(step)})
        if step["type"] == "split":
            cleaned["experiment"] = drawn[step["id"]] = _experiment(journey, step, old.get(step["id"]))
        if step["type"] == "variant":
            cleaned |= _arm(step["arm"], drawn)
        if "paths" in step:
            cleaned["paths"] = [{**path, "steps": freeze(path["steps"])} for path in step["paths"]]
        return cleaned

    frozen["steps"] = freeze(draft["steps"])
    return frozen


def _with_conditions(given: dict | None) -> dict | None:
    """What refers to an audience, with the audience's conditions as they stand now."""
    if not given or not given.get("audience"):
        return given
    return {**given, "conditions": kinds.meaning.conditions_of(given)}


def _experiment(journey: Journey, step: dict, before: dict | None) -> int:
    """The experiment that draws a split's paths: the same while the paths and their shares are the same."""
    shares = [(path["name"], path.get("weight", 1)) for path in step["paths"]]
    drawn = [(path["name"], path.get("weight", 1)) for path in (before or {}).get("paths", ())]
    if before and before["type"] == "split" and drawn == shares:
        return before["experiment"]
    whole = sum(weight for _name, weight in shares)
    made = experiments.create(
        name=f"{journey.name}, {step['id']}",
        kind="journey",
        arms=[(name, weight / whole, False) for name, weight in shares],
    )
    return made.pk


def _arm(arm: str, drawn: dict[str, int]) -> dict:
    """Which experiment's arm a variant names: a split above it, or a campaign's."""
    where, _sep, name = arm.partition(":")
    if where != "campaign":
        return {"experiment": drawn[where], "arm_name": name}
    pk, _sep, name = name.partition(":")
    return {"experiment": Campaign.objects.get(pk=pk).experiment_id, "arm_name": name}


def _freeze_words(version: JourneyVersion) -> None:
    """Every message in every language, as it is today."""
    for step, _depth in flow.walk(version.definition["steps"]):
        for language in kinds.languages() if kinds.KINDS[step["type"]].sends else ():
            frozen, fields = _freeze(step, language)
            JourneyContent.objects.create(
                version=version, step=step["id"], language=language, content=f"{frozen._meta.label}:{frozen.pk}",
                needs_values=bool(set(fields) - POINTLESS),
            )  # fmt: skip


def _freeze(step: dict, language: str):
    from emails import operations as emails  # late: freezing brings the MJML compiler with it
    from emails.models import EmailTemplate
    from push import operations as push
    from push.models import PushTemplate

    try:
        if step["type"] == "email":
            template = EmailTemplate.objects.get(pk=step["template"])
            frozen = emails.freeze(template=template, language=language, site_url=settings.SITE_URL)
            return frozen, frozen.fields
        template = PushTemplate.objects.get(pk=step["template"])
        frozen = push.freeze(template=template, language=language, site_url=settings.SITE_URL)
    except (emails.CannotFreeze, push.CannotFreeze) as reason:
        raise CannotPublish([checking.Problem(step["id"], str(reason))]) from None
    return frozen, frozen.fields_used


def _move_inside(version: JourneyVersion) -> int:
    """Let those inside go on by this version whose step is there and of the same kind. Whose wait runs, waits on."""
    kinds_of = {step_id: node.type for step_id, node in flow.nodes(version.definition).items()}
    moved = 0
    for old in version.journey.versions.exclude(pk=version.pk):
        same = [step_id for step_id, node in flow.nodes(old.definition).items() if kinds_of.get(step_id) == node.type]
        moved += Enrolment.objects.filter(version=old, state=ACTIVE, step__in=same).update(version=version)
    return moved


# -- while it runs -----------------------------------------------------------------------------------------------------


def _locked(journey: Journey, *allowed: str) -> Journey:
    kept = Journey.objects.select_for_update(of=("self",)).get(pk=journey.pk)
    if kept.status not in allowed:
        raise WrongStatus(_("A journey that is %(status)s cannot do that.") % {"status": kept.get_status_display()})
    return kept


@transaction.atomic
def pause(*, journey: Journey, at) -> Journey:
    """Nobody comes in, nobody is moved on, nothing is sent. Raises WrongStatus."""
    journey = _locked(journey, Status.LIVE, Status.PAUSED)
    if journey.status == Status.LIVE:
        delivery.pause(cause=journey.cause, at=at)
        journey.status, journey.paused_at = Status.PAUSED, at
        journey.save(update_fields=["status", "paused_at", "updated_at"])
    return journey


@transaction.atomic
def resume(*, journey: Journey, at, waits_go_on: bool = True) -> Journey:
    """Go on. Waits continue from where they stood when it was paused; or, without `waits_go_on`, whoever is past due goes on
    at once. Raises WrongStatus.
    """
    journey = _locked(journey, Status.PAUSED, Status.LIVE)
    if journey.status == Status.LIVE:
        return journey
    inside = Enrolment.objects.filter(journey=journey, state=ACTIVE)
    if waits_go_on and at > journey.paused_at:
        pause_length = at - journey.paused_at
        inside.update(due_at=F("due_at") + pause_length, until=F("until") + pause_length)
    for version in journey.versions.all():  # what happened meanwhile is looked at now
        waiting = [node.id for node in flow.nodes(version.definition).values() if node.type == "wait_for"]
        inside.filter(version=version, step__in=waiting, due_at__gt=at).update(due_at=at)
    delivery.resume(cause=journey.cause)
    journey.status, journey.paused_at = Status.LIVE, None
    journey.save(update_fields=["status", "paused_at", "updated_at"])
    return journey


@transaction.atomic
def end(*, journey: Journey, at) -> Journey:
    """Stop for good: who is inside leaves, what was not sent yet is not sent. Raises WrongStatus for a draft."""
    journey = _locked(journey, Status.LIVE, Status.PAUSED, Status.ENDED)
    if journey.status == Status.ENDED:
        return journey
    Enrolment.objects.filter(journey=journey, state=ACTIVE).update(
        state=Enrolment.State.LEFT, why="journey_ended", ended_at=at, until=None
    )
    delivery.cancel(cause=journey.cause, at=at)
    journey.status, journey.next_entry_at = Status.ENDED, None
    journey.save(update_fields=["status", "next_entry_at", "updated_at"])
    return journey


def close_note(*, note_id: int, member_id: int, at) -> bool:
    """The member has read a note on their page; False when it is not theirs or was closed before."""
    theirs = PortalNote.objects.filter(pk=note_id, member=member_id, closed_at__isnull=True)
    return bool(theirs.update(closed_at=at))
