"""What `implicit` does quietly, and that it cannot reach a list."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from recommender.rankers import NOTHING, MatrixFactorisation, PersonalisedRanking
from recommender.ranking import best
from recommender.selection import REGULARISATIONS
from tests.recommender.contract import small_shop


@pytest.fixture
def given(monkeypatch):
    """What is handed to implicit, as it is."""
    seen, real = {}, AlternatingLeastSquares.fit

    def fit(self, matrix, **options):
        seen.update(matrix=matrix, model=self)
        return real(self, matrix, **options)

    monkeypatch.setattr(AlternatingLeastSquares, "fit", fit)
    return seen


def test_it_is_given_the_one_form_it_takes_without_surprises_members_as_rows(given):
    shop = small_shop()
    MatrixFactorisation(factors=2).fit(shop)
    matrix = given["matrix"]
    assert type(matrix) is csr_matrix  # a csr_array is refused, and only when it is too late
    assert (matrix.dtype, matrix.indices.dtype) == (np.float32, np.int32)
    assert matrix.shape == shop.shape  # a transposed one is taken without a word
    assert given["model"].alpha == 1.0  # multiplied anew at every call otherwise


def test_confidence_is_in_the_matrix(given):
    MatrixFactorisation(factors=2, alpha=3.0).fit(small_shop())
    times = small_shop().counts.data
    np.testing.assert_allclose(given["matrix"].data, 1 + 3 * np.log1p(times), rtol=1e-6)


def test_members_without_purchases_are_never_asked_about(given):
    shop = small_shop()
    early = shop.before(4)  # Cat and Dan bought nothing yet
    ranker = MatrixFactorisation(factors=2).fit(early)
    assert given["matrix"].shape[0] == 2
    assert (ranker.scores(early, np.array([2, 3])) == NOTHING).all()


def test_no_sentinel_of_a_filtered_list_is_a_score():
    scores = MatrixFactorisation(factors=2).fit(small_shop()).scores(small_shop(), np.arange(4))
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() < 10


def test_lists_by_its_own_selection_are_those_of_the_scores_and_hold_nothing_that_was_filtered():
    shop = small_shop()
    ranker = MatrixFactorisation(factors=2, regularisation=0.1).fit(shop)
    scores, bought = ranker.scores(shop, np.arange(4)), shop.counts.toarray() > 0
    for are_new, among in ((False, None), (True, None), (True, np.array([True, False, True, True]))):
        allowed = np.ones((4, 4), bool) & (~bought if are_new else True) & (True if among is None else among)
        items, values = ranker.lists(shop, np.arange(4), 6, are_new=are_new, among=among)
        expected, said = best(np.where(allowed, scores, NOTHING), 6)
        np.testing.assert_array_equal(items, expected)
        np.testing.assert_allclose(values, said, rtol=1e-4)
    nobody, _ = ranker.lists(shop.before(0), np.array([0]), 3, are_new=False)
    assert nobody.tolist() == [[-1, -1, -1]]


def test_two_fits_are_alike_to_the_bit():
    for make in (MatrixFactorisation, PersonalisedRanking):
        first, again = (make(factors=3).fit(small_shop()).scores(small_shop(), np.arange(4)) for _ in range(2))
        np.testing.assert_array_equal(first, again)


def test_regularisation_is_sought_where_baskets_need_it():
    assert min(REGULARISATIONS) > 1  # the library's default is 0.01
    assert max(REGULARISATIONS) >= 100
