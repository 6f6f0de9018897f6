"""What every ranker promises, shown on a matrix that a reader can see."""

import numpy as np
import pytest

from recommender.interactions import Interactions
from recommender.rankers import NOTHING
from recommender.ranking import rank

MILK, BREAD, EGGS, CAVIAR = 1, 2, 3, 4  # caviar was never bought
ANN, BEN, CAT, DAN = 10, 20, 30, 40
TODAY = 140
# Ann buys milk every week, bread every four; Ben milk and eggs; Cat bread once, long ago; Dan milk, bread and eggs at times.
PURCHASES = [
    *((ANN, MILK, day) for day in range(0, 140, 7)), *((ANN, BREAD, day) for day in range(20, 140, 28)),
    *((BEN, MILK, day) for day in range(3, 140, 14)), *((BEN, EGGS, day) for day in range(3, 140, 14)),
    (CAT, BREAD, 5), *((DAN, item, day) for item in (MILK, BREAD, EGGS) for day in range(9, 140, 21)),
]  # fmt: skip


def small_shop(purchases=PURCHASES) -> Interactions:
    members, items, days = zip(*purchases, strict=True)
    return Interactions.of(members, items, days, until=TODAY, item_ids=[MILK, BREAD, EGGS, CAVIAR])


class RankerContract:
    """Inherit, and name the ranker to be made."""

    @pytest.fixture
    def ranker(self):
        raise NotImplementedError

    @pytest.fixture
    def seen(self):
        return small_shop()

    def everybody(self, seen):
        return np.arange(seen.shape[0])

    def test_scores_are_one_number_for_each_member_and_type(self, ranker, seen):
        scores = ranker.fit(seen).scores(seen, self.everybody(seen))
        assert scores.shape == (4, 4)
        assert scores.dtype == np.float32
        assert not np.isnan(scores).any()
        finite = scores[scores != NOTHING]
        assert np.abs(finite).max() < 1e6, "no sentinel leaks out"

    def test_the_same_purchases_give_the_same_ranker(self, ranker, seen):
        first = ranker.fit(seen).scores(seen, self.everybody(seen))
        again = type(ranker)(**ranker.parameters()).fit(seen).scores(seen, self.everybody(seen))
        np.testing.assert_array_equal(first, again)

    def test_a_stored_ranker_scores_like_the_one_that_was_fitted(self, ranker, seen):
        ranker.fit(seen)
        stored = {name: np.array(value) for name, value in ranker.state().items()}
        like = type(ranker)(**ranker.parameters()).restore(stored)
        np.testing.assert_array_equal(
            ranker.scores(seen, self.everybody(seen)), like.scores(seen, self.everybody(seen))
        )

    def test_a_member_is_scored_alike_alone_and_in_company(self, ranker, seen):
        ranker.fit(seen)
        together = ranker.scores(seen, self.everybody(seen))
        alone = np.concatenate([ranker.scores(seen, np.array([index])) for index in self.everybody(seen)])
        np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)

    def test_members_who_joined_after_the_training_are_scored(self, ranker, seen):
        ranker.fit(seen)
        newer = small_shop([*PURCHASES, (50, MILK, 139), (50, EGGS, 139)])
        scores = ranker.scores(newer, np.array([4]))
        assert scores.shape == (1, 4)
        assert not np.isnan(scores).any()

    def test_a_member_without_purchases_is_no_trouble(self, ranker, seen):
        ranker.fit(seen)
        nobody = seen.before(0)
        scores = ranker.scores(nobody, np.array([0]))
        assert scores.shape == (1, 4)
        assert not np.isnan(scores).any()

    def test_lists_hold_no_type_twice_and_end_where_nothing_is_left(self, ranker, seen):
        items, scores = rank(ranker.fit(seen), seen, self.everybody(seen), 6)
        assert items.shape == scores.shape == (4, 6)
        for row, values in zip(items, scores, strict=True):
            listed = row[row >= 0]
            assert len(set(listed)) == len(listed)
            assert (values[row < 0] == NOTHING).all()
            assert (np.diff(values[row >= 0]) <= 0).all(), "best first"

    def test_slots_keep_bought_and_unbought_types_apart(self, ranker, seen):
        ranker.fit(seen)
        bought = seen.counts.toarray() > 0
        for slot, wanted in (("buy_again", bought), ("new_for_you", ~bought)):
            items, _ = rank(ranker, seen, self.everybody(seen), 4, slot=slot)
            for member, row in enumerate(items):
                assert all(wanted[member, item] for item in row if item >= 0)

    def test_what_may_not_be_shown_is_on_no_list(self, ranker, seen):
        among = np.array([False, True, True, True])
        items, _ = rank(ranker.fit(seen), seen, self.everybody(seen), 4, among=among)
        assert 0 not in items
