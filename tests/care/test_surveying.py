"""Scores add up as a hand count does, with their doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care import surveying


def test_nps_equals_the_hand_count():
    score = surveying.nps({10: 4, 9: 1, 8: 3, 6: 1, 0: 1})
    assert (score.value, score.answers) == (pytest.approx(30.0), 10)
    assert score.low < 30 < score.high


def test_csat_is_the_share_of_fours_and_fives_with_wilsons_interval():
    score = surveying.content_share("csat", {5: 6, 4: 2, 3: 1, 1: 1})
    assert score.value == pytest.approx(80.0)
    assert (round(score.low, 1), round(score.high, 1)) == (49.0, 94.3)


def test_without_answers_there_is_no_score():
    assert surveying.nps({}) is None
    assert surveying.content_share("csat", {}) is None


@pytest.mark.parametrize(
    ("kind", "score", "felt"), [("csat", 1, -100), ("csat", 3, 0), ("nps", 10, 100), ("effort", 4, 0)]
)
def test_a_feeling_is_the_score_on_one_scale(kind, score, felt):
    assert surveying.feeling(kind, score) == felt


@given(st.dictionaries(st.integers(0, 10), st.integers(0, 500)))
def test_the_interval_holds_the_score(counts):
    for score in (surveying.nps(counts), surveying.content_share("nps", counts)):
        if score is not None:
            assert -100 <= score.low <= score.value + 1e-9
            assert score.value - 1e-9 <= score.high <= 100 + 1e-9
