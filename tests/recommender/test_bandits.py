import numpy as np
import pytest

from drills._market import ARMS, Market, lived
from drills.learning import a_log, by_taste
from recommender import offpolicy
from recommender.bandits import FLOOR, ContextualThompson, EpsilonGreedy, HierarchicalThompson, Uniform, choose
from recommender.offpolicy import Logged, estimates, gate

MARKET = Market.planted(3)
POLICIES = [Uniform(ARMS), EpsilonGreedy(ARMS), HierarchicalThompson(MARKET.group_of), ContextualThompson(ARMS, 3)]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_every_policy_says_the_probability_of_every_arm_and_gives_each_a_chance(policy):
    chance = np.random.default_rng(1)
    contexts = MARKET.members(50, chance)
    for _ in range(3):
        found = policy.propensities(contexts, chance)
        assert found.shape == (50, ARMS)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found.min() >= FLOOR / ARMS - 1e-12
        arms, said = choose(found, chance)
        np.testing.assert_array_equal(said, found[np.arange(50), arms])
        policy.learn(contexts, arms, MARKET.reward(contexts, arms, chance))


def test_arms_are_chosen_as_often_as_was_said():
    said = np.tile([[0.7, 0.25, 0.05]], (20_000, 1))
    arms, _ = choose(said, np.random.default_rng(1))
    assert np.bincount(arms) / 20_000 == pytest.approx([0.7, 0.25, 0.05], abs=0.01)


def test_thompson_regrets_less_than_trying_at_random():
    uniform, _ = lived(MARKET, Uniform(ARMS), rounds=6000, seed=1)
    thompson, _ = lived(MARKET, HierarchicalThompson(MARKET.group_of), rounds=6000, seed=1)
    assert thompson < 0.5 * uniform


def test_a_new_offer_starts_from_its_group():
    policy = HierarchicalThompson(np.array([0, 0, 0, 1, 1]))
    chance = np.random.default_rng(2)
    arms = np.repeat([0, 1, 3], 300)
    policy.learn(np.zeros((900, 1)), arms, np.where(arms < 2, 2.0, -2.0) + chance.normal(0, 0.5, 900))
    mean, variance = policy.posterior()
    assert mean[2] > 0.5 > mean[4]  # never shown, believed like their groups
    assert variance[2] > 5 * variance[0]


def test_estimates_find_what_another_policy_would_have_earned():
    logged = a_log(MARKET, 5)
    target = by_taste(MARKET, logged.contexts, sharpness=2.0)
    truth = float((target * MARKET.expected(logged.contexts)).sum(axis=1).mean())
    found = estimates(logged, target)
    for one in found.values():
        assert one.low < truth < one.high
        assert 100 < one.effective < len(logged.arms)
    assert found["dr"].high - found["dr"].low <= found["ips"].high - found["ips"].low + 0.02


def test_the_effective_size_is_the_whole_log_for_the_policy_that_made_it():
    logged = a_log(MARKET, 5)
    same = estimates(logged, np.full((len(logged.arms), ARMS), 1 / ARMS))
    assert same["ips"].effective == pytest.approx(len(logged.arms))
    assert same["ips"].value == pytest.approx(logged.rewards.mean())


def test_the_gate_opens_for_what_is_better_and_for_nothing_else():
    logged = a_log(MARKET, 5)
    better, worse = (by_taste(MARKET, logged.contexts, sharpness=s) for s in (3.0, -3.0))
    assert gate(logged, better).is_open
    refused = gate(logged, worse)
    assert (refused.is_open, refused.reason) == (False, "not_better_with_confidence")
    few = Logged(*(values[:150] for values in (logged.arms, logged.propensities, logged.rewards, logged.contexts)))
    assert gate(few, better[:150]).reason == "too_few_effective_exposures"
    assert gate(few, better[:150]).effective < offpolicy.EFFECTIVE_MIN
