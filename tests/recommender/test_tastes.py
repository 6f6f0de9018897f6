"""Groups about a common mean, by circumstances: the posterior is the exact one, draws belong to a word, and campaigns with known truth are learned from."""

import numpy as np
import pytest

from drills._shelves import RIVALS, Contextual, Shelves, campaigned
from drills.learning import coverage_of_campaigns, opened_for_nothing, propensities_apart, regrets
from recommender.tastes import Effects, Sums, fit


def taught(seed=1, *, groups=6, width=3, outcomes=400):
    chance = np.random.default_rng(seed)
    truth = chance.normal(0.2, 0.3, (groups, width))
    found = {}
    for group in range(groups):
        known = np.c_[np.ones(outcomes), chance.normal(size=(outcomes, width - 1))]
        found[group] = Sums.of(known, known @ truth[group] + chance.normal(0, 0.5, outcomes))
    return truth, found


def test_what_is_believed_comes_near_the_truth_and_says_how_near():
    truth, sums = taught()
    believed = fit(sums)
    drawn = believed.draws(range(6), 400, "a word")
    for group in range(6):
        doubt = drawn[group].std(axis=0)
        assert (doubt < 0.04).all()
        assert (abs(believed.mean(group) - truth[group]) < 4 * doubt).all()
        np.testing.assert_allclose(drawn[group].mean(axis=0), believed.mean(group), atol=4 * doubt.max() / 20)


def test_sums_of_halves_teach_what_the_whole_teaches():
    chance = np.random.default_rng(2)
    known, outcomes = np.c_[np.ones(90), chance.normal(size=(90, 2))], chance.random(90)
    whole, halves = Sums.of(known, outcomes), Sums.of(known[:40], outcomes[:40]) + Sums.of(known[40:], outcomes[40:])
    np.testing.assert_allclose(fit({7: halves}).mean(7), fit({7: whole}).mean(7))


def test_the_posterior_is_that_of_all_coefficients_solved_at_once():
    """The same means from one big ridge regression over the common mean and every group's departure from it."""
    _, sums = taught(groups=3, outcomes=20)
    believed = fit(sums)
    width, spread = 3, believed.common.spread
    noise_of = believed.groups[0]
    noise = float(np.trace(sums[0].gram @ noise_of.factor @ noise_of.factor.T) / np.trace(
        np.eye(width) - noise_of.factor @ noise_of.factor.T @ np.diag(1 / spread)
    ))  # fmt: skip
    n, squares, first = (
        sum(values) for values in zip(*((s.n, s.squares, s.moment[0]) for s in sums.values()), strict=True)
    )
    usual = squares / n - (first / n) ** 2
    size = width * 4
    precision, right = np.zeros((size, size)), np.zeros(size)
    precision[:width, :width] = np.eye(width) / (10 * usual)
    for group, one in sums.items():
        mixed = np.zeros((width, size))
        mixed[:, :width] = np.eye(width)
        mixed[:, width * (group + 1) : width * (group + 2)] = np.eye(width)
        precision += mixed.T @ one.gram @ mixed / noise
        right += mixed.T @ one.moment / noise
        own = slice(width * (group + 1), width * (group + 2))
        precision[own, own] += np.diag(1 / spread)
    solved = np.linalg.solve(precision, right)
    np.testing.assert_allclose(believed.common.mean, solved[:width], rtol=1e-6)
    for group in sums:
        own = solved[width * (group + 1) : width * (group + 2)]
        np.testing.assert_allclose(believed.mean(group), solved[:width] + own, rtol=1e-6)


def test_a_group_nobody_was_offered_is_believed_like_all_and_doubted_more():
    _, sums = taught()
    believed = fit(sums)
    np.testing.assert_allclose(believed.mean("unheard of"), believed.common.mean)
    known, unknown = (believed.draws([group], 300, "w")[group].std(axis=0) for group in (0, "unheard of"))
    assert (unknown > 3 * known).all()


def test_the_same_word_draws_the_same_whoever_is_asked_with_it():
    _, sums = taught()
    believed = fit(sums)
    three, all_of_them = believed.draws([1, 3, 5], 8, "campaign:1"), believed.draws(range(6), 8, "campaign:1")
    for group in (1, 3, 5):
        np.testing.assert_array_equal(three[group], all_of_them[group])
    assert not np.allclose(believed.draws([1], 8, "campaign:2")[1], three[1])


def test_what_is_bought_anyway_is_no_merit():
    """Both groups sell alike with an offer; the second sells as much without."""
    known = np.ones((500, 1))
    shown = {group: Sums.of(known, np.r_[np.ones(200), np.zeros(300)]) for group in (0, 1)}
    held = {group: Sums.of(known, np.r_[np.ones(n), np.zeros(500 - n)]) for group, n in ((0, 50), (1, 200))}
    worth = Effects.taught(shown, held).worth(np.ones((1, 2, 1)), np.array([[0, 1]]), np.array([[100.0, 100.0]]), "w")
    assert worth.mean(axis=1)[0] == pytest.approx([30, 0], abs=5)
    nobody_held = Effects.taught(shown, {}).worth(
        np.ones((1, 2, 1)), np.array([[0, 1]]), np.array([[100.0, 50.0]]), "w"
    )
    assert nobody_held.mean(axis=1)[0] == pytest.approx([40, 20], abs=5)


def test_where_members_differ_it_regrets_less_than_every_rival():
    found = regrets(taste=1.0, shops=2, campaigns=8)
    assert list(found) == list(RIVALS)
    assert found["contextual"] < 0.45 * found["uniform"]
    assert found["contextual"] < 0.75 * min(found["epsilon"], found["hierarchical"])


def test_where_members_are_alike_it_regrets_little_more_than_who_does_not_look_at_them():
    found = regrets(taste=0.0, shops=2, campaigns=8)
    assert found["contextual"] < found["hierarchical"] + 0.1 * found["uniform"]
    assert found["contextual"] < 0.5 * found["uniform"]


def test_offers_stand_where_they_stand_as_often_as_was_logged():
    assert propensities_apart(4000) < 4


def test_estimates_of_what_it_is_worth_cover_the_truth():
    for share in coverage_of_campaigns(30, shops=2).values():
        assert share >= 0.85


def test_the_gate_stays_shut_where_no_offer_moves_anybody():
    assert opened_for_nothing(12) <= 1


def test_before_anything_was_learned_it_decides_as_the_hierarchical_one():
    shop = Shelves.planted(3, taste=1.0)
    of = shop.visitors(5, np.random.default_rng(1))
    np.testing.assert_array_equal(Contextual().values(of, "w"), RIVALS["hierarchical"]().values(of, "w"))
    assert campaigned(shop, Contextual, campaigns=1, members=50, seed=1)[0] > 0
