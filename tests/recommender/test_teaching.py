"""From a policy back to what taught it."""

from datetime import timedelta

import pytest

from recommender import operations, teaching
from recommender.models import PolicyVersion
from tests.recommender.conftest import NOW
from tests.recommender.test_learning import groups, run  # noqa: F401 - four types, each in a group of its own

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_a_policy_was_taught_by_what_stood_when_it_was_judged_and_by_what_came_while_it_decides(shop, groups):  # noqa: F811
    outcomes = run(shop, groups, cause="c:1", members=60, rates=(0.5,) * 4, held_out_rates=(0.1,) * 4)
    operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    operations.learn(cause="c:2", outcomes=[], at=NOW + DAY)
    version, _gate = operations.propose_policy(kind="thompson", at=NOW + 2 * DAY)
    operations.learn(cause="c:3", outcomes=[], at=NOW + 3 * DAY)
    told = teaching.of_policy(version)
    assert [(one.cause, one.at, one.is_since) for one in told] == [
        ("c:1", NOW, False), ("c:2", NOW + DAY, False), ("c:3", NOW + 3 * DAY, True),
    ]  # fmt: skip
    assert 0 < told[0].offered <= 120
    assert 0 < told[0].held_out <= 60
    assert (told[1].offered, told[1].sentence) == (0, "Too little evidence, nothing changed.")
    assert [one.cause for one in teaching.of_policy(None)] == ["c:1", "c:2", "c:3"]


def test_a_withdrawn_lesson_is_told_of_whom_it_taught_and_of_nobody_else(shop):
    for number in (1, 2):
        operations.learn(cause=f"c:{number}", outcomes=[], at=NOW)
    version, _gate = operations.propose_policy(kind="thompson", at=NOW + DAY)
    operations.unlearn(cause="c:1", at=NOW + 2 * DAY)
    assert [(one.cause, one.is_withdrawn) for one in teaching.of_policy(version)] == [("c:1", True), ("c:2", False)]
    later, _gate = operations.propose_policy(kind="thompson", at=NOW + 3 * DAY)
    assert [one.cause for one in teaching.of_policy(later)] == ["c:2"]


def test_nothing_teaches_a_retired_policy_any_more(shop):
    operations.learn(cause="c:1", outcomes=[], at=NOW)
    version = PolicyVersion.objects.create(kind="thompson", status="live", changed_at=NOW)
    assert operations.retire_policies(at=NOW + DAY) == 1
    operations.learn(cause="c:2", outcomes=[], at=NOW + 2 * DAY)
    version.refresh_from_db()
    assert [one.cause for one in teaching.of_policy(version)] == ["c:1"]
