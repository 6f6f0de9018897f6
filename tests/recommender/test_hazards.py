"""When types come back: pauses, life tables, and three factors that are one where nothing is known."""

import numpy as np
import pytest

from recommender.hazards import NAMES, Hazards, pauses
from recommender.interactions import Interactions
from recommender.rankers import Following

MILK, RYE = 7, 8


def shopping(days_of: dict[int, list[int]], member: int = 1, until: int = 100) -> Interactions:
    rows = [(member, item, day) for item, days in days_of.items() for day in days]
    return Interactions.of(*zip(*rows, strict=True), until=until)


def test_a_pause_ends_with_the_next_purchase_and_the_last_has_not_ended():
    seen = shopping({MILK: [1, 3], RYE: [1, 2, 3, 4]})
    nth, length, came_back = pauses(seen)
    assert length.tolist() == [
        2,
        1,
        1,
        1,
        1,
        0,
    ]  # shopping days: milk came back at the second, and one has passed since
    assert came_back.tolist() == [True, False, True, True, True, False]
    assert nth.tolist() == [0, 1, 0, 1, 1, 2]


def test_what_members_always_buy_is_more_likely_than_what_was_bought_once_and_never_again():
    rows = [(member, MILK, day) for member in range(30) for day in range(0, 60, 3)] + [(m, RYE, 3) for m in range(30)]
    seen = Interactions.of(*zip(*rows, strict=True), until=60)
    told = Hazards().fit(seen).of(seen.only(np.array([0])))
    assert tuple(told) == NAMES
    milk, rye = told["return_chance"]
    assert milk > 0.8
    assert rye < 0.05
    assert told["return_of_type"][0] > 1 > told["return_of_type"][1]


def test_a_type_due_every_third_day_is_least_likely_the_day_after():
    rows = [(m, MILK, d) for m in range(40) for d in range(0, 90, 3)] + [
        (m, RYE, d) for m in range(40) for d in range(90)
    ]
    seen = Interactions.of(*zip(*rows, strict=True), until=90)
    hazards = Hazards().fit(seen)
    chances = [hazards.of(seen.before(day).only(np.array([0])))["return_chance"][0] for day in (88, 89, 90)]
    assert chances[2] > 2 * chances[0]  # bought on day 87: asked about the day after, two days after, three


def test_where_nothing_was_bought_there_is_nothing_to_tell():
    nobody = shopping({MILK: [1]}).before(0)
    told = Hazards().fit(nobody).of(nobody)
    assert all(column.shape == (0,) for column in told.values())


def test_what_follows_is_counted_from_one_basket_to_the_next():
    rows = [(m, item, day) for m in range(20) for item, day in ((1, 10), (2, 11), (3, 12))]
    rows += [(99, 1, 12)]
    seen = Interactions.of(*zip(*rows, strict=True), until=20)
    ranker = Following().fit(seen)
    scores = ranker.scores(seen, np.array([20]))[0]
    assert scores[1] == pytest.approx(
        20 / (20 + 20)
    )  # the last basket of all was followed by nothing, and says nothing
    assert np.isneginf(scores[[0, 2]]).all()
    source, partner = ranker.because(seen, np.array([20]), np.array([1]))
    assert (source.tolist(), partner.tolist()) == (["following"], [0])
