"""What everybody buys just now, as it was known on the morning of each question."""

import numpy as np
import pytest

from recommender import rhythms, tides
from recommender.interactions import Interactions
from recommender.tides import Tides

MONDAY = 18_001  # days since 1970
ROWS = [  # (member, type, day): type 0 every Monday, type 1 of the same category suddenly in the last three days
    *((member, 0, MONDAY - 7 * week) for member in range(3) for week in range(1, 5)),
    *((member, 1, MONDAY - days) for member in range(3) for days in (1, 2)),
    (0, 1, MONDAY - 60),
]


@pytest.fixture
def seen():
    return Interactions.of(*np.array(ROWS).T, until=MONDAY + 1, item_ids=np.arange(3))


def told(seen, item: int, day: int) -> dict[str, float]:
    columns = Tides().fit(seen, np.array([4, 4, -1])).of(np.array([item]), np.array([day]))
    return dict(zip(tides.NAMES, (float(column[0]) for column in columns), strict=True))


def test_a_promotion_of_three_days_is_told_from_a_habit_of_weeks(seen):
    assert told(seen, 1, MONDAY)["burst_3_days"] > 0.5 > told(seen, 0, MONDAY)["burst_3_days"]
    assert told(seen, 1, MONDAY)["group_burst_3_days"] > 0


def test_nothing_of_the_day_itself_or_later_is_counted(seen):
    before = seen.before(MONDAY - 2)
    for day in (MONDAY - 2, MONDAY - 7):
        assert told(seen, 1, day) == pytest.approx(told(before, 1, day), nan_ok=True)
    assert told(seen, 1, MONDAY - 2)["bought_3_days"] < told(seen, 1, MONDAY)["bought_3_days"]


def test_what_is_bought_on_mondays_is_told_on_mondays(seen):
    assert told(seen, 0, MONDAY)["weekday_share"] == pytest.approx(13 / 19)
    assert told(seen, 0, MONDAY + 1)["weekday_share"] == pytest.approx(1 / 19)
    assert told(seen, 2, MONDAY)["weekday_share"] == pytest.approx(1 / 7)


def test_a_category_that_is_none_says_nothing(seen):
    assert np.isnan(told(seen, 2, MONDAY)["group_burst_7_days"])


def test_a_members_own_order_by_a_worth_starts_anew_with_each_member(seen):
    worth = np.array([1.0, 5.0, 3.0, 2.0, 2.0, 2.0])
    assert seen.pairs.member.tolist() == [0, 0, 1, 1, 2, 2]
    assert rhythms.placed(seen, worth).tolist() == [1, 0, 0, 1, 0, 1]
