"""What a member takes on days like the one asked about."""

import numpy as np
import pytest

from recommender import situations
from recommender.interactions import Interactions

SATURDAY = 18_003  # days since 1970
ROAST, MILK = range(2)


@pytest.fixture
def theirs():
    """A roast on Saturdays, milk every Tuesday, for ten weeks."""
    rows = [(1, ROAST, SATURDAY - 7 * week) for week in range(1, 11)]
    rows += [(1, MILK, SATURDAY - 4 - 7 * week) for week in range(10)]
    return Interactions.of(*zip(*rows, strict=True), until=SATURDAY, item_ids=np.arange(2))


def told(theirs, day) -> dict:
    found = situations.pairs(theirs, np.array([day]))
    assert tuple(found) == situations.NAMES
    return found


def test_the_roast_is_expected_on_saturdays_and_the_milk_on_tuesdays(theirs):
    for day, first, other in ((SATURDAY, ROAST, MILK), (SATURDAY + 3, MILK, ROAST)):
        found = told(theirs, day)
        for likeness in ("weekday", "weekend"):
            assert found[f"lift_on_like_{likeness}"][first] > 1.3
            assert found[f"lift_on_like_{likeness}"][other] < 0.7


def test_what_follows_a_long_pause_is_expected_after_one(theirs):
    found = told(theirs, SATURDAY)  # four days since the last purchase, as before every roast; three before the milk
    assert found["share_on_like_pause"][ROAST] > found["share_fading"][ROAST]
    assert found["share_on_like_pause"][MILK] < found["share_fading"][MILK]


def test_the_same_time_of_the_month_is_known_by_the_days_between():
    rows = [(1, ROAST, 100), (1, MILK, 115), (1, ROAST, 130), (1, MILK, 145)]
    theirs = Interactions.of(*zip(*rows, strict=True), until=161, item_ids=np.arange(2))
    found = told(theirs, 161)
    assert found["lift_on_like_month"][ROAST] > 1 > found["lift_on_like_month"][MILK]


def test_shares_of_all_days_fade_with_the_days_since(theirs):
    found = told(theirs, SATURDAY)["share_fading"]
    assert found.sum() == pytest.approx(1)  # one type a day
    assert found[MILK] == pytest.approx(1 / 1.95)


def test_the_day_of_the_month_counts_from_nothing():
    days = np.array(["2026-11-01", "2026-11-23", "2026-02-28"], "datetime64[D]").astype(np.int64)
    assert situations.day_of_month(days).tolist() == [0, 22, 27]


def test_whoever_never_bought_has_nothing_to_tell():
    nobody = Interactions.of([1], [ROAST], [5], until=9, item_ids=np.arange(2)).before(0)
    assert all(column.shape == (0,) for column in situations.pairs(nobody, np.array([9])).values())
