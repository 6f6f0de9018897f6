"""Beta posteriors of offer groups from inverse-propensity weighted outcomes. Plain numbers in, frozen results out.

The policy shows what it believes in far more often than the rest, so raw success rates describe the policy. Each outcome is
weighted by 1 / propensity, clipped at `CLIP`, and rates are self-normalised: Σwy / Σw (SNIPS; Swaminathan & Joachims 2015).
How much such a rate is worth is its effective sample size (Σw)² / Σw² (Kish 1965), which also is the amount of evidence that
enters the Beta posterior.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from recommender.policy import WEIGHT_RANGE

CLIP = 20.0  # no outcome counts for more than this many
OFFERED_MIN = 50.0  # effective offers behind a group before its weight may move
HELD_OUT_MIN = 20.0  # the same without the offer, where members were held out
PRIOR_STRENGTH = 40.0  # offers' worth of belief that a group is like its slot
SMALLEST_CHANGE = 0.02  # relative; smaller moves are noise to a reader
Z_95 = 1.959964
Outcomes = tuple[Sequence[float], Sequence[bool]]  # propensities, and whether each was followed by a success
LEARNED, TOO_LITTLE, NO_EFFECT = "learned", "too_little_evidence", "no_detectable_effect"


@dataclass(frozen=True)
class Evidence:
    """Outcomes of one group of types in one slot; `offered` and `held_out` are effective sample sizes."""

    slot: str
    group_id: int
    offered: float
    offered_rate: float
    held_out: float
    held_out_rate: float

    @classmethod
    def of(cls, slot: str, group_id: int, *, offered: Outcomes, held_out: Outcomes) -> "Evidence":
        return cls(slot, group_id, *weighted(*offered), *weighted(*held_out))

    def __add__(self, other: "Evidence") -> "Evidence":
        """Two lots of evidence on the same group, pooled."""
        return Evidence(
            self.slot,
            self.group_id,
            *_pooled(self.offered, self.offered_rate, other.offered, other.offered_rate),
            *_pooled(self.held_out, self.held_out_rate, other.held_out, other.held_out_rate),
        )


@dataclass(frozen=True)
class Belief:
    """What is believed of one group: Beta (alpha, beta) with and without the offer, and the weight it earns."""

    slot: str
    group_id: int
    offered: tuple[float, float]
    held_out: tuple[float, float]
    weight: float
    evidence: Evidence


def weighted(propensities: Sequence[float], successes: Sequence[bool]) -> tuple[float, float]:
    """Effective sample size and self-normalised success rate; (0, 0) without outcomes."""
    weights = [min(1 / p, CLIP) for p in propensities]
    total = sum(weights)
    if not total:
        return 0.0, 0.0
    rate = sum(w for w, success in zip(weights, successes, strict=True) if success) / total
    return total**2 / sum(w * w for w in weights), rate


def pool(evidence: Iterable[Evidence]) -> list[Evidence]:
    """One lot of evidence for each slot and group, in order."""
    pooled: dict[tuple[str, int], Evidence] = {}
    for one in evidence:
        key = (one.slot, one.group_id)
        pooled[key] = pooled[key] + one if key in pooled else one
    return [pooled[key] for key in sorted(pooled)]


def beliefs(evidence: list[Evidence]) -> tuple[list[Belief], str]:
    """Posteriors and weights of every group, and a verdict over all slots.

    A group's effect is the posterior mean with the offer less that without it (or the mean alone, where nobody was held
    out); its weight is that effect over its slot's, kept inside `WEIGHT_RANGE`. All weights of a slot stay 1 when the slot
    as a whole shows no difference that 95 % confidence can tell from none.
    """
    by_slot = defaultdict(list)
    for one in evidence:
        by_slot[one.slot].append(one)
    found, verdicts = [], set()
    for lots in by_slot.values():
        slot, verdict = _slot_beliefs(lots)
        found += slot
        verdicts.add(verdict)
    return found, next((v for v in (LEARNED, NO_EFFECT) if v in verdicts), TOO_LITTLE)


def _slot_beliefs(lots: list[Evidence]) -> tuple[list[Belief], str]:
    whole = _sum(lots)
    enough = [lot for lot in lots if _is_enough(lot, needs_held_out=whole.held_out > 0)]
    verdict = TOO_LITTLE if not enough else LEARNED if _is_effective(whole) else NO_EFFECT
    found = []
    for lot in lots:
        offered = _posterior(whole.offered_rate, lot.offered, lot.offered_rate)
        held_out = _posterior(whole.held_out_rate, lot.held_out, lot.held_out_rate)
        weight = 1.0
        if verdict == LEARNED and lot in enough:
            base = whole.held_out > 0
            effect = _mean(offered) - base * _mean(held_out)
            low, high = WEIGHT_RANGE
            weight = min(high, max(low, effect / (whole.offered_rate - base * whole.held_out_rate)))
        found.append(Belief(lot.slot, lot.group_id, offered, held_out, weight, lot))
    return found, verdict


def _is_enough(lot: Evidence, *, needs_held_out: bool) -> bool:
    return lot.offered >= OFFERED_MIN and (lot.held_out >= HELD_OUT_MIN or not needs_held_out)


def _is_effective(whole: Evidence) -> bool:
    """Does the slot as a whole sell more with offers than without? Without a holdout: did it sell anything?"""
    if not whole.held_out:
        return whole.offered_rate > 0
    variance = sum(
        rate * (1 - rate) / n
        for n, rate in ((whole.offered, whole.offered_rate), (whole.held_out, whole.held_out_rate))
        if n
    )
    return whole.offered_rate - whole.held_out_rate > Z_95 * sqrt(variance)


def _sum(lots: list[Evidence]) -> Evidence:
    total = lots[0]
    for lot in lots[1:]:
        total = total + lot
    return total


def _pooled(n: float, rate: float, other_n: float, other_rate: float) -> tuple[float, float]:
    total = n + other_n
    return total, (n * rate + other_n * other_rate) / total if total else 0.0


def _posterior(prior_rate: float, n: float, rate: float) -> tuple[float, float]:
    """A Beta prior worth `PRIOR_STRENGTH` offers at the slot's rate, plus the evidence; both parameters above zero."""
    successes = PRIOR_STRENGTH * prior_rate + n * rate
    failures = PRIOR_STRENGTH * (1 - prior_rate) + n * (1 - rate)
    return max(successes, 1e-6), max(failures, 1e-6)


def _mean(beta: tuple[float, float]) -> float:
    return beta[0] / (beta[0] + beta[1])
