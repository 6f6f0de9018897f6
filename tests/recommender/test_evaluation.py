import numpy as np
import pytest

from recommender import evaluation, selection
from recommender.interactions import Interactions
from recommender.rankers import NOTHING, Due, PersonalThenPopular, Popular
from tests.recommender import planted


class Told:
    """A ranker that says what it is told: scores of shape (members, types)."""

    name = "told"

    def __init__(self, scores):
        self.table = np.array(scores, np.float32)

    def fit(self, seen):
        return self

    def scores(self, seen, members):
        return self.table[members].copy()

    def parameters(self):
        return {}


def two_members():
    """Before: member 1 bought type 0. After: 1 bought types 0 and 1; 2 bought type 2 and had bought nothing."""
    seen = Interactions.of([1, 2, 1, 1, 2], [0, 3, 0, 1, 2], [1, 1, 11, 11, 12], until=20, item_ids=[0, 1, 2, 3])
    return seen.before(10), seen.since(10)


def judge(part, k=2, scores=((4, 3, 2, 1), (4, 3, 2, 1))):
    before, after = two_members()
    return evaluation.judge(Told(scores), before, after, part=part, k=k, among=np.ones(4, bool))


def test_repeat_and_explore_are_judged_apart():
    everything, repeat, explore = (judge(part) for part in ("all", "repeat", "explore"))
    assert (everything.members, repeat.members, explore.members) == (2, 1, 2)
    assert everything.recalls.tolist() == [1.0, 0.0]
    assert repeat.recalls.tolist() == [1.0]
    assert explore.recalls.tolist() == [1.0, 0.0]  # member 2's list is types 0 and 1


def test_ndcg_is_one_for_a_perfect_list_and_less_for_a_late_hit():
    assert judge("all").ndcgs.tolist() == [1.0, 0.0]
    late = judge("repeat", scores=((1, 4, 3, 2), (1, 2, 3, 4)), k=2)
    assert late.ndcgs.tolist() == [1.0]  # only what was bought is listed in the repeat part, so it comes first
    second = judge("all", scores=((1, 0, 4, 0), (0, 0, 1, 4)), k=2)
    assert second.ndcgs[1] == pytest.approx(1 / np.log2(3))


def test_coverage_is_the_share_of_what_may_be_shown():
    assert judge("all", k=1).coverage == 0.25


def test_types_that_may_not_be_shown_are_no_truth_either():
    before, after = two_members()
    among = np.array([True, False, True, True])
    found = evaluation.judge(Told(((1, 4, 2, 3), (1, 4, 2, 3))), before, after, part="all", k=3, among=among)
    assert found.recalls.tolist() == [1.0, 1.0]


def test_a_paired_bootstrap_finds_a_real_difference_and_no_other():
    chance = np.random.default_rng(3)
    noise = chance.normal(0.3, 0.1, 400)
    better = evaluation.compare(noise + 0.05, noise, seed=1)
    assert better.mean == pytest.approx(0.05)
    assert better.is_better
    same = evaluation.compare(noise, chance.permutation(noise), seed=1)
    assert same.low < 0 < same.high
    assert not same.is_better


def contest(rankers, slot="buy_again"):
    shop = planted.shop(members=120)
    return selection.contest(
        shop.seen, slot=slot, cutoff=shop.cutoff, horizon_days=7, among=planted.everything(shop.seen), seed=1,
        rankers=rankers,
    )  # fmt: skip


class Backwards(PersonalThenPopular):
    """The rival turned round: the least bought first."""

    name = "backwards"

    def scores(self, seen, members):
        return -super().scores(seen, members)


def test_the_gate_refuses_a_worse_ranker():
    result = contest([Backwards()])
    assert result.difference.high < 0
    assert not result.is_won
    assert result.winner.name == "personal_then_popular"


def test_the_gate_refuses_a_ranker_that_is_only_as_good():
    result = contest([Popular()], slot="new_for_you")
    assert result.difference.mean == 0
    assert not result.is_won


def test_the_gate_lets_a_better_ranker_through():
    result = contest([Due(7), Backwards()])
    assert result.is_won
    assert result.winner.name == "due"
    assert [entry["ranker"] for entry in result.tried] == ["due", "backwards"]


def test_a_tie_of_nothing_is_not_a_score():
    assert np.isneginf(NOTHING)
