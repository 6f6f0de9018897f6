"""Campaigns in a shop whose truth is known: each member has ten offers, some members are held out, and bought or not is all that is told.

Played by the very functions that decide in the house: `sampling.order` over what `posteriors` or `tastes` believe.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from recommender import contexts, posteriors, sampling
from recommender.posteriors import Evidence
from recommender.tastes import Effects, Sums

GROUPS, OFFERS, SHOWN, SLOT = 12, 10, 3, "buy_again"
HELD_OUT, FLOOR, MARGIN_MINOR = 0.2, 0.05, 100.0
TRAITS = len(contexts.TRAITS)


@dataclass(frozen=True, eq=False)
class Shelves:
    """What an offer changes: its group's worth and the member's taste for it, more the higher it ranks. What is bought anyway goes by habit."""

    worth: np.ndarray  # (G,), added to the probability
    tastes: np.ndarray  # (G, T)

    @classmethod
    def planted(cls, seed: int, *, taste: float) -> "Shelves":
        """`taste`: how much circumstances matter; 0: not at all."""
        chance = np.random.default_rng(seed)
        return cls(
            np.clip(chance.normal(0.1, 0.05, GROUPS), 0.0, 0.3), taste * chance.normal(0, 0.12, (GROUPS, TRAITS))
        )

    def visitors(self, n: int, chance: np.random.Generator) -> "Visitors":
        traits = np.c_[chance.random((n, 2)) < 0.3, chance.uniform(-0.5, 0.5, (n, TRAITS - 2))].astype(float)
        habits = -np.sort(-chance.beta(0.5, 2.5, (n, OFFERS)), axis=1)  # the ranker puts first what is bought often
        return Visitors(traits, chance.integers(0, GROUPS, (n, OFFERS)), habits)

    def anyway(self, of: "Visitors") -> np.ndarray:
        return 0.02 + 0.4 * of.habits

    def change(self, of: "Visitors") -> np.ndarray:
        """What each offer adds to the probability that its type is bought, shape (m, n)."""
        tastes = (self.tastes[of.group] * (of.traits[:, None, :] - [0.3, 0.3, *[0.0] * (TRAITS - 2)])).sum(axis=2)
        added = (self.worth[of.group] + tastes) / np.log2(np.arange(OFFERS) + 2)
        return np.clip(added, -self.anyway(of), 0.95 - self.anyway(of))


@dataclass(frozen=True, eq=False)
class Visitors:
    """Members of a campaign: traits (m, T), groups of their offers (m, n), how often they take of each (m, n)."""

    traits: np.ndarray
    group: np.ndarray
    habits: np.ndarray

    @property
    def circumstances(self) -> np.ndarray:
        return contexts.circumstances(self.traits, self.habits)


@dataclass
class Learner:
    """A policy that decides campaign after campaign: values by draw (m, D, n) from what it was taught so far."""

    evidence: list[Evidence] = field(default_factory=list)
    sums: tuple[dict, dict] = field(default_factory=lambda: ({}, {}))
    floor: float = FLOOR

    def values(self, of: Visitors, said: str) -> np.ndarray:
        raise NotImplementedError

    def learn(self, of: Visitors, made: sampling.Choices, outcomes: tuple[np.ndarray, np.ndarray]) -> None:
        """Of what was shown or would have been (`made`); `outcomes`: who was held out (m,), what was bought (m, n)."""
        held, bought = outcomes
        row, place = np.nonzero((made.position > 0) & (made.position <= SHOWN))
        known, groups = of.circumstances[row, place], of.group[row, place]
        success, chance, is_held = bought[row, place], made.propensity[row, place], held[row]
        for group in range(GROUPS):
            sides = []
            for side in (False, True):
                here = (groups == group) & (is_held == side)
                sides.append((chance[here].tolist(), success[here].tolist()))
                one = Sums.of(known[here], success[here].astype(float))
                kept = self.sums[side]
                kept[group] = kept[group] + one if group in kept else one
            self.evidence.append(Evidence.of(SLOT, group, offered=sides[0], held_out=sides[1]))


class AtRandom(Learner):
    """Every order alike."""

    def __init__(self):
        super().__init__(floor=1.0)

    def values(self, of, said):
        return np.zeros((len(of.group), 1, OFFERS))


class Standing(Learner):
    """The best by what was learned, and for a few a shuffle: what decides until a policy is promoted."""

    def values(self, of, said):
        weights = np.ones(GROUPS)
        for one in posteriors.beliefs(posteriors.pool(self.evidence))[0]:
            weights[one.group_id] = one.weight
        return sampling.by_group(_ranks(of), of.group, weights[None])


class Hierarchical(Learner):
    """Thompson sampling by group."""

    def values(self, of, said):
        beliefs = posteriors.beliefs(posteriors.pool(self.evidence))[0]
        if not beliefs:
            return sampling.by_group(_ranks(of), of.group, np.ones((1, GROUPS)))
        table = np.maximum([(*one.offered, *one.held_out) for one in sorted(beliefs, key=lambda b: b.group_id)], 1e-3)
        return sampling.by_group(_ranks(of), of.group, sampling.weights(table, _chance(said)))


class Contextual(Hierarchical):
    """Thompson sampling by group and circumstances; before anything was learned, as the hierarchical one."""

    def values(self, of, said):
        if not self.sums[0]:
            return super().values(of, said)
        return Effects.taught(*self.sums).worth(of.circumstances, of.group, np.full(of.group.shape, MARGIN_MINOR), said)


def _ranks(of: Visitors) -> np.ndarray:
    return np.tile(np.arange(1, OFFERS + 1), (len(of.group), 1))


def _chance(said: str) -> np.random.Generator:
    return np.random.default_rng(list(said.encode()))


def decided(policy: Learner, of: Visitors, said: str, chance: np.random.Generator) -> sampling.Choices:
    coins = chance.random((len(of.group), 2 + OFFERS))
    return sampling.order(policy.values(of, said), np.ones(of.group.shape, bool), coins=coins, floor=policy.floor)


def campaigned(
    shop: Shelves, make: Callable[[], Learner], *, campaigns: int, members: int, seed: int
) -> tuple[float, Learner]:
    """Regret of an offer shown, in minor units of incremental margin, against whoever knows the truth; and what was learned."""
    chance, policy, regret = np.random.default_rng(seed), make(), 0.0
    for campaign in range(campaigns):
        of = shop.visitors(members, chance)
        made = decided(policy, of, f"campaign:{seed}:{campaign}", chance)
        held = chance.random(members) < HELD_OUT
        change = shop.change(of)
        is_shown = (made.position <= SHOWN) & ~held[:, None]
        best = -np.sort(-change, axis=1)[~held, :SHOWN].sum()
        regret += float(best - change[is_shown].sum()) / is_shown.sum()
        bought = chance.random(change.shape) < shop.anyway(of) + np.where(is_shown, change, 0.0)
        policy.learn(of, made, (held, bought))
    return MARGIN_MINOR * regret / campaigns, policy


RIVALS = {"uniform": AtRandom, "epsilon": Standing, "hierarchical": Hierarchical, "contextual": Contextual}
