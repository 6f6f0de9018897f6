"""The short form of `make drill ONLY=lift`: the same simulations, fewer of them, always the same seeds."""

import pytest

from drills import _experiments as simulated
from insights import lift


@pytest.mark.parametrize("kind", [simulated.arriving, simulated.accruing])
def test_a3_a6_looking_twenty_times_makes_no_false_wins_by_our_rule_and_many_by_the_naive_one(kind):
    found = kind(300)
    assert found.share(found.either) <= 0.05 + 0.025
    assert found.share(found.live) <= found.share(found.either)
    assert found.share(found.naive) >= 0.12


def test_a4_a_planted_effect_is_covered_and_found_as_promised_and_cuped_narrows_by_rho_squared():
    found = simulated.planted(1000, n_control=200, n_treated=600, effect=0.03, correlation=0.7)
    for share in (found.covers, found.covers_relative, found.covers_cuped):
        assert 0.93 <= share <= 0.97
    assert found.variance_kept == pytest.approx(found.expected_kept, rel=0.15)
    needed = lift.sample_needed(1000, 1000, 0.2, correlation=0.7)
    powered = simulated.planted(
        500, n_control=needed.n_control, n_treated=needed.n_treated, effect=0.2, correlation=0.7
    )
    assert 0.74 <= powered.found_cuped <= 0.88
    assert powered.found < powered.found_cuped


def test_a2_a_planted_broken_split_of_50_to_48_at_100_000_is_red_and_honest_splits_are_not():
    halves = {"control": 0.5, "treated": 0.5}
    assert lift.sample_ratio({"control": 50_000, "treated": 48_000}, halves).verdict == "red"
    assert simulated.splits(50, members=100_000, lost=0.05) == {"red": 50, "amber": 0, "ok": 0}
    honest = simulated.splits(1000, members=100_000, lost=0.0)
    assert honest["red"] <= 4
    assert honest["amber"] <= 20
