"""A shop whose truth is known: what every offer is worth to every member, and nobody else is told."""

from dataclasses import dataclass

import numpy as np

from recommender.bandits import Policy, choose

ARMS, GROUPS, FEATURES, BATCH = 20, 5, 3, 200


@dataclass(frozen=True, eq=False)
class Market:
    """Incremental margin of an offer = its group's worth + its own + what the member makes of it, with much noise."""

    worth: np.ndarray  # (K,)
    tastes: np.ndarray  # (K, F)
    group_of: np.ndarray
    noise: float = 1.5

    @classmethod
    def planted(cls, seed: int) -> "Market":
        chance = np.random.default_rng(seed)
        group_of = np.arange(ARMS) % GROUPS
        worth = chance.normal(0, 0.3, GROUPS)[group_of] + chance.normal(0, 0.15, ARMS)
        return cls(worth, chance.normal(0, 0.15, (ARMS, FEATURES)), group_of)

    def members(self, n: int, chance: np.random.Generator) -> np.ndarray:
        return chance.normal(size=(n, FEATURES))

    def expected(self, contexts: np.ndarray) -> np.ndarray:
        return self.worth + contexts @ self.tastes.T

    def reward(self, contexts: np.ndarray, arms: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        return self.expected(contexts)[np.arange(len(arms)), arms] + chance.normal(0, self.noise, len(arms))


def lived(market: Market, policy: Policy, *, rounds: int, seed: int) -> tuple[float, dict[str, np.ndarray]]:
    """Regret against the best single offer for everybody, and the log, after `rounds` exposures in batches."""
    chance, regret, log = np.random.default_rng(seed), 0.0, []
    best = market.worth.max()
    for _ in range(rounds // BATCH):
        contexts = market.members(BATCH, chance)
        arms, propensities = choose(policy.propensities(contexts, chance), chance)
        rewards = market.reward(contexts, arms, chance)
        regret += float((best - market.expected(contexts)[np.arange(BATCH), arms]).sum())
        policy.learn(contexts, arms, rewards)
        log.append((contexts, arms, propensities, rewards))
    columns = (np.concatenate(column) for column in zip(*log, strict=True))
    return regret, dict(zip(("contexts", "arms", "propensities", "rewards"), columns, strict=True))
