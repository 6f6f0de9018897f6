"""The business rules on a list that a reader can see: what stays, and which rule took off the rest."""

import numpy as np

from recommender import assembling
from recommender.assembling import Rules
from tests.recommender.contract import ANN, BEN, BREAD, DAN, EGGS, MILK, small_shop

SEEN = small_shop()  # types by index: milk 0, bread 1, eggs 2, caviar 3
LISTS = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
MEMBERS = np.array([0, 1])  # Ann and Ben


def why(**rules):
    return assembling.reasons(Rules(**{"never": np.full(4, "", object)} | rules), MEMBERS, LISTS)


def test_a_list_that_breaks_no_rule_stays_as_it_is():
    assert (why() == "").all()


def test_each_type_that_is_taken_off_says_which_rule_did():
    never = np.array(["", assembling.AGE, "", assembling.MARGIN], object)
    apart = {assembling.NOT_INTERESTED: assembling.keys_of(SEEN, [(ANN, MILK), (BEN, EGGS), (999, MILK), (ANN, 999)])}
    assert why(never=never, pairs=apart).tolist() == [
        ["not_interested", "age", "", "margin"], ["margin", "not_interested", "age", ""],
    ]  # fmt: skip


def test_what_the_members_own_store_lacks_is_not_recommended_to_them():
    stores = np.array([7, 8, 7, 8])
    keys = assembling.out_of_stock(SEEN, stores, {(7, BREAD), (9, MILK)})
    assert why(pairs={assembling.OUT_OF_STOCK: keys}).tolist() == [["", "out_of_stock", "", ""], ["", "", "", ""]]


def test_what_was_just_bought_waits():
    keys = assembling.recently_bought(SEEN, 10)
    bought = {(int(SEEN.member_ids[key // 4]), int(SEEN.item_ids[key % 4])) for key in keys}
    assert bought == {(ANN, MILK), (ANN, BREAD), (DAN, MILK), (DAN, BREAD), (DAN, EGGS)}


def test_a_list_holds_only_so_many_of_one_category_and_counts_only_what_stays():
    groups = np.array([1, 1, 1, -1])
    assert why(groups=groups, per_group=2).tolist() == [["", "", "category_cap", ""], ["", "", "", "category_cap"]]
    never = np.array([assembling.EXCLUDED, "", "", ""], object)
    assert why(never=never, groups=groups, per_group=2).tolist() == [["excluded", "", "", ""], ["", "", "", "excluded"]]


def test_the_first_that_stay_are_kept_and_ends_of_lists_are_none():
    items = np.array([[0, 1, 2, -1]])
    reasons = np.array([["age", "", "", ""]], object)
    assert assembling.kept(reasons, items, 1).tolist() == [[False, True, False, False]]
    assert assembling.kept(reasons, items, 5).tolist() == [[False, True, True, False]]
