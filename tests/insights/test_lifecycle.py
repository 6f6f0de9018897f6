from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights import lifecycle
from insights.operations import refresh_lifecycle
from members.models import Member
from sales.models import Purchase, Source, Store

AT = datetime(2017, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "visits", "stage"),
    [
        (10, 3, 2, "new"),
        (59, 50, 1, "new"),
        (70, 70, 1, "active"),
        (100, 95, 1, "lapsing"),
        (300, 250, 1, "lapsed"),
        (350, 5, 50, "active"),  # weekly, seen this week
        (350, 29, 50, "active"),  # a weekly shopper is allowed three gaps of ten days
        (350, 31, 50, "lapsing"),
        (350, 81, 40, "lapsed"),
        (360, 100, 8, "active"),  # comes every five weeks
        (360, 130, 6, "active"),
        (360, 140, 6, "lapsing"),
        (20, 20, 0, "new"),
        (61, 61, 0, "lapsed"),
    ],
)
def test_a_member_is_held_against_their_own_habit(first, last, visits, stage):
    assert lifecycle.stages([first], [last], [visits]).tolist() == [stage]


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700), st.integers(0, 300)), max_size=30))
def test_everybody_has_exactly_one_stage_and_silence_never_makes_it_better(rows):
    order = ["active", "lapsing", "lapsed"]
    for a, b, visits in rows:
        first, last = max(a, b), min(a, b)
        before, after = lifecycle.stages([first, first + 30], [last, last + 30], [visits, visits])
        assert {before, after} <= {"new", *order}
        if before != "new":
            assert order.index(after) >= order.index(before)


def shopper(*days_ago, **facts):
    source, _ = Source.objects.get_or_create(code="till")
    store, _ = Store.objects.get_or_create(code="1", defaults={"name": "Elm Street"})
    member = Member.objects.create(joined_at=AT - timedelta(days=400), **facts)
    Purchase.objects.bulk_create(
        Purchase(
            source=source, client_key=f"{member.pk}-{days}", body_hash=b"x" * 16, member=member, store=store,
            purchased_at=AT - timedelta(days=days), currency="USD", total_minor=100,
        )
        for days in days_ago
    )  # fmt: skip
    return member


@pytest.mark.django_db
def test_the_stored_stage_follows_the_purchases_and_repeating_changes_nothing(django_assert_max_num_queries):
    faithful = shopper(*range(1, 300, 7))
    quiet = shopper(*range(40, 300, 7))
    gone = shopper(*range(200, 300, 7))
    fresh = shopper(5)
    ahead = shopper(-3, lifecycle_stage="active")  # bought after the moment asked about: unknown to it
    stages = {"new": 1, "active": 1, "lapsing": 1, "lapsed": 2}
    with django_assert_max_num_queries(8):
        assert refresh_lifecycle(at=AT) == stages
    found = [Member.objects.get(pk=one.pk).lifecycle_stage for one in (faithful, quiet, gone, fresh, ahead)]
    assert found == ["active", "lapsing", "lapsed", "new", "lapsed"]
    assert refresh_lifecycle(at=AT) == stages
