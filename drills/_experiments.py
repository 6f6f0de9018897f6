"""Simulated experiments of whose truth everything is known. Seeds are fixed, so a figure is the same in every run.

Spend as shops have it: many members buy nothing, a few buy a lot. Each function answers counts; who calls decides what is
enough.
"""

from dataclasses import dataclass

import numpy as np

from insights import lift
from insights.lift.arms import Aggregates, ArmStats, aggregates_of

LOOKS = 20
SPEND = lift.Metric("spend", "spend", covariate="before")


def spend(rng, shape, *, buying=0.6, sigma=0.7):
    """Minor units: a share buys nothing, the others a lognormal amount."""
    return np.where(rng.random(shape) < buying, rng.lognormal(7, sigma, shape), 0.0)


@dataclass
class Looks:
    """Of many experiments without any effect: how many were called a win, by which rule."""

    runs: int
    live: int = 0
    planned_end: int = 0
    either: int = 0
    naive: int = 0

    def share(self, count: int) -> float:
        return count / self.runs


def arriving(runs: int, *, members_a_look: int = 200, seed: int = 2103) -> Looks:
    """A/A experiments in which members arrive between 20 looks, half to either arm by chance."""
    rng, found = np.random.default_rng(seed), Looks(runs)
    for _ in range(runs):
        values = spend(rng, (LOOKS, members_a_look))
        is_treated = rng.random((LOOKS, members_a_look)) < 0.5
        _read(found, [_running_sums(values, side) for side in (~is_treated, is_treated)])
    return found


def accruing(runs: int, *, members: int = 1500, seed: int = 6476) -> Looks:
    """A/A experiments in which all are assigned at once and buy at habits of their own, while 20 days are looked at."""
    rng, found = np.random.default_rng(seed), Looks(runs)
    for _ in range(runs):
        habit = rng.gamma(0.8, 0.1, members)
        orders = rng.poisson(habit, (LOOKS, members))
        values = np.cumsum(orders * rng.lognormal(7, 0.5, members), axis=0)
        is_treated = rng.random(members) < 0.5
        _read(found, [_sums_by_look(values[:, side]) for side in (~is_treated, is_treated)])
    return found


def _running_sums(values, side):
    n = np.cumsum(side.sum(axis=1))
    return n, np.cumsum((values * side).sum(axis=1)), np.cumsum((values**2 * side).sum(axis=1))


def _sums_by_look(values):
    return np.full(len(values), values.shape[1]), values.sum(axis=1), (values**2).sum(axis=1)


def _read(found: Looks, arms):
    """Look at one experiment 20 times, as the report does, and count what each rule would have called a win."""
    lifts = [lift.difference(*(_arm(arm, look) for arm in arms)) for look in range(LOOKS)]
    plan = [(look + 1) / LOOKS for look in range(LOOKS)]
    live = any(
        lift.confidence_sequence(one, share_of_plan=share).is_detected for one, share in zip(lifts, plan, strict=True)
    )
    found.live += live
    found.planned_end += lifts[-1].is_detected
    found.either += live or lifts[-1].is_detected
    found.naive += any(one.is_detected for one in lifts)


def _arm(sums, look):
    n, total, squares = (column[look] for column in sums)
    return ArmStats("arm", int(n), float(total), float(squares))


@dataclass
class Planted:
    """Of many experiments with a planted relative effect: intervals that held it, and wins. Shares of `runs`."""

    runs: int
    covers: float
    covers_relative: float
    covers_cuped: float
    found: float
    found_cuped: float
    variance_kept: float
    expected_kept: float


def planted(
    runs: int,
    *,
    n_control: int,
    n_treated: int,
    effect: float,
    correlation: float = 0.0,
    cv: float = 1.0,
    seed: int = 2013,
) -> Planted:
    """Experiments with a known effect; the covariate is what the same members spent before, correlated as told.

    Spend is gamma-like through a shared part: outcome and covariate are sums of a common gamma and one of their own, which
    makes the correlation exactly that of the shares. Every treated member spends `effect` of the mean more. `cv` is sd ÷ mean.
    """
    rng = np.random.default_rng(seed)
    n = n_control + n_treated
    shape, scale = 1 / cv**2, 1000 * cv**2
    is_treated = np.arange(n) >= n_control
    hits = np.zeros((runs, 5))
    estimates = np.zeros((runs, 2))
    for run in range(runs):
        common = rng.gamma(correlation * shape, scale, n) if correlation else np.zeros(n)
        own, before = (rng.gamma((1 - correlation) * shape, scale, n) for _ in range(2))
        outcome = common + own + 1000 * effect * is_treated
        arms = [_aggregates(outcome[side], (common + before)[side]) for side in (~is_treated, is_treated)]
        plain, cuped = lift.compare(*arms, SPEND.plain()), lift.compare(*arms, SPEND)
        truth = 1000 * effect
        hits[run] = (
            plain.low <= truth <= plain.high, plain.relative_low <= effect <= plain.relative_high,
            cuped.low <= truth <= cuped.high, plain.low > 0, cuped.low > 0,
        )  # fmt: skip
        estimates[run] = plain.absolute, cuped.absolute
    spread = estimates.var(axis=0)
    return Planted(runs, *hits.mean(axis=0), float(spread[1] / spread[0]), 1 - correlation**2)


def _aggregates(outcome, before) -> Aggregates:
    return aggregates_of("arm", {"spend": outcome, "before": before})


def splits(runs: int, *, members: int, lost: float, seed: int = 2019) -> dict[str, int]:
    """Splits planned half and half in which a share of one arm got lost: how many were called red, amber, ok."""
    rng = np.random.default_rng(seed)
    verdicts = {"red": 0, "amber": 0, "ok": 0}
    for _ in range(runs):
        treated = int(rng.binomial(members, 0.5))
        counts = {"control": members - treated, "treated": treated - int(rng.binomial(treated, lost))}
        verdicts[lift.sample_ratio(counts, {"control": 0.5, "treated": 0.5}).verdict] += 1
    return verdicts
