import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insights import lifecycle
from insights.operations import refresh_lifecycle
from members.knowing import StageChange
from members.models import Member
from members.signals import lifecycle_stages_changed
from sales.models import Purchase, Source, Store

AT = datetime(2017, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "visits", "stage"),
    [
        (10, 3, 2, "new"),
        (59, 50, 1, "new"),
        (70, 70, 1, "developing"),
        (100, 95, 1, "at_risk"),
        (300, 250, 1, "lapsed"),
        (350, 5, 50, "loyal"),  # weekly, seen this week
        (170, 5, 25, "developing"),  # as often, but not for long
        (350, 29, 50, "loyal"),  # a weekly shopper is allowed three gaps of ten days
        (350, 31, 50, "at_risk"),
        (350, 81, 40, "lapsed"),
        (360, 100, 8, "loyal"),  # comes every five weeks
        (360, 130, 6, "developing"),
        (360, 140, 6, "at_risk"),
        (20, 20, 0, "contact"),
        (61, 61, 0, "lapsed"),
    ],
)
def test_a_member_is_held_against_their_own_habit(first, last, visits, stage):
    assert lifecycle.stages([first], [last], [visits]).tolist() == [stage]


def test_who_came_back_from_a_long_silence_is_won_back_for_a_while():
    returned = [5, 60, 61, 30]
    assert lifecycle.stages([400] * 4, [5, 5, 5, 250], [30] * 4, returned).tolist() == [
        "won_back", "won_back", "loyal", "lapsed",
    ]  # fmt: skip


def test_the_shop_sets_the_figures():
    rules = lifecycle.Rules(new_days=10, loyal_days=20, loyal_visits=3, risk_gaps=1, lapsed_gaps=2)
    assert lifecycle.stages([11, 30, 30], [1, 5, 25], [2, 4, 4], rules=rules).tolist() == [
        "developing",
        "loyal",
        "lapsed",
    ]


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 700), st.integers(0, 300)), max_size=30))
def test_everybody_has_exactly_one_stage_and_silence_never_makes_it_better(rows):
    order = {"developing": 0, "loyal": 0, "at_risk": 1, "lapsed": 2}
    for a, b, visits in rows:
        first, last = max(a, b), min(a, b)
        before, after = lifecycle.stages([first, first + 30], [last, last + 30], [visits, visits])
        assert {before, after} <= {"contact", "new", *order}
        if before in order:
            assert order[after] >= order[before]


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
    ahead = shopper(-3, lifecycle_stage="new")  # bought after the moment asked about: unknown to it
    back = shopper(*range(280, 340, 7), 20, 10)
    stages = {"contact": 0, "new": 1, "developing": 0, "loyal": 1, "at_risk": 1, "lapsed": 2, "won_back": 1}
    with django_assert_max_num_queries(8):
        assert refresh_lifecycle(at=AT) == stages
    people = (faithful, quiet, gone, fresh, ahead, back)
    found = [Member.objects.get(pk=one.pk).lifecycle_stage for one in people]
    assert found == ["loyal", "at_risk", "lapsed", "new", "lapsed", "won_back"]
    changes = list(StageChange.objects.order_by("member").values_list("member", "before", "after", "at"))
    assert changes == [
        (one.pk, "new" if one is ahead else "contact", stage, AT) for one, stage in zip(people, found, strict=True)
    ]
    assert refresh_lifecycle(at=AT) == stages
    assert StageChange.objects.count() == len(people)


@pytest.mark.django_db
def test_day_by_day_for_two_years_each_member_has_one_stage_and_each_change_is_told_once(
    django_capture_on_commit_callbacks,
):
    """Fifty shoppers of every habit, a clock that runs, and every seventh night counted twice."""
    chance, heard = random.Random(7), []
    listen = lambda **news: heard.extend(news["changes"])  # noqa: E731
    people = [shopper(*sorted(chance.sample(range(-330, 400), chance.randint(0, 60)))) for _n in range(50)]
    lifecycle_stages_changed.connect(listen)
    stood = dict.fromkeys((one.pk for one in people), "contact")
    for night in range(-399, 331, 10):
        with django_capture_on_commit_callbacks(execute=True):
            counted = refresh_lifecycle(at=AT + timedelta(days=night))
            if night % 7 == 0:
                assert refresh_lifecycle(at=AT + timedelta(days=night)) == counted
        assert sum(counted.values()) == len(people)
    lifecycle_stages_changed.disconnect(listen)
    for member_id, before, after in heard:
        assert stood[member_id] == before != after
        stood[member_id] = after
    assert stood == dict(Member.objects.values_list("pk", "lifecycle_stage"))
    assert StageChange.objects.count() == len(heard) > 100
    assert {after for _id, _before, after in heard} == set(Member.LifecycleStage.values) - {"contact"}
