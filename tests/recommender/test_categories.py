"""When a category comes back, and which of its types."""

import numpy as np
import pytest

from recommender.categories import GROUP_NAMES, PAIR_NAMES, Categories
from recommender.interactions import Interactions

WHITE, RYE, TEA, LOOSE = range(4)  # two breads of one category, tea of another, and what has none
GROUPS = np.array([5, 5, 2, -1])


@pytest.fixture
def seen():
    """Thirty members who buy bread every other day, white and rye in turns, and tea on day 1."""
    rows = [(m, (WHITE, RYE)[nth % 2], 1 + 2 * nth) for m in range(30) for nth in range(20)]
    rows += [(m, TEA, 1) for m in range(30)] + [(0, LOOSE, day) for day in range(2, 41, 2)]
    return Interactions.of(*zip(*rows, strict=True), until=41, item_ids=np.arange(4))


def test_a_category_is_bought_once_a_day_whatever_types_of_it(seen):
    both = Interactions.of([1, 1, 1], [WHITE, RYE, TEA], [3, 3, 4], until=9, item_ids=np.arange(4))
    found = Categories().fit(both, GROUPS).purchases(both)
    assert (found.member.tolist(), found.item.tolist(), found.day.tolist()) == ([0, 0], [2, 5], [4, 3])
    assert found.shape == (1, 6)


def test_bread_comes_back_sooner_than_either_bread(seen):
    model = Categories().fit(seen, GROUPS)
    theirs = seen.only(np.array([1]))
    found = model.of_candidates(np.zeros(4, int), np.arange(4), theirs)
    assert tuple(found) == GROUP_NAMES
    bread, rye, tea, loose = found["group_return_chance"]
    assert bread == rye > 0.9
    assert tea < 0.1
    assert np.isnan(loose)


def test_each_type_knows_its_part_of_the_category(seen):
    model = Categories().fit(seen, GROUPS)
    theirs = seen.only(np.array([0]))
    assert theirs.pairs.item.tolist() == [WHITE, RYE, TEA, LOOSE]
    found = model.of_pairs(theirs, np.array([0.3, 0.1, 0.05, 0.5]))
    assert tuple(found) == PAIR_NAMES
    np.testing.assert_allclose(found["share_of_group_by_chance"], [0.75, 0.25, 1, np.nan])
    np.testing.assert_allclose(found["chances_of_group"], [0.4, 0.4, 0.05, np.nan])
    np.testing.assert_allclose(found["types_of_group"], [2, 2, 1, np.nan])
    np.testing.assert_allclose(found["place_in_group"], [1, 0, 0, np.nan])  # rye was bought last
    np.testing.assert_allclose(found["is_last_of_group"], [0, 1, 1, np.nan])
    assert found["share_of_group_lately"][:2].sum() == pytest.approx(1)


def test_where_no_product_has_a_category_nothing_is_said(seen):
    model = Categories().fit(seen, np.full(4, -1))
    theirs = seen.only(np.array([0, 1]))
    found = model.of_candidates(np.zeros(4, int), np.arange(4), theirs) | model.of_pairs(theirs, np.ones(7))
    assert all(np.isnan(column).all() for column in found.values())


def test_it_is_the_same_again_from_a_file(seen):
    model = Categories().fit(seen, GROUPS)
    again = Categories().restore({name: np.array(value) for name, value in model.state().items()})
    asked = np.zeros(4, int), np.arange(4), seen.only(np.array([1]))
    for first, second in zip(model.of_candidates(*asked).values(), again.of_candidates(*asked).values(), strict=True):
        np.testing.assert_array_equal(first, second)
