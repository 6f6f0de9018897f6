"""What the outcomes of one cause teach about groups of offers; see docs/decisions/0032."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from recommender import posteriors, queries
from recommender.models import Lesson, OfferPosterior
from recommender.operations import tastes
from recommender.posteriors import Evidence
from sales.models import Category


@dataclass(frozen=True)
class Outcome:
    """What came of one decision: did the member buy (or redeem) the decided type within the window?"""

    member_id: int
    category_id: int
    is_success: bool
    is_held_out: bool = False  # decided, and on purpose never shown


@dataclass(frozen=True)
class Change:
    """One group of offers whose weight moved."""

    slot: str
    group_id: int
    group_name: str
    offered: float  # effective number of offers behind it, over all lessons
    offered_rate: float  # share of them followed by a purchase, inverse-propensity weighted
    held_out_rate: float | None  # the same without the offer; None when nobody was held out
    weight_before: float
    weight_after: float

    @property
    def sentence(self) -> str:
        what = {
            "group": self.group_name,
            "direction": _("moved up") if self.weight_after > self.weight_before else _("moved down"),
            "rate": f"{self.offered_rate:.1%}",
            "held_out": f"{self.held_out_rate or 0:.1%}",
            "offers": f"{self.offered:.0f}",
            "before": f"{self.weight_before:.2f}",
            "after": f"{self.weight_after:.2f}",
        }
        if self.held_out_rate is None:
            return (
                _("%(group)s %(direction)s (×%(before)s → ×%(after)s): %(rate)s bought, of about %(offers)s offers.")
                % what
            )
        return (
            _(
                "%(group)s %(direction)s (×%(before)s → ×%(after)s): %(rate)s bought with the offer, %(held_out)s without, "
                "of about %(offers)s offers."
            )
            % what
        )


@dataclass(frozen=True)
class Learned:
    """What one cause changed, and why; `verdict` is a code: learned, too_little_evidence, no_detectable_effect."""

    changes: tuple[Change, ...]
    verdict: str

    @property
    def is_learned(self) -> bool:
        return bool(self.changes)

    @property
    def sentence(self) -> str:
        if self.verdict == posteriors.LEARNED:
            return _("The order of offers changed for %(count)s groups of products.") % {"count": len(self.changes)}
        if self.verdict == posteriors.NO_EFFECT:
            return _("The offers made no detectable difference to what was bought: nothing changed.")
        return _("Too little evidence, nothing changed.")


@transaction.atomic
def learn(*, cause: str, outcomes: Iterable[Outcome], at: datetime) -> Learned:
    """Weigh the outcomes of this cause's decisions and update what is believed of each group of offers.

    The first time counts: asked again for the same cause, it returns what was learned then.
    """
    lesson = Lesson.objects.select_for_update().filter(cause=cause).first()
    if lesson and not lesson.is_withdrawn:
        return _told(lesson)
    evidence, told = _evidence(cause, outcomes)
    before = queries.weights()
    lesson = lesson or Lesson(cause=cause)
    lesson.at, lesson.is_withdrawn = at, False
    lesson.evidence = [asdict(one) for one in evidence]
    lesson.is_learned, lesson.verdict = False, posteriors.TOO_LITTLE
    lesson.save()
    tastes.note(lesson, told)
    beliefs, lesson.verdict = _rebuild(at)
    touched = {(one.slot, one.group_id) for one in evidence}
    lesson.changes = [asdict(change) for change in _changes(beliefs, before, touched)]
    lesson.is_learned = bool(lesson.changes)
    if not lesson.is_learned and lesson.verdict == posteriors.LEARNED:
        lesson.verdict = posteriors.TOO_LITTLE
    lesson.save()
    return _told(lesson)


@transaction.atomic
def unlearn(*, cause: str, at: datetime) -> bool:
    """Withdraw the lesson of a cause and recompute from the others; False when there was none."""
    withdrawn = Lesson.objects.filter(cause=cause, is_withdrawn=False).update(is_withdrawn=True)
    if withdrawn:
        _rebuild(at)
    return bool(withdrawn)


def lesson_of(cause: str) -> Learned | None:
    """What was learned from a cause, if it was asked."""
    lesson = Lesson.objects.filter(cause=cause, is_withdrawn=False).first()
    return _told(lesson) if lesson else None


def standing() -> list[str]:
    """The causes whose lessons stand now, the earliest first."""
    return list(Lesson.objects.filter(is_withdrawn=False).order_by("at", "pk").values_list("cause", flat=True))


def _told(lesson: Lesson) -> Learned:
    """The lesson, its groups named in the reader's language."""
    groups = Category.objects.in_bulk([change["group_id"] for change in lesson.changes])
    changes = (
        Change(**change | ({"group_name": groups[change["group_id"]].name} if change["group_id"] in groups else {}))
        for change in lesson.changes
    )
    return Learned(changes=tuple(changes), verdict=lesson.verdict)


def _evidence(cause: str, outcomes: Iterable[Outcome]) -> tuple[list[Evidence], list[tastes.Told]]:
    """Outcomes joined to the logged propensities: summed up per slot and group, and each told with what was chosen among.

    An outcome without a decision is none.
    """
    rows = queries.decisions(cause).values_list(
        "member_id", "category_id", "slot", "category__parent_id", "propensity", "eligible"
    )
    decided = {(member_id, category_id): rest for member_id, category_id, *rest in rows.iterator(chunk_size=20_000)}
    arms = defaultdict(lambda: ([], [], [], []))  # propensities and successes of the offered, then of the held out
    told = []
    for outcome in outcomes:
        found = decided.pop((outcome.member_id, outcome.category_id), None)
        if found is None or found[1] is None:
            continue
        slot, group_id, propensity, eligible = found
        arm = arms[slot, group_id]
        arm[2 * outcome.is_held_out].append(propensity)
        arm[2 * outcome.is_held_out + 1].append(outcome.is_success)
        told.append(tastes.Told(slot, group_id, eligible, **vars(outcome)))
    return [
        Evidence.of(slot, group_id, offered=arm[:2], held_out=arm[2:]) for (slot, group_id), arm in sorted(arms.items())
    ], told


def _rebuild(at: datetime) -> tuple[list[posteriors.Belief], str]:
    """Beliefs from all lessons that stand, written over the old ones."""
    standing = Lesson.objects.filter(is_withdrawn=False).values_list("evidence", flat=True)
    pooled = posteriors.pool(Evidence(**one) for evidence in standing for one in evidence)
    beliefs, verdict = posteriors.beliefs(pooled)
    OfferPosterior.objects.all().delete()
    OfferPosterior.objects.bulk_create(
        OfferPosterior(
            slot=belief.slot, group_id=belief.group_id, weight=belief.weight, updated_at=at,
            offered_alpha=belief.offered[0], offered_beta=belief.offered[1],
            held_out_alpha=belief.held_out[0], held_out_beta=belief.held_out[1],
        )
        for belief in beliefs
    )  # fmt: skip
    tastes.rebuild(at)
    return beliefs, verdict


def _changes(beliefs, before, touched) -> list[Change]:
    moved = [
        (belief, before.get(belief.slot, {}).get(belief.group_id, 1.0))
        for belief in beliefs
        if (belief.slot, belief.group_id) in touched
    ]
    moved = [(belief, old) for belief, old in moved if abs(belief.weight / old - 1) >= posteriors.SMALLEST_CHANGE]
    names = {c.pk: c.name_en or c.raw_name for c in Category.objects.filter(pk__in=[b.group_id for b, _ in moved])}
    changes = [
        Change(
            slot=belief.slot, group_id=belief.group_id, group_name=names[belief.group_id], offered=belief.evidence.offered,
            offered_rate=belief.evidence.offered_rate,
            held_out_rate=belief.evidence.held_out_rate if belief.evidence.held_out else None,
            weight_before=old, weight_after=belief.weight,
        )
        for belief, old in moved
    ]  # fmt: skip
    return sorted(changes, key=lambda change: -abs(change.weight_after / change.weight_before - 1))
