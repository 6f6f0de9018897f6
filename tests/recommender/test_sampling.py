"""Thompson sampling over lists: probabilities that are true, a floor under each, and what is believed decides."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender import sampling

BELIEFS = np.array(
    [[80.0, 20.0, 20.0, 80.0], [20.0, 80.0, 20.0, 80.0]]
)  # the first group gains much, the second nothing


def lists(members: int, n: int):
    rank = np.tile(np.arange(1, n + 1), (members, 1))
    return rank, np.tile(np.arange(n) % 2, (members, 1))


@settings(max_examples=25)
@given(st.integers(1, 10), st.floats(0.01, 1.0), st.integers(0, 2**32))
def test_every_member_gets_an_order_and_each_position_one_offer_with_a_true_probability(n, floor, seed):
    chance = np.random.default_rng(seed)
    rank, group = lists(5, n)
    made = sampling.choose(rank, group, sampling.weights(BELIEFS, chance), coins=chance.random((5, 2 + n)), floor=floor)
    assert (np.sort(made.position, axis=1) == np.arange(1, n + 1)).all()
    assert (made.propensity >= floor / n - 1e-12).all()
    assert (made.propensity <= 1 + 1e-12).all()


def test_logged_probabilities_are_the_shares_that_happen():
    chance = np.random.default_rng(1)
    rank, group = lists(40_000, 4)
    made = sampling.choose(rank, group, sampling.weights(BELIEFS, chance), coins=chance.random((40_000, 6)), floor=0.3)
    for place in range(4):
        for position in range(1, 5):
            there = made.position[:, place] == position
            if there.any():
                assert abs(there.mean() - made.propensity[there, place][0]) < 0.02


def test_what_gains_more_is_shown_first_although_it_ranks_lower():
    drawn = sampling.weights(BELIEFS, np.random.default_rng(2))
    rank, group = np.array([[1, 2]]), np.array([[1, 0]])
    made = sampling.choose(rank, group, drawn, coins=np.array([[0.5, 0.99, 0.1, 0.2]]), floor=0.05)
    assert made.position.tolist() == [[2, 1]]


def test_a_place_without_a_candidate_has_no_position():
    made = sampling.choose(
        np.array([[1, 0]]), np.array([[-1, -1]]), np.ones((8, 0)), coins=np.array([[0.0, 0.0, 0.3, 0.1]]), floor=0.05
    )
    assert made.position.tolist() == [[1, 0]]
    assert made.propensity.tolist() == [[1.0, 0.0]]
