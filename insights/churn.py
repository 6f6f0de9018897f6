"""Who is about to leave: fewer purchases, longer gaps than one's own rhythm, frequent returns. Arrays in, results out.

To leave is to buy nothing within the horizon. The model is a logistic regression on what a member's own days say, learned one
horizon ago and judged on the horizon after, over all members, one-time buyers included, against the rule “who came last
longest ago leaves first”. It is worth reading only where the 95 % interval of the difference of AUC lies above zero.
"""

from dataclasses import dataclass

import numpy as np

from insights.regression import auc, logistic_regression

ROUNDS = 300
JUDGED_MAX = 20_000
PENALTY = 2.0
FEWER, LONGER, RETURNS, ONCE = "fewer_purchases", "longer_gap", "frequent_returns", "bought_once"


@dataclass(frozen=True, eq=False)
class Days:
    """Days with a purchase, parallel arrays sorted by member and day; `returns` counts what was brought back that day."""

    member: np.ndarray
    day: np.ndarray
    spent: np.ndarray
    returns: np.ndarray

    def before(self, day: int) -> "Days":
        kept = self.day < day
        return Days(self.member[kept], self.day[kept], self.spent[kept], self.returns[kept])


@dataclass(frozen=True, eq=False)
class Rhythm:
    """What a member's days say at a moment; arrays over `members`, ascending codes."""

    members: np.ndarray
    visits: np.ndarray
    since_last: np.ndarray  # days
    since_first: np.ndarray
    gap: np.ndarray  # mean days between visits, shrunk to that of all
    lately: np.ndarray  # visits in the last window
    earlier: np.ndarray  # and in the one before it
    returned: np.ndarray  # share of visits with a return
    spent: np.ndarray

    @property
    def lateness(self) -> np.ndarray:
        return self.since_last / self.gap

    def features(self) -> np.ndarray:
        columns = [
            np.log1p(self.since_last), np.log(self.visits), np.log(self.gap), np.log(self.lateness + 0.05),
            np.minimum(self.lateness, 6), np.log1p(self.lately), np.log1p(self.earlier),
            np.log((self.lately + 0.5) / (self.earlier + 0.5)), np.log1p(self.since_first), self.visits == 1, self.returned,
            np.log1p(np.maximum(self.spent, 0) / self.visits),
        ]  # fmt: skip
        return np.column_stack(columns).astype(float)


def rhythm(of: Days, *, at: int, window: int) -> Rhythm:
    """The rhythm of every member with a purchase before day `at`."""
    seen = of.before(at)
    members, place = np.unique(seen.member, return_inverse=True)
    visits = np.bincount(place, minlength=len(members))
    first, last = np.full(len(members), at), np.zeros(len(members), int)
    np.minimum.at(first, place, seen.day)
    np.maximum.at(last, place, seen.day)
    overall = (last - first).sum() / max((visits - 1).sum(), 1) or 30.0
    age = at - seen.day
    lately = np.bincount(place, age <= window, len(members))
    earlier = np.bincount(place, (age > window) & (age <= 2 * window), len(members))
    gap = np.maximum((last - first + 2 * overall) / (visits + 1), 1.0)
    returned = np.bincount(place, seen.returns > 0, len(members)) / visits
    spent = np.bincount(place, seen.spent, len(members))
    return Rhythm(members, visits, at - last, at - first, gap, lately, earlier, returned, spent)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The model against the rule of recency, on `members` members of later weeks; differences of AUC with 95 % interval."""

    auc: float
    rival_auc: float
    low: float
    high: float
    members: int
    left_share: float
    weights: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @property
    def is_better(self) -> bool:
        return self.low > 0

    def risks(self, of: Rhythm) -> np.ndarray:
        """The probability of buying nothing within the horizon."""
        return 1 / (1 + np.exp(-np.clip(_standard(of.features(), self.mean, self.scale) @ self.weights, -30, 30)))

    def as_json(self) -> dict:
        names = ("auc", "rival_auc", "low", "high", "left_share")
        return {name: round(float(getattr(self, name)), 4) for name in names} | {"members": self.members}


def judge(of: Days, *, at: int, horizon: int, seed: int) -> Verdict | None:
    """Learn two horizons before `at`, judge on the last one; None where there is too little past for that."""
    past, later = (rhythm(of, at=at - n * horizon, window=horizon) for n in (2, 1))
    left = [~np.isin(r.members, of.member[(of.day >= at - n * horizon) & (of.day < at - (n - 1) * horizon)])
            for r, n in ((past, 2), (later, 1))]  # fmt: skip
    if min(len(past.members), len(later.members)) < 30 or any(gone.all() or not gone.any() for gone in left):
        return None
    weights, mean, scale = _fitted(past.features(), left[0])
    found = Verdict(0, 0, 0, 0, len(later.members), float(left[1].mean()), weights, mean, scale)
    ours, rule = found.risks(later), later.since_last.astype(float)
    low, high = _difference(ours, rule, left[1], seed=seed)
    return Verdict(
        auc(ours, left[1]), auc(rule, left[1]), low, high, found.members, found.left_share, weights, mean, scale
    )


def _difference(ours, rule, left, *, seed: int) -> tuple[float, float]:
    """95 % interval of AUC(ours) − AUC(rule), by a paired bootstrap over members."""
    chance = np.random.default_rng(seed)
    size = min(len(left), JUDGED_MAX)
    gains = []
    for _ in range(ROUNDS):
        drawn = chance.integers(0, len(left), size)
        gains.append(auc(ours[drawn], left[drawn]) - auc(rule[drawn], left[drawn]))
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)


def reasons(of: Rhythm) -> list[tuple[str, dict]]:
    """What stands out most in each member's rhythm, as a code with parameters."""
    return [
        (ONCE, {"days": int(since)}) if n == 1
        else (RETURNS, {"percent": round(100 * returned)}) if returned > 0.3
        else (LONGER, {"days": int(since), "usual": round(gap)}) if since > 1.5 * gap or now >= before
        else (FEWER, {"now": int(now), "before": int(before)})
        for n, since, gap, now, before, returned in zip(
            of.visits, of.since_last, of.gap, of.lately, of.earlier, of.returned, strict=True
        )
    ]  # fmt: skip


def probabilities(features: np.ndarray, label: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Fit a logistic regression to some members, answer for others."""
    weights, mean, scale = _fitted(features, label)
    return 1 / (1 + np.exp(-np.clip(_standard(asked, mean, scale) @ weights, -30, 30)))


def _fitted(features: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scale = features.std(axis=0)
    mean, scale = features.mean(axis=0), np.where(scale > 1e-9, scale, 1.0)
    return logistic_regression(_standard(features, mean, scale), label.astype(float), penalty=PENALTY), mean, scale


def _standard(features, mean, scale) -> np.ndarray:
    return np.c_[np.ones(len(features)), (features - mean) / scale]
