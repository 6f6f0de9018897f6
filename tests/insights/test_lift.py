import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from insights import lift
from insights.lift import ArmStats


def arm(values, name="arm"):
    values = np.asarray(values, dtype=float)
    return ArmStats(name, len(values), float(values.sum()), float((values**2).sum()))


def test_an_arm_is_its_three_sums():
    a = arm([1, 2, 3, 6])
    assert (a.n, a.mean) == (4, 3.0)
    assert a.variance == pytest.approx(np.var([1, 2, 3, 6], ddof=1))
    both = arm([1, 2]) + arm([3, 6])
    assert (both.n, both.mean, both.variance) == (4, 3.0, pytest.approx(a.variance))


def test_the_difference_and_its_interval_are_welchs_as_scipy_has_them():
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, 20, 300), rng.gamma(2, 24, 170)
    found = lift.difference(arm(a), arm(b))
    theirs = stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert found.absolute == pytest.approx(b.mean() - a.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(theirs.pvalue)
    assert (found.n_control, found.n_treated) == (300, 170)


def test_a_published_example_comes_out_as_printed():
    """Student's sleep data (1908), unpaired: R's t.test(extra ~ group) prints t = -1.8608, df = 17.776, p-value = 0.07939
    and the interval -3.3654832 to 0.2054832 for group 1 minus group 2."""
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = lift.difference(arm(one), arm(two))
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (-found.high, -found.low) == pytest.approx((-3.3654832, 0.2054832), abs=5e-7)
    assert not found.is_detected


def test_the_relative_interval_is_the_delta_methods():
    """Var(R) = (s₁²/n₁ + R² s₀²/n₀) / m₀² with R the ratio of the means, which is 1 + the relative difference."""
    rng = np.random.default_rng(2)
    a, b = rng.gamma(3, 10, 5000), rng.gamma(3, 10.5, 45000)
    found = lift.difference(arm(a), arm(b))
    ratio = b.mean() / a.mean()
    error = math.sqrt(b.var(ddof=1) / len(b) + ratio**2 * a.var(ddof=1) / len(a)) / a.mean()
    assert found.relative == pytest.approx(ratio - 1)
    assert (found.relative_high - found.relative_low) / 2 == pytest.approx(1.96 * error, rel=0.01)


def test_where_the_control_spent_nothing_nothing_is_relative():
    found = lift.difference(arm([0, 0, 0, 0]), arm([0, 0, 5, 9]))
    assert (found.relative, found.relative_low, found.relative_high) == (None, None, None)
    assert found.absolute == 3.5
    found = lift.difference(arm([0, 0, 5, 9]), arm([0, 0, 0, 0]))
    assert (found.absolute, found.relative) == (-3.5, None)


@pytest.mark.parametrize(("control", "treated"), [([1], [1, 2]), ([1, 2], []), ([0, 0, 0], [0, 0]), ([5, 5], [7, 7])])
def test_what_cannot_be_compared_is_said_and_not_made_up(control, treated):
    with pytest.raises(lift.CannotCompare):
        lift.difference(arm(control), arm(treated))


def test_a_split_is_green_amber_or_red():
    shares = {"A": 0.5, "B": 0.5}
    assert lift.sample_ratio({"A": 5000, "B": 5050}, shares).verdict == "ok"
    assert lift.sample_ratio({"A": 50_000, "B": 50_900}, shares).verdict == "amber"
    broken = lift.sample_ratio({"A": 50_000, "B": 48_000}, shares)
    assert (broken.verdict, broken.expected) == ("red", {"A": 49_000, "B": 49_000})
    assert broken.p_value == pytest.approx(stats.chisquare([50_000, 48_000]).pvalue)
    with pytest.raises(ValueError, match="different arms"):
        lift.sample_ratio({"A": 1}, shares)


def test_a_published_broken_split_is_found_as_printed():
    """Kohavi, Tang and Xu, "Trustworthy Online Controlled Experiments" (2020), chapter 3: 821,588 users against 815,482 where half and half
    was planned has p = 1.8E-6."""
    found = lift.sample_ratio({"control": 821_588, "treatment": 815_482}, {"control": 0.5, "treatment": 0.5})
    assert f"{found.p_value:.1E}" == "1.8E-06"
    assert found.verdict == "red"


def test_the_members_needed_are_the_textbooks():
    """Sixteen s²/δ² for 80 % power (Lehr 1992); the exact factor is 2 (1.96 + 0.8416)² = 15.698."""
    assert lift.members_needed(mean=100, sd=100, relative=0.1) == math.ceil(15.6977 * 100)
    assert lift.members_needed(mean=0, sd=1) is None
    assert lift.members_needed(mean=5, sd=0) is None


@given(st.floats(1, 1e4), st.floats(1, 1e4), st.floats(0.01, 1))
def test_half_the_effect_needs_four_times_the_members(mean, sd, relative):
    whole, half = (lift.members_needed(mean, sd, r) for r in (relative, relative / 2))
    assert 4 * whole - 4 <= half <= 4 * whole


def spends(rng, n, share_buying=0.6):
    """Outcomes as shops have them: many zeros, a long tail."""
    return np.where(rng.random(n) < share_buying, rng.lognormal(7, 1, n).round(), 0)


def test_of_many_experiments_without_effect_one_in_twenty_looks_like_one_and_the_interval_covers_zero():
    rng = np.random.default_rng(2017)
    runs, detected = 600, 0
    for _ in range(runs):
        values, is_treated = spends(rng, 3000), rng.random(3000) < 0.7
        detected += lift.difference(arm(values[~is_treated]), arm(values[is_treated])).is_detected
    assert 0.025 < detected / runs < 0.08  # 5 % ± 3 standard errors of 600 runs


def test_rerandomised_p_values_are_even_and_the_same_for_the_same_seed():
    values = spends(np.random.default_rng(5), 4000)
    found = lift.rerandomised_p_values(values, (0.1, 0.9), 1000, seed=99)
    assert found == lift.rerandomised_p_values(values, (0.1, 0.9), 1000, seed=99)
    assert found != lift.rerandomised_p_values(values, (0.1, 0.9), 1000, seed=100)
    assert stats.kstest(found.p_values, "uniform").pvalue > 0.001
    assert 0.03 < found.share_below_alpha < 0.08
    assert sum(found.histogram()) == len(found.p_values) == 1000


def test_a_planted_effect_stands_out_of_its_rerandomisations():
    rng = np.random.default_rng(6)
    values, is_treated = spends(rng, 6000), rng.random(6000) < 0.5
    values[is_treated] *= 1.3
    observed = values[is_treated].mean() - values[~is_treated].mean()
    assert lift.rerandomised_p_values(values, (0.5, 0.5), 1000, seed=1, observed=observed).p_value < 0.01
    assert lift.rerandomised_p_values(values, (0.5, 0.5), 1000, seed=1, observed=0.0).p_value == 1.0


def test_outcomes_that_are_all_zero_have_nothing_to_say():
    found = lift.rerandomised_p_values(np.zeros(50), (0.1, 0.9), 20, seed=1)
    assert set(found.p_values) == {1.0}
