"""Acting on a whole band of risk at once: drawn by chance, capped by the budget, each member once."""

from collections import Counter
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import EarlyWarning, Intervention
from campaigns.retention import operations
from campaigns.retention.bands import BANDS, Band, band_of

State, Why = EarlyWarning.State, EarlyWarning.Why
SERVICE = "service"
"""Why somebody is passed over here alone: who stays for service is given no discount."""


@dataclass(frozen=True)
class Standing:
    """One band as it stands: members warned of, their spend of a year (minor units), and how many in each state."""

    band: Band
    members: int
    spend_minor: int
    states: dict[str, int]

    @property
    def open(self) -> int:
        """For whom something can still be done."""
        return self.states[State.NOTED] + self.states[State.SUGGESTED]


@dataclass(frozen=True)
class Prospect:
    """What acting on a band would do: members who may be drawn, the most it may cost and what is left for it (minor units)."""

    open: int
    passed_over: int
    affordable: int
    cost_most_minor: int
    left_minor: int


@dataclass(frozen=True)
class Done:
    """What became of a band: given now, left alone by chance now, and why the others got nothing, each reason with its number."""

    given: int
    held_out: int
    others: dict[str, int] = field(default_factory=dict)


def standing() -> list[Standing]:
    """Every band, the worst first. One query."""
    rows = EarlyWarning.objects.filter(ended_at=None).order_by("pk").values_list("reasons", "state", "spend_minor")
    states: dict[str, Counter] = {band.code: Counter() for band in BANDS}
    spend: Counter = Counter()
    for reasons, state, minor in rows:
        code = band_of(reasons).code
        states[code][state] += 1
        spend[code] += minor
    return [
        Standing(
            band,
            states[band.code].total(),
            spend[band.code],
            {state: states[band.code][state] for state in State.values},
        )
        for band in BANDS
    ]


def _open(band: Band, intervention: Intervention) -> tuple[list[int], int]:
    """Ids of the warnings this intervention may still meet, and how many it passes over because they stay for service."""
    waiting = EarlyWarning.objects.filter(ended_at=None).order_by("pk")
    mine = waiting.filter(state=State.NOTED, intervention=None) | waiting.filter(
        state=State.SUGGESTED, intervention=intervention
    )
    found = [row for row in mine.values_list("pk", "reasons", "driver") if band_of(row[1]) == band]
    is_discount = intervention.action == Intervention.Action.OFFER
    meant = [pk for pk, _reasons, driver in found if not (is_discount and driver == SERVICE)]
    return meant, len(found) - len(meant)


def foresee(*, band: Band, intervention: Intervention) -> Prospect:
    """What `give` would do now, before anybody is drawn. Who chance leaves alone costs nothing, so it may come cheaper."""
    meant, passed = _open(band, intervention)
    suggested = EarlyWarning.objects.filter(pk__in=meant, state=State.SUGGESTED).count()
    left, each = operations.left_minor(intervention), intervention.reserves_minor
    reach = len(meant) if not each else suggested + max(0, left // each)
    affordable = min(len(meant), reach)
    return Prospect(len(meant), passed, affordable, affordable * each, left)


@transaction.atomic
def give(*, band: Band, intervention: Intervention, by_user, at) -> Done:
    """Meet everybody of a band who is still open: chance leaves some alone, the others get it now. Raises CannotAct.

    The budget is the intervention's own; who it does not reach, rests, or is in the standing control group gets nothing. Done
    twice, the second time meets only who is new.
    """
    locked = Intervention.objects.select_for_update(of=("self",)).get(pk=intervention.pk)
    if not locked.is_live:
        raise operations.CannotAct(_("This intervention is switched off."))
    meant, passed = _open(band, locked)
    waiting = EarlyWarning.objects.filter(pk__in=meant, state=State.NOTED)
    _suggested, held_out = operations.draw(locked, waiting, at)
    given = _give_all(locked, meant, by_user, at)
    left = EarlyWarning.objects.filter(pk__in=meant, state=State.NOTED).exclude(why_not="").order_by("pk")
    others = Counter(left.values_list("why_not", flat=True))
    return Done(given, held_out, dict(others) | ({SERVICE: passed} if passed else {}))


def _give_all(intervention: Intervention, meant: list[int], by_user, at) -> int:
    """What `draw` gave by itself already counts too."""
    drawn = EarlyWarning.objects.filter(pk__in=meant, intervention=intervention, ended_at=None)
    suggested = list(drawn.filter(state=State.SUGGESTED).select_for_update(of=("self",)).order_by("pk"))
    at_once = drawn.filter(state=State.GIVEN).count()
    operations.do(intervention, suggested, at)
    ids = [one.pk for one in suggested]
    EarlyWarning.objects.filter(pk__in=ids).update(state=State.GIVEN, decided_at=at, by_user=by_user)
    return len(ids) + at_once


def why_words(why: str) -> str:
    """Why somebody of the band got nothing, in words."""
    return _("stays for service, so no discount") if why == SERVICE else str(Why(why).label)
