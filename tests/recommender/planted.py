"""A shop whose truth is known: members with planted rhythms and tastes, from one seed."""

from dataclasses import dataclass

import numpy as np

from recommender.interactions import Interactions

DAY_0 = 17_000
PERIODS = (7, 14, 21, 28)


@dataclass(frozen=True)
class Planted:
    seen: Interactions
    cutoff: int
    taste: np.ndarray  # of each member
    taste_of_item: np.ndarray  # −1: a staple


def shop(*, seed=1, members=240, weeks=30, tastes=4, items_per_taste=12, staples=24, judged_weeks=1) -> Planted:
    """Every member buys some staples, each at a period of their own, and ever more of the types of their taste.

    The rhythm is hidden from counting: a staple is taken up at a random week, so how often it was bought says little of
    when it is due.
    """
    chance = np.random.default_rng(seed)
    days = 7 * weeks
    taste = chance.integers(0, tastes, members)
    rows = []
    for member in range(members):
        for item in chance.choice(staples, 10, replace=False):
            period = chance.choice(PERIODS)
            day = chance.integers(0, days - 60)
            while day < days:
                rows.append((member, item, day))
                day += max(1, round(chance.normal(period, 1)))
        liked = staples + taste[member] * items_per_taste + chance.permutation(items_per_taste)
        for nth, item in enumerate(liked):
            first = round((nth + chance.random()) * days / items_per_taste)
            rows += [(member, item, day) for day in range(first, days, 40)]
    member, item, day = (np.array(column) for column in zip(*rows, strict=True))
    size = staples + tastes * items_per_taste
    seen = Interactions.of(1000 + member, 500 + item, DAY_0 + day, until=DAY_0 + days, item_ids=500 + np.arange(size))
    taste_of_item = np.r_[np.full(staples, -1), np.repeat(np.arange(tastes), items_per_taste)]
    return Planted(seen, DAY_0 + days - 7 * judged_weeks, taste, taste_of_item)


def everything(seen: Interactions) -> np.ndarray:
    return np.ones(seen.shape[1], bool)
