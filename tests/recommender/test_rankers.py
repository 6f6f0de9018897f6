import numpy as np
import pytest

from recommender import evaluation
from recommender.interactions import Interactions
from recommender.rankers import (
    Due,
    Ease,
    Following,
    ItemToItem,
    MatrixFactorisation,
    PersonalisedRanking,
    PersonalThenPopular,
    PersonalTop,
    Popular,
    Recent,
    RecentNeighbours,
    TemporalFrequency,
    TwoStage,
)
from recommender.rankers.due import intervals, typical_gaps
from recommender.ranking import best, rank
from tests.recommender import planted
from tests.recommender.contract import ANN, BEN, BREAD, CAT, CAVIAR, EGGS, MILK, TODAY, RankerContract, small_shop


class TestPopular(RankerContract):
    @pytest.fixture
    def ranker(self):
        return Popular()


class TestPersonalTop(RankerContract):
    @pytest.fixture
    def ranker(self):
        return PersonalTop()


class TestPersonalThenPopular(RankerContract):
    @pytest.fixture
    def ranker(self):
        return PersonalThenPopular()


class TestRecent(RankerContract):
    @pytest.fixture
    def ranker(self):
        return Recent(half_life_days=30)


class TestDue(RankerContract):
    @pytest.fixture
    def ranker(self):
        return Due(horizon_days=14)


class TestItemToItem(RankerContract):
    @pytest.fixture
    def ranker(self):
        return ItemToItem(neighbours=3)


class TestItemToItemByBM25(RankerContract):
    @pytest.fixture
    def ranker(self):
        return ItemToItem(neighbours=3, weighting="bm25")


class TestMatrixFactorisation(RankerContract):
    @pytest.fixture
    def ranker(self):
        return MatrixFactorisation(factors=2, regularisation=0.1)


class TestTemporalFrequency(RankerContract):
    @pytest.fixture
    def ranker(self):
        return TemporalFrequency()


class TestRecentNeighbours(RankerContract):
    @pytest.fixture
    def ranker(self):
        return RecentNeighbours()


class TestEase(RankerContract):
    @pytest.fixture
    def ranker(self):
        return Ease(penalty=1.0)


class TestFollowing(RankerContract):
    @pytest.fixture
    def ranker(self):
        return Following()


class TestPersonalisedRanking(RankerContract):
    @pytest.fixture
    def ranker(self):
        return PersonalisedRanking(factors=2, rounds=3)


class TestTwoStage(RankerContract):
    @pytest.fixture
    def ranker(self):
        return TwoStage(horizon_days=14, learner="logistic")


class TestTwoStageOfTheNextBasket(RankerContract):
    @pytest.fixture
    def ranker(self):
        return TwoStage(learner="logistic")


def lists(ranker, seen, n=4, **kwargs):
    items, _ = rank(ranker.fit(seen), seen, np.arange(seen.shape[0]), n, **kwargs)
    return {
        int(member): [int(seen.item_ids[i]) for i in row if i >= 0]
        for member, row in zip(seen.member_ids, items, strict=True)
    }


def test_personal_then_popular_counts_first_and_breaks_ties_by_popularity():
    found = lists(PersonalThenPopular(), small_shop())
    assert found[ANN] == [MILK, BREAD, EGGS, CAVIAR]
    assert found[BEN] == [MILK, EGGS, BREAD, CAVIAR]  # both bought on the same days; milk has more buyers
    assert found[CAT] == [BREAD, MILK, EGGS, CAVIAR]


def test_personal_top_says_nothing_of_what_was_never_bought():
    assert lists(PersonalTop(), small_shop())[CAT] == [BREAD]


def test_recent_prefers_what_was_bought_lately_to_what_was_bought_often():
    old = [(ANN, BREAD, day) for day in (1, 2, 3)] + [(ANN, EGGS, day) for day in (130, 138)]
    assert lists(Recent(half_life_days=20), small_shop(old))[ANN][:2] == [EGGS, BREAD]
    assert lists(PersonalTop(), small_shop(old))[ANN][:2] == [BREAD, EGGS]


def test_equal_scores_come_in_the_order_of_types():
    items, scores = best(np.array([[1, 3, 3, -np.inf]], np.float32), 3)
    assert items.tolist() == [[1, 2, 0]]
    assert scores.tolist() == [[3, 3, 1]]


def test_intervals_are_shrunk_to_the_type_when_there_is_little_to_go_by():
    seen = small_shop()
    times, gap, since_last = intervals(seen, typical_gaps(seen))
    at = {(int(m), int(i)): n for n, (m, i) in enumerate(zip(seen.pairs.member, seen.pairs.item, strict=True))}
    anns_milk = at[0, 0]
    assert times[anns_milk] == 20
    assert 7 <= gap[anns_milk] < 9
    assert since_last[anns_milk] == TODAY - 133
    cats_bread = at[2, 1]
    assert gap[cats_bread] == pytest.approx(2 * typical_gaps(seen)[1] / 2)


def test_interactions_count_days_once_and_leave_out_the_future():
    seen = Interactions.of([1, 1, 1, 2], [7, 7, 7, 9], [5, 5, 6, 99], until=50)
    assert seen.counts.toarray().tolist() == [[2.0, 0.0]]
    assert seen.item_ids.tolist() == [7, 9]
    assert seen.only(np.array([0])).day.tolist() == [5, 6]


@pytest.fixture(scope="module")
def shop():
    return planted.shop()


def quality(ranker, shop, part):
    before, after = shop.seen.before(shop.cutoff), shop.seen.since(shop.cutoff)
    return evaluation.judge(ranker.fit(before), before, after, part=part, k=5, among=planted.everything(shop.seen))


def test_planted_rhythms_are_recovered_by_the_ranker_that_knows_intervals(shop):
    due, humble = quality(Due(7), shop, "repeat"), quality(PersonalThenPopular(), shop, "repeat")
    assert due.members == humble.members > 200
    assert due.recall >= 1.1 * humble.recall
    assert evaluation.compare(due.ndcgs, humble.ndcgs, seed=1).is_better


@pytest.mark.parametrize("ranker", [ItemToItem(30), MatrixFactorisation(factors=8, regularisation=3.0)])
def test_planted_tastes_are_recovered_by_looking_at_other_members(shop, ranker):
    found, humble = quality(ranker, shop, "explore"), quality(Popular(), shop, "explore")
    assert found.recall > 0.9, "the last types of their taste are found"
    assert humble.recall < 0.5


def test_rankers_have_nothing_to_gain_where_nothing_was_planted():
    """Members who buy at random: no ranker may look better than counting by more than chance."""
    chance = np.random.default_rng(5)
    n = 12_000
    seen = Interactions.of(chance.integers(0, 200, n), chance.integers(0, 60, n), chance.integers(0, 200, n), until=200)
    before, after = seen.before(172), seen.since(172)
    among = np.ones(60, bool)
    judged = [
        evaluation.judge(r.fit(before), before, after, part="explore", k=5, among=among)
        for r in (MatrixFactorisation(factors=8, regularisation=1.0), Popular())
    ]
    assert not evaluation.compare(judged[0].ndcgs, judged[1].ndcgs, seed=1).is_better
