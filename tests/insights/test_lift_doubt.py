"""CUPED, ratios, looking early, many comparisons, worth, power and capping, each held against who published it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from insights import lift
from insights.lift import Metric
from insights.lift.arms import Aggregates, aggregates_of
from insights.lift.sequences import reach


def people(rng, n, effect=1.0):
    """What n members did before and after: spend and visits, correlated with their own habits."""
    habit = rng.gamma(2, 3, n)
    before, after = rng.poisson(habit), rng.poisson(habit * effect)
    price = rng.lognormal(3, 0.4, n)
    return {
        "spend": after * price,
        "visits": after + 1.0,
        "spend_before": before * price,
        "visits_before": before + 1.0,
    }


def two_arms(seed=1, n=(800, 1700), effect=1.1):
    rng = np.random.default_rng(seed)
    return aggregates_of("control", people(rng, n[0])), aggregates_of("treated", people(rng, n[1], effect))


METRICS = [
    Metric("mean", "spend"),
    Metric("mean with cuped", "spend", covariate="spend_before"),
    Metric("ratio", "spend", "visits"),
    Metric("ratio with cuped", "spend", "visits", "spend_before", "visits_before"),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_every_kind_of_comparison_gives_tea_tastings_numbers(metric):
    import tea_tasting as tt
    from tea_tasting.aggr import Aggregates as Theirs

    control, treated = two_arms()

    def theirs(arm: Aggregates):
        named = list(arm.sums)
        cov = {(a, b): arm.covariance(a, b) for a in named for b in named if a < b}
        return Theirs(arm.n, {c: arm.mean(c) for c in named}, {c: arm.covariance(c, c) for c in named}, cov)

    columns = (metric.numerator, metric.denominator, metric.covariate, metric.covariate_denominator)
    rival = tt.RatioOfMeans(*columns, equal_var=False, use_t=True, confidence_level=0.95)
    expected = rival.analyze_aggregates(control=theirs(control), treatment=theirs(treated))
    found = lift.compare(control, treated, metric)
    assert (found.mean_control, found.mean_treated) == pytest.approx((expected.control, expected.treatment))
    assert (found.absolute, found.low, found.high) == pytest.approx(
        (expected.effect_size, expected.effect_size_ci_lower, expected.effect_size_ci_upper)
    )
    assert (found.relative, found.relative_low, found.relative_high) == pytest.approx(
        (expected.rel_effect_size, expected.rel_effect_size_ci_lower, expected.rel_effect_size_ci_upper)
    )
    assert found.p_value == pytest.approx(expected.pvalue)


def test_cuped_keeps_the_variance_that_the_past_does_not_explain():
    control, treated = two_arms(effect=1.0)
    plain = lift.compare(control, treated, METRICS[0])
    cuped = lift.compare(control, treated, METRICS[1])
    assert plain.variance_kept == 1.0
    assert cuped.variance_kept == pytest.approx(1 - cuped.correlation**2, rel=0.05)
    assert (cuped.high - cuped.low) < (plain.high - plain.low)


def test_a_past_in_which_nobody_did_anything_changes_nothing():
    arms = [aggregates_of("arm", {"spend": [1.0, 2.0, 4.0 + i], "before": [0.0, 0.0, 0.0]}) for i in range(2)]
    with_past = lift.compare(*arms, Metric("spend", "spend", covariate="before"))
    assert with_past == lift.compare(*arms, Metric("spend", "spend"))


def test_a_past_that_tells_everything_claims_no_certainty():
    before = [np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0, 7.0])]
    arms = [aggregates_of("arm", {"spend": 2 * values, "before": values}) for values in before]
    found = lift.compare(*arms, Metric("spend", "spend", covariate="before"))
    assert found == lift.compare(*arms, Metric("spend", "spend"))


def test_a_product_that_was_not_counted_is_not_taken_for_zero():
    arm = Aggregates("arm", 3, {"spend": 6.0, "before": 3.0}, {("spend", "spend"): 14.0})
    with pytest.raises(KeyError):
        arm.covariance("spend", "before")
    assert Metric("m", "spend", covariate="before").products() == {
        ("spend", "spend"), ("before", "before"), ("before", "spend")
    }  # fmt: skip


def test_two_arms_added_are_the_arm_of_all_their_members():
    rng = np.random.default_rng(3)
    columns = people(rng, 50)
    first, second = ({name: values[part] for name, values in columns.items()} for part in (slice(20), slice(20, 50)))
    both, whole = aggregates_of("a", first) + aggregates_of("b", second), aggregates_of("c", columns)
    assert both.n == whole.n
    assert both.covariance("spend", "visits") == pytest.approx(whole.covariance("spend", "visits"))
    assert both.stats("spend").variance == pytest.approx(np.var(columns["spend"], ddof=1))


def test_a_ratio_over_nothing_cannot_be_compared():
    arms = [aggregates_of("arm", {"spend": [1.0, 2.0], "visits": [0.0, 0.0]})] * 2
    with pytest.raises(lift.CannotCompare, match="denominator"):
        lift.compare(*arms, Metric("ratio", "spend", "visits"))


# -- looking early -----------------------------------------------------------------------------------------------------


def test_the_always_valid_interval_is_that_of_the_papers_formula():
    """Theorem 2.2 of arXiv 2103.06476 with n = 2,500 of N* = 5,000 planned observations, written out."""
    n, planned, alpha = 2_500, 5_000, 0.05
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    expected = math.sqrt(2 * (n * rho2 + 1) / (n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha))
    assert reach(0.5) == pytest.approx(expected)
    assert reach(1.0) == pytest.approx(3.035, abs=0.001)
    assert reach(0.0) == math.inf


@given(st.floats(0.01, 3), st.floats(-5, 5))
def test_an_early_look_is_wider_and_its_p_value_agrees_with_its_interval(share, z):
    found = lift.Lift(z, z - 1.96, z + 1.96, None, None, None, 0.5, 10, 10, 0, 0, standard_error=1.0)
    sequence = lift.confidence_sequence(found, share_of_plan=share)
    assert sequence.low <= found.low <= found.high <= sequence.high
    assert sequence.times_wider > 1.5
    if abs(sequence.p_value - 0.05) > 1e-9:
        assert sequence.is_detected == (sequence.p_value < 0.05)


# -- many comparisons --------------------------------------------------------------------------------------------------


def test_holm_gives_the_textbooks_adjusted_values():
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") prints 0.03 0.06 0.06 0.02."""
    assert lift.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert lift.holm([]) == []
    assert lift.holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_gives_scipys_values_and_is_never_stricter_than_holm(p_values):
    found = lift.benjamini_hochberg(p_values)
    assert found == pytest.approx(stats.false_discovery_control(p_values, method="bh").tolist())
    for loose, strict, p in zip(found, lift.holm(p_values), p_values, strict=True):
        assert p <= loose + 1e-12
        assert loose <= strict + 1e-12


def test_both_corrections_find_what_their_published_example_finds():
    """Benjamini and Hochberg (1995), section 4.1: of fifteen comparisons of two treatments after a heart attack, the false discovery rate at
    .05 rejects the four smallest, where the familywise error rate rejects three."""
    printed = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert sum(p <= 0.05 for p in lift.benjamini_hochberg(printed)) == 4
    assert sum(p <= 0.05 for p in lift.holm(printed)) == 3


# -- worth, number needed, power, caps ---------------------------------------------------------------------------------


def lift_of(absolute, low, high, n_treated=1000):
    return lift.Lift(absolute, low, high, None, None, None, 0.01, 500, n_treated, 0.1, 0.2, standard_error=1.0)


def test_a_difference_is_worth_itself_times_the_treated_with_the_same_doubt():
    found = lift.worth(lift_of(2.5, 0.5, 4.5))
    assert (found.total, found.low, found.high, found.n_treated) == (2500.0, 500.0, 4500.0, 1000)


def test_the_number_needed_is_the_inverse_and_has_no_end_where_nothing_is_shown():
    found = lift.number_needed(lift_of(0.04, 0.02, 0.06))
    assert (found.number, found.high, found.is_harm) == (25.0, 50.0, False)
    assert found.low == pytest.approx(1 / 0.06)
    doubtful = lift.number_needed(lift_of(0.04, -0.01, 0.09))
    assert (doubtful.number, doubtful.high) == (25.0, None)
    harm = lift.number_needed(lift_of(-0.05, -0.10, -0.02))
    assert (harm.number, harm.low, harm.high, harm.is_harm) == (20.0, 10.0, 50.0, True)
    assert lift.number_needed(lift_of(0.0, -1, 1)) is None


@pytest.mark.parametrize(("control", "treated", "printed"), [(0.20, 0.12, 13), (0.015, 0.009, 167)])
def test_the_number_needed_is_that_of_the_published_table(control, treated, printed):
    """Cook and Sackett, BMJ 310 (1995): strokes in five years with treated hypertension, moderate and mild: 13 and 167 to be treated."""
    found = lift.number_needed(lift_of(control - treated, 0.001, 0.2))
    assert math.ceil(found.number - 1e-9) == printed


@given(st.floats(1, 1e3), st.floats(1, 1e3), st.floats(0.01, 0.5), st.floats(0.02, 0.98), st.floats(0, 0.9))
def test_members_for_an_effect_and_the_effect_for_members_undo_each_other(mean, sd, relative, share, correlation):
    needed = lift.sample_needed(mean, sd, relative, control_share=share, correlation=correlation)
    found = lift.effect_detectable(mean, sd, needed.n_control, needed.n_treated, correlation=correlation)
    if found is not None:
        assert found <= relative * 1.000001
        assert found > relative * 0.5 or min(needed.n_control, needed.n_treated) < 50


def test_half_and_half_needs_what_the_textbook_says_and_a_small_holdout_more():
    even = lift.sample_needed(100, 100, 0.1)
    assert even.n_control == lift.members_needed(100, 100, 0.1)
    assert lift.sample_needed(100, 100, 0.1, control_share=0.1).n == pytest.approx(even.n / (4 * 0.1 * 0.9), rel=0.001)
    assert lift.members_needed(100, 100, 0.1, correlation=0.6) == pytest.approx(1570 * 0.64, abs=1)
    assert lift.effect_detectable(0, 1, 10, 10) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        lift.sample_needed(1, 1, 0.1, control_share=1)


def test_a_cap_comes_from_the_past_and_drops_nobody():
    assert lift.cap_of([0, 0, *range(1, 2001)]) == 1999
    assert lift.cap_of([0, 0, 5, 10_000]) is None
    assert lift.capped([1, 50, 7], 10).tolist() == [1, 10, 7]
    assert lift.capped([1, 50], None).tolist() == [1, 50]
