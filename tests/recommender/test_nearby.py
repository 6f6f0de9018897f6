"""Popular in one's store, one's categories, among members at the same point; and what members who began alike took later."""

import numpy as np

from recommender.candidates import SOURCES, Sources
from recommender.interactions import Interactions
from recommender.nearby import BEGINNING, STORE_MEMBERS_MIN, Nearby, cells

UNTIL = 20_000
MILK, TEA, BREAD, OIL, SALT, RARE = range(6)
GROUPS = np.array([0, 1, 0, 1, 2, -1])


def shop(rows, until=UNTIL) -> Interactions:
    """Of (member, type, days before today, store)."""
    member, item, ago, store = np.array(rows).T
    return Interactions.of(member, item, until - ago, until=until, item_ids=np.arange(6), stores=store)


def best(table, member=0) -> list[int]:
    return [int(item) for item in np.argsort(-table[member], kind="stable") if np.isfinite(table[member, item])]


def test_the_home_store_is_where_most_was_bought_and_follows_what_is_left_out():
    seen = shop([(1, MILK, 9, 7), (1, TEA, 9, 7), (1, BREAD, 3, 8), (2, MILK, 5, 8), (3, OIL, 5, -1)])
    assert seen.home.tolist() == [7, 8, -1]
    assert seen.since(UNTIL - 5).home.tolist() == [8, 8, -1]
    assert seen.only(np.array([1])).home.tolist() == [8]
    assert seen.of_items(np.array([BREAD])).home.tolist() == [8, -1, -1]
    assert shop([(1, MILK, 9, 7)])._where(np.array([True]), UNTIL).home.tolist() == [7]
    assert Interactions.of([1], [MILK], [UNTIL - 1], until=UNTIL).home.tolist() == [-1]


def test_what_is_popular_in_a_store_is_told_to_its_members_alone():
    many = range(STORE_MEMBERS_MIN)
    seen = shop(
        [(m, MILK, 2, 7) for m in many] + [(100 + m, TEA, 2, 8) for m in many] + [(200, OIL, 2, 9), (300, SALT, 2, -1)]
    )
    told = Nearby().fit(seen).table("store", seen)
    place = {pk: at for at, pk in enumerate(seen.member_ids.tolist())}
    assert (best(told, place[0]), best(told, place[105])) == ([MILK], [TEA])
    assert best(told, place[200]) == best(told, place[300]) == []  # a store of one, and none at all


def test_cells_are_by_how_often_members_came_and_whether_they_are_late():
    rows = [(1, MILK, 1, 7)]
    rows += [(2, MILK, ago, 7) for ago in (1, 11, 21)]
    rows += [(3, MILK, ago, 7) for ago in (60, 70, 80)]
    rows += [(4, MILK, ago, 7) for ago in range(1, 60, 4)]
    of = cells(shop(rows)).tolist()
    assert len(set(of)) == 4
    assert of[2] == of[1] + 1  # as often, and late
    told = Nearby().fit(shop([*rows, (5, TEA, 1, 7), (5, TEA, 11, 7), (5, TEA, 21, 7)])).table("cell", shop(rows))
    assert TEA in best(told, 1)
    assert TEA not in best(told, 0) + best(told, 2) + best(told, 3)


def test_in_a_category_what_is_popular_comes_first_for_who_buys_of_it():
    seen = shop(
        [(m, BREAD, 2, 7) for m in range(2, 9)]
        + [(m, OIL, 2, 7) for m in range(4)]
        + [(1, MILK, 90, 7), (2, RARE, 2, 7)]
    )
    told = Nearby().fit(seen, GROUPS).table("category", seen)
    assert best(told, 1) == [
        BREAD,
        OIL,
    ]  # bought milk and oil: bread is of milk's kind, and what has no category is none
    assert not np.isfinite(Nearby().fit(seen).table("category", seen)).any()


def test_who_has_come_once_hears_what_members_who_began_alike_took_later():
    tea_then_oil = [(m, TEA, 90, 7) for m in range(10)] + [(m, OIL, 50 - day, 7) for m in range(10) for day in range(8)]
    milk_then_bread = [(20 + m, MILK, 90, 7) for m in range(10)]
    milk_then_bread += [(20 + m, BREAD, 50 - day, 7) for m in range(10) for day in range(8)]
    seen = shop([*tea_then_oil, *milk_then_bread, (50, MILK, 3, 7), (51, TEA, 3, 7)])
    told = Nearby().fit(seen).table("beginners", seen)
    place = {pk: at for at, pk in enumerate(seen.member_ids.tolist())}
    assert best(told, place[50])[0] == BREAD
    assert best(told, place[51])[0] == OIL
    assert best(told, place[0]) == []  # came more than BEGINNING times
    assert seen.trips[place[0]] > BEGINNING


def test_a_stored_source_names_what_the_fitted_one_names():
    rows = [(m, (m + day) % 6, 3 * day, m % 2) for m in range(80) for day in range(1, 1 + m % 9)]
    seen = shop([row for row in rows if row[2]])
    fitted = Sources().fit(seen, GROUPS)
    again = Sources().restore(fitted.state())
    everybody = np.arange(seen.shape[0])
    first, second = fitted.candidates(seen, everybody), again.candidates(seen, everybody)
    assert np.array_equal(first.named, second.named)
    assert np.array_equal(first.scores, second.scores, equal_nan=True)
    for name in Nearby.NAMES:
        assert first.named[:, SOURCES.index(name)].any(), name
    alone = fitted.candidates(seen, everybody[5:6])
    assert np.allclose(alone.scores, first.scores[first.row == 5], rtol=1e-5, equal_nan=True)
