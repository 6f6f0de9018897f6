"""Who comes into a journey: by news, by an audience, by a day; once for each cause, and as the rule of coming again says."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.journeys import entering, operations, running
from campaigns.journeys.models import Enrolment, JourneyLook
from experiments import operations as experiments
from experiments.models import Assignment
from loyalty.operations import record_event
from members import operations as members
from members.knowing import CustomField, Tag
from members.models import Member
from sales.models import Purchase, Source, Store
from tests.journeys.conftest import AT, JOINED, STEPS, audience, later, live, parted, states, steps_done

pytestmark = pytest.mark.django_db


def entered(journey):
    return sorted(Enrolment.objects.filter(journey=journey).values_list("member", "round"))


def buy(member, at, key):
    source, _is_new = Source.objects.get_or_create(code="till")
    store, _is_new = Store.objects.get_or_create(code="1", defaults={"name": "Elm Street"})
    return Purchase.objects.create(
        source=source, client_key=key, body_hash=b"x" * 16, member=member, store=store, purchased_at=at, currency="USD",
        total_minor=500,
    )  # fmt: skip


def happens(event, which="", **more):
    return {"kind": "event", "event": event, "which": which, "audience": "", **more}


def test_who_joins_after_the_journey_went_live_enters_once_however_often_the_news_is_read(people):
    journey = live(STEPS["wait"])
    newcomer = Member.objects.create(joined_at=later(hours=1))
    for _again in range(3):
        entering.listen(at=later(hours=1))
    assert entered(journey) == [(newcomer.pk, 1)]


def test_news_read_for_good_is_read_again_only_from_where_it_settled(people):
    journey = live(STEPS["wait"])
    for n in range(3):
        Member.objects.create(joined_at=later(hours=n))
        entering.listen(at=later(hours=n))
    assert len(entered(journey)) == 3
    look = JourneyLook.objects.get(source="joined")
    assert look.settled_id <= look.seen_id == Member.objects.latest("pk").pk


@pytest.mark.parametrize(
    ("rule", "rounds"),
    [({"rule": "never"}, 1), ({"rule": "after_leaving"}, 3), ({"rule": "after_days", "days": 10}, 2)],
)
def test_who_was_in_comes_again_as_the_rule_says(people, rule, rounds):
    journey = live(STEPS["tag"], entry=happens("purchase"), reentry=rule)
    for n, days in enumerate((1, 5, 12)):
        buy(people[0], later(days=days), f"r{n}")
        entering.listen(at=later(days=days))
        running.run(at=later(days=days))
    assert Enrolment.objects.filter(journey=journey).count() == rounds


def test_who_is_inside_does_not_enter_a_second_time_beside_it(people):
    journey = live(STEPS["wait"], entry=happens("purchase"), reentry={"rule": "after_leaving"})
    for n in range(2):
        buy(people[0], later(hours=n), f"r{n}")
    entering.listen(at=later(hours=2))
    entering.listen(at=later(hours=2))
    assert entered(journey) == [(people[0].pk, 1)]


def test_an_event_of_another_system_a_tag_and_a_stage_let_in(people):
    by_event = live(STEPS["wait"], name="E", entry=happens("event", "visited_cafe"))
    Tag.objects.create(code="vip")
    by_tag = live(STEPS["wait"], name="T", entry=happens("tag", "vip"))
    by_stage = live(STEPS["wait"], name="S", entry=happens("stage", "lapsed"))
    first, second, third = people
    record_event(event="visited_cafe", source="app", client_key="1", at=later(hours=1), member_id=first.pk)
    record_event(event="other", source="app", client_key="2", at=later(hours=1), member_id=second.pk)
    members.tag_members(code="vip", members=Member.objects.filter(pk=second.pk), source="test", at=later(hours=1))
    members.set_lifecycle_stages({third.pk: "lapsed"}, at=later(hours=1))
    entering.listen(at=later(hours=1))
    assert [entered(one) for one in (by_event, by_tag, by_stage)] == [[(p.pk, 1)] for p in people]


def test_an_audience_is_looked_at_every_night_and_lets_in_whom_it_describes(people):
    Member.objects.filter(pk=people[0].pk).update(language="zh-hans")
    entry = {"kind": "audience", "audience": str(audience().pk), "every": "night", "at": "03:00"}
    journey = live(STEPS["wait"], entry=entry)
    assert journey.next_entry_at == datetime(2026, 3, 11, 7, tzinfo=UTC), "three o'clock where the shop is"
    entering.come(at=later(hours=1))
    assert entered(journey) == []
    for _again in range(2):
        entering.come(at=later(days=1))
    assert entered(journey) == [(people[0].pk, 1)]


def test_a_birthday_begins_where_the_member_is_and_a_missed_day_is_made_up_for(people):
    east, west, _other = people
    Member.objects.filter(pk=east.pk).update(birth_month=3, birth_day=12, time_zone="Asia/Shanghai")
    Member.objects.filter(pk=west.pk).update(birth_month=3, birth_day=12, time_zone="America/Los_Angeles")
    journey = live(STEPS["wait"], entry={"kind": "date", "date": "birthday", "days": 0, "at": "09:00", "audience": ""})
    entering.come(at=datetime(2026, 3, 12, 0, 59, tzinfo=UTC))
    assert entered(journey) == []
    entering.come(at=datetime(2026, 3, 12, 1, 4, tzinfo=UTC))
    assert entered(journey) == [(east.pk, 1)]
    entering.come(at=datetime(2026, 3, 13, 20, tzinfo=UTC))
    entering.come(at=datetime(2026, 3, 13, 21, tzinfo=UTC))
    assert entered(journey) == [(east.pk, 1), (west.pk, 1)]


@pytest.mark.parametrize(("day", "is_kept"), [("2027-02-28", True), ("2028-02-28", False), ("2028-02-29", True)])
def test_a_leap_day_is_kept_on_the_28th_of_other_years(people, day, is_kept):
    Member.objects.filter(pk=people[0].pk).update(birth_month=2, birth_day=29)
    found = Member.objects.filter(entering.whose_day("birthday", datetime.fromisoformat(day).date()))
    assert found.exists() is is_kept


def test_a_date_in_a_custom_field_counts_days_before_it(people):
    CustomField.objects.create(code="wedding", label_en="Wedding", kind="date")
    members.set_custom_fields(member_id=people[0].pk, values={"wedding": "2019-03-18"})
    journey = live(
        STEPS["wait"], entry={"kind": "date", "date": "field:wedding", "days": -7, "at": "08:00", "audience": ""}
    )
    entering.come(at=later(days=1))
    assert entered(journey) == [(people[0].pk, 1)]


def test_nobody_of_the_standing_control_group_enters(people):
    journey = live(STEPS["wait"], entry=happens("purchase"))
    period = experiments.open_control(percent=20, starts_at=AT)
    Assignment.objects.create(
        experiment=period.experiment, member=people[0], arm=period.experiment.arms.get(is_holdout=True), bucket=0,
        propensity=0.2, assigned_at=AT,
    )  # fmt: skip
    for one in people:
        buy(one, later(hours=1), f"r{one.pk}")
    entering.listen(at=later(hours=1))
    assert entered(journey) == [(one.pk, 1) for one in people[1:]]


def test_who_waits_for_an_event_goes_on_when_it_comes_and_the_others_when_the_time_is_over(people):
    wait = parted(
        "wait_for",
        [STEPS["tag"]],
        [{**STEPS["tag"], "tag": "quiet"}],
        event="purchase",
        which="",
        amount=3,
        unit="days",
    )
    journey = live(wait, entry=happens("stage", "new"))
    members.set_lifecycle_stages({people[0].pk: "new", people[1].pk: "new"}, at=AT)
    entering.listen(at=AT)
    running.run(at=AT)
    assert steps_done(journey) == []
    buy(people[0], later(days=1), "r1")
    entering.listen(at=later(days=1))
    running.run(at=later(days=1))
    assert steps_done(journey) == [("s1", "yes"), ("s2", "done")]
    running.run(at=later(days=3))
    assert steps_done(journey) == [("s1", "yes"), ("s2", "done"), ("s1", "no"), ("s3", "done")]
    assert states(journey) == {people[0].pk: "done", people[1].pk: "done"}


def test_a_goal_that_happens_ends_the_journey_without_waiting_for_the_next_step(people):
    journey = live(STEPS["wait"], STEPS["tag"], entry=happens("stage", "new"), goal={"event": "purchase", "which": ""})
    buy(people[0], later(hours=-1), "before")
    members.set_lifecycle_stages({people[0].pk: "new"}, at=AT)
    entering.listen(at=AT)
    running.run(at=AT)
    assert states(journey) == {people[0].pk: "active"}, "what was bought before they entered is no goal"
    buy(people[0], later(hours=2), "after")
    entering.listen(at=later(hours=2))
    running.run(at=later(hours=2))
    assert states(journey) == {people[0].pk: "goal"}
    assert steps_done(journey) == []


def test_who_came_too_early_is_not_let_in(people):
    journey = live(STEPS["wait"], entry=JOINED)
    Member.objects.create(joined_at=AT - timedelta(days=1))
    entering.listen(at=AT)
    assert entered(journey) == []
    operations.pause(journey=journey, at=AT)
    Member.objects.create(joined_at=later(hours=1))
    entering.listen(at=later(hours=1))
    assert entered(journey) == [], "nobody comes in while it is paused"
