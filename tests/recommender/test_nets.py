"""A network orders the rows of a question, says nothing between questions, and is the same again from a file and from its seed."""

import numpy as np
import pytest

from recommender.learners import Trees, is_lightgbm_here
from recommender.nets import Encoding, Network

QUESTIONS, ROWS = 400, 20


@pytest.fixture(scope="module")
def lesson():
    """What matters is how near the first column is to one half, which no straight line tells; the second is silent for every other row."""
    chance = np.random.default_rng(1)
    features = chance.random((QUESTIONS * ROWS, 3)).astype(np.float32)
    features[::2, 1] = np.nan
    label = chance.random(len(features)) < 0.6 * (np.abs(features[:, 0] - 0.5) < 0.1)
    return features, label, np.ones(len(label)), np.arange(len(label)) // ROWS


def places_of_bought(score, label) -> float:
    order = np.argsort(-score.reshape(QUESTIONS, ROWS), axis=1)
    bought = np.take_along_axis(label.reshape(QUESTIONS, ROWS), order, axis=1)
    return float(np.nonzero(bought)[1].mean())


def test_what_was_bought_is_put_first(lesson):
    features, label, *_ = lesson
    found = Network(seed=1).fit(*lesson).scores(features)
    assert places_of_bought(found, label) < 3
    assert places_of_bought(features[:, 0], label) > 8


def test_the_same_seed_gives_the_same_network_and_a_file_keeps_it(lesson):
    features = lesson[0]
    first, again = (Network(seed=7).fit(*lesson) for _ in range(2))
    np.testing.assert_array_equal(first.scores(features), again.scores(features))
    kept = Network(seed=7).restore({name: np.array(value) for name, value in first.state().items()})
    np.testing.assert_array_equal(first.scores(features), kept.scores(features))


def test_a_row_that_stands_for_many_is_as_good_as_many(lesson):
    """Of two kinds of rows that are bought alike, the one whose rows left unbought were thinned is bought less."""
    chance = np.random.default_rng(2)
    features = np.tile([[0.0], [1.0]], (QUESTIONS * ROWS // 2, 1)).astype(np.float32)
    label = chance.random(len(features)) < 0.3
    weight = np.where(~label & (features[:, 0] == 1), 10.0, 1.0)
    often, seldom = Network(seed=1).fit(features, label, weight, lesson[3]).scores(np.array([[0.0], [1.0]], np.float32))
    assert often > seldom + 0.5


def test_questions_without_any_purchase_teach_nothing(lesson):
    features, label, weight, question = lesson
    nothing = Network(seed=1).fit(features, np.zeros_like(label), weight, question).scores(features)
    assert np.isfinite(nothing).all()
    assert Network(seed=1).fit(*lesson).scores(features[:0]).shape == (0,)


def test_columns_that_are_silent_together_share_a_flag():
    features = np.array([[1, np.nan, np.nan, 5], [2, 3, 4, 5]], np.float32)
    encoding = Encoding().fit(features)
    assert encoding.flags_.tolist() == [1]
    read = encoding.of(features)
    assert read.shape == (2, 5)
    assert read[:, 4].tolist() == [0, 1]
    assert read[0, 1] == read[0, 2] == read[0, 3] == 0  # nothing to say, and what is the same for all
    assert np.abs(read).max() <= 5


def test_networks_have_a_say_beside_the_trees_and_survive_a_file(lesson):
    if not is_lightgbm_here():
        pytest.skip("LightGBM cannot be loaded here")
    features, label, weight, question = lesson
    both = Trees(seed=1, rounds=5, order_rounds=5).fit(features, label, weight, question)
    without = Trees(seed=1, rounds=5, order_rounds=5, net_share=0.0).fit(features, label, weight, question)
    found = both.probabilities(features)
    assert np.abs(found - without.probabilities(features)).max() > 0.01
    again = Trees(seed=1).restore({name: np.array(value) for name, value in both.state().items()})
    np.testing.assert_array_equal(found, again.probabilities(features))
