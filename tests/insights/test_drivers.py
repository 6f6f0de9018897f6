"""What a member seems to look for, as ranks among members."""

import numpy as np

from insights import drivers


def test_who_buys_more_that_is_marked_down_ranks_higher():
    found = drivers.driver(np.array([1, 2, 3, 4]), np.array([9, 5, 0, 2]), np.array([10, 10, 10, 2]))
    assert found.members.tolist() == [1, 2, 3]  # two purchases say nothing
    assert found.rank.tolist() == [5 / 6, 3 / 6, 1 / 6]
    assert found.share.tolist() == [0.9, 0.5, 0.0]


def test_one_purchase_makes_nobody_a_bargain_hunter():
    few, many = drivers.driver(np.array([1, 2, 3]), np.array([3, 90, 0]), np.array([3, 100, 100])).rank[:2]
    assert few < many


def test_equal_members_share_the_middle_rank():
    assert drivers.ranks(np.array([2.0, 2.0, 2.0])).tolist() == [0.5, 0.5, 0.5]
    assert drivers.ranks(np.zeros(0)).tolist() == []
