"""Learning from offers in a market whose truth is known: regret beside the rivals, and whether estimates cover the truth."""

import numpy as np

from drills._market import ARMS, FEATURES, Market, lived
from recommender.bandits import EpsilonGreedy, HierarchicalThompson, LinearThompson, Uniform, floored
from recommender.offpolicy import Logged, estimates, gate

MARKETS, ROUNDS, REPLICATES, LOGGED = 12, 20_000, 200, 3000


def run(report):
    regrets = {name: [] for name in ("uniform", "epsilon", "thompson", "contextual")}
    for seed in range(MARKETS):
        market = Market.planted(seed)
        policies = {
            "uniform": Uniform(ARMS), "epsilon": EpsilonGreedy(ARMS), "thompson": HierarchicalThompson(market.group_of),
            "contextual": WithIntercept(LinearThompson(ARMS, FEATURES + 1)),
        }  # fmt: skip
        for name, policy in policies.items():
            regrets[name].append(lived(market, policy, rounds=ROUNDS, seed=1000 + seed)[0])
    mean = {name: float(np.mean(values)) for name, values in regrets.items()}
    note = f"{MARKETS} markets, {ARMS} offers, {ROUNDS:,} exposures each"
    for rival, bar in (("uniform", 0.3), ("epsilon", 1.0)):
        share = mean["thompson"] / mean[rival]
        report(f"regret of hierarchical Thompson over {rival}", round(share, 3), f"below {bar:g}", share < bar, note)
    report(
        "regret of contextual Thompson less that of hierarchical, an exposure",
        round((mean["contextual"] - mean["thompson"]) / ROUNDS, 4), "below 0", mean["contextual"] < mean["thompson"],
        "against the best single offer; below zero: better than any single offer",
    )  # fmt: skip
    covered = coverage()
    for name, share in covered.items():
        report(
            f"95 % intervals of {name} that cover the truth", round(share, 3), "0.90 to 0.99", 0.90 <= share <= 0.99,
            f"{REPLICATES} logs of {LOGGED:,} exposures",
        )  # fmt: skip
    wrong = open_by_mistake()
    report("gates open for a policy that is worse", wrong, "at most 2 of 60", wrong <= 2)


class WithIntercept:
    """The same policy, told that everybody has a one."""

    def __init__(self, policy):
        self.policy, self.name = policy, policy.name

    def propensities(self, contexts, chance):
        return self.policy.propensities(np.c_[np.ones(len(contexts)), contexts], chance)

    def learn(self, contexts, arms, rewards):
        self.policy.learn(np.c_[np.ones(len(contexts)), contexts], arms, rewards)


def coverage() -> dict[str, float]:
    """How often the interval of each estimate holds what the target policy is truly worth."""
    hits = {"ips": 0, "snips": 0, "dr": 0}
    for seed in range(REPLICATES):
        market = Market.planted(seed % 10)
        logged = a_log(market, seed)
        target = by_taste(market, logged.contexts, sharpness=2.0)
        truth = float((by_taste(market, FUTURE, sharpness=2.0) * market.expected(FUTURE)).sum(axis=1).mean())
        for name, found in estimates(logged, target).items():
            hits[name] += int(found.low <= truth <= found.high)
    return {name: count / REPLICATES for name, count in hits.items()}


def open_by_mistake() -> int:
    """Gates that open for a policy that prefers the worst offers."""
    opened = 0
    for seed in range(60):
        market = Market.planted(seed % 10)
        logged = a_log(market, 500 + seed)
        opened += int(gate(logged, by_taste(market, logged.contexts, sharpness=-1.0)).is_open)
    return opened


FUTURE = np.random.default_rng(99).normal(size=(50_000, FEATURES))


def a_log(market: Market, seed: int) -> Logged:
    _, log = lived(market, Uniform(ARMS), rounds=LOGGED, seed=seed)
    return Logged(log["arms"], log["propensities"], log["rewards"], log["contexts"])


def by_taste(market: Market, contexts: np.ndarray, *, sharpness: float) -> np.ndarray:
    """A policy that leans to what is worth more (or, with a negative sharpness, less)."""
    strength = np.exp(sharpness * market.expected(contexts))
    return floored(strength / strength.sum(axis=1, keepdims=True))
