"""Learning from offers in shops whose truth is known: regret beside the rivals, true propensities, and whether estimates cover the truth."""

import numpy as np

from drills._market import ARMS, FEATURES, Market, lived
from drills._shelves import (
    FLOOR,
    GROUPS,
    HELD_OUT,
    MARGIN_MINOR,
    OFFERS,
    RIVALS,
    SHOWN,
    TRAITS,
    AtRandom,
    Contextual,
    Shelves,
    Visitors,
    campaigned,
    decided,
)
from recommender import sampling
from recommender.bandits import ContextualThompson, EpsilonGreedy, HierarchicalThompson, Uniform, floored
from recommender.offpolicy import Logged, estimates, gate
from recommender.tastes import Effects, Sums, fit, held_out

MARKETS, ROUNDS, REPLICATES, LOGGED = 12, 20_000, 200, 3000
SHOPS, CAMPAIGNS, MEMBERS = 8, 12, 2000


def run(report):
    _one_of_twenty(report)
    _campaigns(report)
    _estimates(report)


def _one_of_twenty(report):
    """Markets where one of twenty offers is shown at a time, and its worth is told."""
    regrets = {name: [] for name in ("uniform", "epsilon", "thompson", "contextual")}
    for seed in range(MARKETS):
        market = Market.planted(seed)
        policies = {
            "uniform": Uniform(ARMS), "epsilon": EpsilonGreedy(ARMS), "thompson": HierarchicalThompson(market.group_of),
            "contextual": ContextualThompson(ARMS, FEATURES),
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


def _campaigns(report):
    """Campaigns decided as the house decides: lists of ten, three shown, some held out, bought or not."""
    note = f"{SHOPS} shops, {CAMPAIGNS} campaigns of {MEMBERS:,} members, {HELD_OUT:.0%} held out, {OFFERS} offers each"
    it_matters = regrets(taste=1.0)
    for rival, bar in (("uniform", 0.4), ("epsilon", 0.7), ("hierarchical", 0.7)):
        share = it_matters["contextual"] / it_matters[rival]
        report(
            f"campaigns, members differ: regret of contextual over {rival}", round(share, 3), f"below {bar:g}", share < bar, note
        )  # fmt: skip
    alike = regrets(taste=0.0)
    share = alike["contextual"] / alike["uniform"]
    report(
        "campaigns, members alike: regret of contextual over uniform", round(share, 3), "below 0.4", share < 0.4, note
    )
    more = (alike["contextual"] - alike["hierarchical"]) / alike["uniform"]
    report(
        "campaigns, members alike: regret of contextual less hierarchical, of uniform's", round(more, 3), "at most 0.1", more <= 0.1, note
    )  # fmt: skip
    apart = propensities_apart()
    report(
        "campaigns: shares that happen less logged propensities, most (in standard errors)", round(apart, 2), "at most 4", apart <= 4,
        f"contextual; {OFFERS} places x {OFFERS} positions",
    )  # fmt: skip


def regrets(*, taste: float, shops: int = SHOPS, campaigns: int = CAMPAIGNS) -> dict[str, float]:
    """Mean regret an offer shown of each rival, in minor units of incremental margin."""
    return {
        name: float(
            np.mean(
                [
                    campaigned(
                        Shelves.planted(seed, taste=taste), rival, campaigns=campaigns, members=MEMBERS, seed=100 + seed
                    )[0]
                    for seed in range(shops)
                ]
            )
        )
        for name, rival in RIVALS.items()
    }


def propensities_apart(members: int = 20_000) -> float:
    """How far the contextual policy's choices depart from what it logged: the most of all places and positions, in standard errors."""
    shop = Shelves.planted(1, taste=1.0)
    _, policy = campaigned(shop, Contextual, campaigns=3, members=MEMBERS, seed=7)
    chance = np.random.default_rng(8)
    of = shop.visitors(1, chance)
    same = type(of)(*(np.repeat(value, members, axis=0) for value in vars(of).values()))
    made = decided(policy, same, "again", chance)
    found = [0.0]
    for place in range(OFFERS):
        for position in range(1, OFFERS + 1):
            there = made.position[:, place] == position
            if there.any():
                said = made.propensity[there, place][0]
                found.append(abs(there.mean() - said) / np.sqrt(max(said * (1 - said), 1e-12) / members))
    return float(max(found))


def _estimates(report):
    for name, share in coverage().items():
        report(
            f"95 % intervals of {name} that cover the truth", round(share, 3), "0.90 to 0.99", 0.90 <= share <= 0.99,
            f"{REPLICATES} logs of {LOGGED:,} exposures",
        )  # fmt: skip
    for name, share in coverage_of_campaigns().items():
        report(
            f"95 % intervals of {name} that cover what the contextual policy is worth", round(share, 3), "0.90 to 0.99",
            0.90 <= share <= 0.99, f"{REPLICATES} logs of {LOGGED:,} members, shuffled, and a quarter as many held out",
        )  # fmt: skip
    wrong = open_by_mistake()
    nothing = opened_for_nothing()
    report(
        "gates open for the contextual policy where no offer moves anybody", nothing, "at most 7 of 100", nothing <= 7,
        f"halves of {4 * MEMBERS:,} members, a quarter held out; 2.5 expected",
    )  # fmt: skip
    report("gates open for a policy that is worse", wrong, "at most 2 of 60", wrong <= 2)


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


def coverage_of_campaigns(replicates: int = REPLICATES, shops: int = 10) -> dict[str, float]:
    """The same for the policy that decides by circumstances, taught by other members than those it is judged on."""
    hits = {"ips": 0, "snips": 0, "dr": 0}
    taught = [_taught(seed) for seed in range(shops)]
    for seed in range(replicates):
        shop, effects, truth = taught[seed % shops]
        logged, target = a_log_of_campaigns(shop, effects, seed)
        for name, found in estimates(logged, target).items():
            hits[name] += int(found.low <= truth <= found.high)
    return {name: count / replicates for name, count in hits.items()}


def _taught(seed: int) -> tuple[Shelves, Effects, float]:
    """A shop, what two campaigns of shuffles taught there, and what deciding by it is worth: incremental margin of the first offer."""
    shop = Shelves.planted(seed, taste=1.0)
    _, policy = campaigned(shop, AtRandom, campaigns=2, members=10 * MEMBERS, seed=300 + seed)
    effects = Effects.taught(*policy.sums)
    of = shop.visitors(20_000, np.random.default_rng(400 + seed))
    return shop, effects, float((firsts(effects, of) * shop.change(of)).sum(axis=1).mean()) * MARGIN_MINOR


def firsts(effects: Effects, of) -> np.ndarray:
    """The probability of each offer to be shown first, by circumstances."""
    worth = effects.worth(of.circumstances, of.group, np.full(of.group.shape, MARGIN_MINOR), "judge")
    return sampling.first(worth, np.ones(of.group.shape, bool), floor=FLOOR)


def a_log_of_campaigns(shop: Shelves, effects: Effects, seed: int) -> tuple[Logged, np.ndarray]:
    """Shuffled first offers; what is bought anyway is told by members of the same log who were held out."""
    chance = np.random.default_rng(5000 + seed)
    of, held = shop.visitors(LOGGED, chance), shop.visitors(LOGGED // 4, chance)
    rows, arms = np.arange(LOGGED), chance.integers(0, OFFERS, LOGGED)
    bought = chance.random(LOGGED) < (shop.anyway(of) + shop.change(of))[rows, arms]
    believed = fit(_sums_of_held(shop, held, chance))
    anyway, wrong = held_out(believed, (of.circumstances[rows, arms], of.group[rows, arms]), f"log:{seed}")
    logged = Logged(
        arms, np.full(LOGGED, 1 / OFFERS), MARGIN_MINOR * (bought - anyway), of.traits, MARGIN_MINOR * wrong
    )
    return logged, firsts(effects, of)


def _sums_of_held(shop: Shelves, held: Visitors, chance: np.random.Generator) -> dict[int, Sums]:
    bought = (chance.random(held.group.shape) < shop.anyway(held))[:, :SHOWN]
    known, group = held.circumstances[:, :SHOWN], held.group[:, :SHOWN]
    return {
        int(one): Sums.of(known[group == one], bought[group == one].astype(float)) for one in np.unique(group)
    }  # fmt: skip


def opened_for_nothing(replicates: int = 100) -> int:
    """Gates of the contextual policy that open although no offer moves anybody: half of a campaign teaches, the other half judges."""
    return sum(_is_open_for_nothing(seed) for seed in range(replicates))


def _is_open_for_nothing(seed: int) -> bool:
    shop, chance = Shelves(np.zeros(GROUPS), np.zeros((GROUPS, TRAITS))), np.random.default_rng(7000 + seed)
    of, arms = shop.visitors(4 * MEMBERS, chance), chance.integers(0, OFFERS, 4 * MEMBERS)
    rows, is_held, half = np.arange(len(arms)), chance.random(len(arms)) < 0.25, chance.integers(0, 2, len(arms))
    bought = (chance.random(len(arms)) < shop.anyway(of)[rows, arms]).astype(float)
    known, group = of.circumstances[rows, arms], of.group[rows, arms]
    here = (half == 1) & ~is_held
    policy = Effects.taught(*(_sums(known, group, bought, (half == 0) & (is_held == side)) for side in (False, True)))
    without = fit(_sums(known, group, bought, (half == 1) & is_held))
    anyway, wrong = held_out(without, (known[here], group[here]), "half")
    them = Visitors(of.traits[here], of.group[here], of.habits[here])
    rewards = MARGIN_MINOR * (bought[here] - anyway)
    logged = Logged(arms[here], np.full(len(rewards), 1 / OFFERS), rewards, them.traits, MARGIN_MINOR * wrong)
    return gate(logged, firsts(policy, them)).is_open


def _sums(known, group, bought, here) -> dict[int, Sums]:
    return {
        int(one): Sums.of(known[here & (group == one)], bought[here & (group == one)]) for one in np.unique(group[here])
    }


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
