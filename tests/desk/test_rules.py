"""The desk's rules: limits of goodwill, shares of a line."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk import goodwill, refunds


@pytest.mark.parametrize(
    ("points", "lately", "most"), [(1, 0, 500), (1, 600, 400), (1, 1000, 0), (1, 2000, 0), (-1, 2000, 500)]
)
def test_what_may_be_given_shrinks_with_what_was_given(points, lately, most):
    assert goodwill.allowed(points, given_lately=lately) == most


quantities = st.decimals(Decimal("0.001"), 1000, places=3)


@given(st.integers(0, 10**7), quantities, quantities)
def test_a_share_is_never_more_than_what_is_left_nor_less_than_its_part(total, left, asked):
    line_no, quantity, share = refunds.share((1, left, total), asked)
    assert (line_no, quantity) == (1, min(left, asked))
    assert 0 <= share <= total
    assert share * left >= total * min(left, asked)


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_piece_by_piece_takes_back_exactly_all(total, pieces):
    left, back = (1, Decimal(pieces), total), 0
    for _ in range(pieces):
        _line_no, quantity, share = refunds.share(left, Decimal(1))
        back += share
        left = (1, left[1] - quantity, left[2] - share)
    assert (back, left[1:]) == (total, (0, 0))


def test_a_line_without_quantity_goes_back_whole():
    assert refunds.share((2, Decimal(0), 150), Decimal(1)) == (2, Decimal(0), 150)
