"""Learning what to offer while offering it: policies with logged propensities. Arrays in, arrays out; chance is an argument.

A reward is incremental margin (what the exposure brought beyond the holdout), so it may be negative and is no probability. All
policies answer with the probability of every arm, a part of it spread evenly (`FLOOR`): what was never tried can never be judged
later.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from recommender.tastes import Sums, fit

FLOOR = 0.05
DRAWS = 128  # posterior draws from which an arm's probability is counted


class Policy(Protocol):
    """`name` with its version; `propensities(contexts, chance)` → (n, K), rows sum to one; `learn` takes what was logged."""

    name: str

    def propensities(self, contexts: np.ndarray, chance: np.random.Generator) -> np.ndarray: ...

    def learn(self, contexts: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> None: ...


def choose(propensities: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An arm for each row, and the probability it had."""
    steps = np.cumsum(propensities, axis=1)
    arms = (chance.random((len(steps), 1)) * steps[:, -1:] >= steps).sum(axis=1)
    return arms, propensities[np.arange(len(arms)), arms]


def floored(shares: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    return (1 - floor) * shares + floor / shares.shape[1]


@dataclass
class Uniform:
    """Every arm alike: the rival that learns nothing."""

    arms: int
    name: str = "uniform-1"

    def propensities(self, contexts, chance):
        return np.full((len(contexts), self.arms), 1 / self.arms)

    def learn(self, contexts, arms, rewards):
        """Nothing."""


class _Sums:
    """Rewards of each arm so far."""

    def __init__(self, arms: int):
        self.n, self.total, self.squares = np.zeros(arms), np.zeros(arms), np.zeros(arms)

    def add(self, arms: np.ndarray, rewards: np.ndarray):
        size = len(self.n)
        self.n += np.bincount(arms, minlength=size)
        self.total += np.bincount(arms, rewards, size)
        self.squares += np.bincount(arms, rewards**2, size)

    @property
    def noise(self) -> float:
        """Variance of a reward about its arm's mean, pooled; 1 before anything is known."""
        spare = self.n.sum() - (self.n > 0).sum()
        if spare < len(self.n):
            return 1.0
        return max(float((self.squares - self.total**2 / np.maximum(self.n, 1)).sum() / spare), 1e-9)


@dataclass
class EpsilonGreedy:
    """The best arm so far, and with probability `epsilon` any: the rival that never grows sure."""

    arms: int
    epsilon: float = 0.1
    name: str = "epsilon-greedy-1"

    def __post_init__(self):
        self.seen = _Sums(self.arms)

    def propensities(self, contexts, chance):
        means = np.where(self.seen.n > 0, self.seen.total / np.maximum(self.seen.n, 1), np.inf)
        best = np.eye(self.arms)[int(np.argmax(means))]
        return np.tile(floored(best[None, :], self.epsilon), (len(contexts), 1))

    def learn(self, contexts, arms, rewards):
        self.seen.add(arms, rewards)


@dataclass
class HierarchicalThompson:
    """Thompson sampling where arms of one group are alike: a normal mean for each group, the arms' about it.

    `group_of` (K,) names the group of each arm. Variances between groups and within them are estimated from the data by
    moments, so that a new offer starts from its category and leaves it as evidence comes in.
    """

    group_of: np.ndarray
    floor: float = FLOOR
    name: str = "hierarchical-thompson-1"

    def __post_init__(self):
        self.seen = _Sums(len(self.group_of))

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of every arm's mean reward."""
        seen, noise, groups = self.seen, self.seen.noise, int(self.group_of.max()) + 1
        tried = seen.n > 0
        raw = seen.total / np.maximum(seen.n, 1)
        weight = np.where(tried, seen.n, 0.0)
        overall = float((weight * raw).sum() / max(weight.sum(), 1e-9))
        spread = (
            max(float(np.var(raw[tried])) - noise * float(np.mean(1 / seen.n[tried])), 0.0) if tried.sum() > 2 else 0.0
        )
        spread = max(spread, noise / 400)  # belief that arms differ never dies
        precision = np.where(tried, 1 / (spread + noise / np.maximum(seen.n, 1)), 0.0)
        group_precision = np.bincount(self.group_of, precision, groups) + 1 / (2 * spread)
        group_mean = (np.bincount(self.group_of, precision * raw, groups) + overall / (2 * spread)) / group_precision
        about, doubt = group_mean[self.group_of], 1 / group_precision[self.group_of]
        own = seen.n / noise
        variance = 1 / (own + 1 / spread)
        mean = variance * (own * raw + about / spread)
        return mean, variance + (variance / spread) ** 2 * doubt

    def propensities(self, contexts, chance):
        mean, variance = self.posterior()
        draws = chance.normal(mean, np.sqrt(variance), (DRAWS, len(mean)))
        shares = np.bincount(draws.argmax(axis=1), minlength=len(mean)) / DRAWS
        return np.tile(floored(shares[None, :], self.floor), (len(contexts), 1))

    def learn(self, contexts, arms, rewards):
        self.seen.add(arms, rewards)


@dataclass
class ContextualThompson:
    """Thompson sampling by what is known of the member: `tastes`, as the policy that decides in the house believes.

    Every offer is a group of its own, about a mean of all; what is known of everybody is a one.
    """

    arms: int
    features: int
    floor: float = FLOOR
    name: str = "contextual-thompson-1"

    def __post_init__(self):
        nothing = np.zeros(self.features + 1)
        self.sums = {arm: Sums(0.0, 0.0, nothing, np.outer(nothing, nothing)) for arm in range(self.arms)}
        self.believed = None

    def propensities(self, contexts, chance):
        if self.believed is None:
            return np.full((len(contexts), self.arms), 1 / self.arms)
        drawn = self.believed.draws(range(self.arms), DRAWS, str(chance.integers(2**63)))
        known = np.c_[np.ones(len(contexts)), contexts]
        best = np.stack([known @ drawn[arm].T for arm in range(self.arms)], axis=2).argmax(axis=2)
        return floored((best[:, :, None] == np.arange(self.arms)).mean(axis=1), self.floor)

    def learn(self, contexts, arms, rewards):
        known = np.c_[np.ones(len(contexts)), contexts]
        for arm in np.unique(arms).tolist():
            self.sums[arm] += Sums.of(known[arms == arm], rewards[arms == arm])
        self.believed = fit(self.sums)
