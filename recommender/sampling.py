"""Thompson sampling among the offers of many members at once: arrays in, positions with their probabilities out.

What is believed of a group of offers is a draw from two Beta posteriors, with the offer and without; an offer is ordered by the
effect drawn for its group, over its slot's, times the discount of its rank. `DRAWS` draws are made for a cause. Each member lives
by one of them; how likely each offer was to stand on each position is counted over all. A part of the members, `floor`, sees a
uniform shuffle, so that every choice has a probability that later estimates can divide by.
"""

from dataclasses import dataclass

import numpy as np

from recommender.policy import WEIGHT_RANGE

DRAWS = 64


@dataclass(frozen=True, eq=False)
class Choices:
    """Parallel to the candidates, shape (m, n): the position each got (1 is first, 0 where there is no candidate), its probability."""

    position: np.ndarray
    propensity: np.ndarray


def weights(beliefs: np.ndarray, chance: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Draws of every group's weight, shape (draws, G), for G beliefs (offered α, β, held-out α, β)."""
    if not len(beliefs):
        return np.ones((draws, 0))
    offered, held_out = (chance.beta(beliefs[:, at], beliefs[:, at + 1], (draws, len(beliefs))) for at in (0, 2))
    effect = offered - held_out
    usual = max(float(np.mean(effect)), 1e-3)
    return np.clip(effect / usual, *WEIGHT_RANGE)


def choose(rank: np.ndarray, group: np.ndarray, drawn: np.ndarray, *, coins: np.ndarray, floor: float) -> Choices:
    """Order each member's candidates.

    Parameters
    ----------
    rank : int array, shape (m, n)
        Place on the member's list, from 1; 0 where there is no candidate.
    group : int array, shape (m, n)
        Column of `drawn`, −1 for a group nothing is believed of.
    drawn : float array, shape (D, G)
        Draws of each group's weight.
    coins : float array in [0, 1), shape (m, 2 + n)
        Which draw is the member's, whether they see a shuffle, and the shuffle's order.
    floor : float
        Share of shuffles.

    """
    return order(by_group(rank, group, drawn), rank > 0, coins=coins, floor=floor)


def by_group(rank: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """What each candidate is worth by each draw of its group's weight, shape (m, D, n); arguments as of `choose`."""
    wide = np.c_[drawn, np.ones(len(drawn))]
    discount = 1 / np.log(np.maximum(rank, 1) + 1)
    return wide[:, group].transpose(1, 0, 2) * discount[:, None, :]


def order(values: np.ndarray, is_there: np.ndarray, *, coins: np.ndarray, floor: float) -> Choices:
    """Order each member's candidates by their values.

    Parameters
    ----------
    values : float array, shape (m, D, n)
        What each candidate is worth to the member by each draw.
    is_there : bool array, shape (m, n)
        Whether there is a candidate; the first of a row are.
    coins, floor
        As of `choose`.

    """
    ordered = np.argsort(-np.where(is_there[:, None, :], values, -np.inf), axis=2, kind="stable")
    place = np.empty_like(ordered)
    np.put_along_axis(place, ordered, np.arange(is_there.shape[1])[None, None, :], axis=2)
    mine = place[np.arange(len(place)), (coins[:, 0] * values.shape[1]).astype(int)]
    shuffled = np.where(is_there, coins[:, 2:], 2.0).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    position = np.where((coins[:, 1] < floor)[:, None], shuffled, mine)
    share = (place == position[:, None, :]).mean(axis=1)
    eligible = np.maximum(is_there.sum(axis=1, keepdims=True), 1)
    return Choices(np.where(is_there, position + 1, 0), np.where(is_there, (1 - floor) * share + floor / eligible, 0.0))


def first(values: np.ndarray, is_there: np.ndarray, *, floor: float) -> np.ndarray:
    """The probability of each candidate to be shown first, shape (m, n); arguments as of `order`, each row with a candidate."""
    best = np.where(is_there[:, None, :], values, -np.inf).argmax(axis=2)
    share = (best[:, :, None] == np.arange(values.shape[2])).mean(axis=1)
    return (1 - floor) * share + floor * is_there / is_there.sum(axis=1, keepdims=True)
