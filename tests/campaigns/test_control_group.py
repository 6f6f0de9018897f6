"""The standing control group, plans and baselines: what is fixed before anything is read."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from campaigns import figures, operations, outcomes, plans, programme_lift, queries
from campaigns.models import AnalysisPlan, Baseline, ProgrammeLift
from delivery.models import Message
from experiments import operations as experiments
from experiments import queries as experimented
from experiments.models import Assignment, ControlPeriod
from members.models import Member
from sales.models import Purchase
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT, sell

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def controlled(town, same_chance):
    def make(count=60, percent=20):
        people, place, products = town(count)
        experiments.open_control(percent=percent, starts_at=AT - DAY)
        experiments.keep_control(at=AT - DAY)
        return people, place, products

    return make


def held_out(at=AT):
    return set(experimented.held_out_by_control(at).values_list("member", flat=True))


def test_a9_the_standing_control_group_gets_no_marketing_message(controlled, draft):
    people, *_ = controlled()
    campaign = operations.launch(campaign=draft(), at=AT)
    held = held_out()
    assert 0 < len(held) < len(people)
    assert not Message.objects.filter(member__in=held).exists()
    skipped = Assignment.objects.filter(experiment=campaign.experiment, skipped_reason="global_control")
    assert set(skipped.values_list("member", flat=True)) == held
    assert queries.funnel(campaign).skipped["global_control"] == len(held)


def test_without_such_a_group_nobody_is_skipped_for_it(town, draft):
    town(10)
    campaign = operations.launch(campaign=draft(), at=AT)
    assert not Assignment.objects.filter(experiment=campaign.experiment, skipped_reason="global_control").exists()
    assert experiments.keep_control(at=AT) == 0
    assert ProgrammeLift.objects.count() == programme_lift.keep(at=AT)["read"] == 0


def test_who_joins_later_is_assigned_and_the_group_rotates_on_its_date(controlled):
    controlled(40)
    first = ControlPeriod.objects.get()
    before = held_out()
    late = enrol_quickly_more(20)
    assert experiments.keep_control(at=AT) == 20
    assert experiments.keep_control(at=AT) == 0
    assert before <= held_out()
    with pytest.raises(ValueError, match="rotates on its stated date"):
        experiments.open_control(percent=5, starts_at=AT)
    experiments.keep_control(at=first.rotates_at)
    second = experimented.control_at(first.rotates_at)
    assert (second.percent, second.starts_at) == (first.percent, first.rotates_at)
    assert second.experiment.salt != first.experiment.salt
    assert sum(experimented.counts(second.experiment).values()) == 40 + len(late)
    assert held_out(first.rotates_at) != held_out(first.rotates_at - DAY)


def enrol_quickly_more(count):
    return Member.objects.bulk_create(Member(joined_at=AT, given_name="Late", family_name=str(i)) for i in range(count))


@pytest.mark.parametrize("percent", [0, 21])
def test_a_control_group_holds_between_one_and_twenty_per_cent(percent):
    with pytest.raises(ValueError, match="1 to 20"):
        experiments.open_control(percent=percent, starts_at=AT)


def test_programme_lift_is_read_once_a_day_and_frozen(controlled):
    people, place, products = controlled()
    for i, person in enumerate(people[::2]):
        sell(person, AT + timedelta(hours=i), 900 + 50 * i, products[0], place=place, key=f"p-{i}")
    assert programme_lift.keep(at=AT + 2 * DAY)["read"] == 1
    assert programme_lift.keep(at=AT + 2 * DAY + timedelta(hours=1))["read"] == 0
    assert programme_lift.keep(at=AT + 3 * DAY)["read"] == 1
    found = programme_lift.latest()
    first = found.figures["comparisons"][0]
    held = held_out()
    spent = {p.pk: 0 for p in people}
    for purchase in Purchase.objects.filter(client_key__startswith="p-", purchased_at__lt=AT + 3 * DAY):
        spent[purchase.member_id] += purchase.total_minor
    of_held = [spent[pk] for pk in held]
    assert first["plain"]["mean_control"] == pytest.approx(sum(of_held) / len(of_held))
    assert first["n_control"] + first["n_treated"] == len(people)
    assert first["live"]["low"] < first["low"]
    assert not found.figures["is_final"]
    assert len(programme_lift.history(found.experiment)) == 2
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ProgrammeLift.objects.update(figures={})


def test_a_plan_is_written_at_planning_and_never_changed(town, draft):
    town(20)
    campaign = operations.launch(campaign=draft(outcome_days=10), at=AT)
    plan = AnalysisPlan.objects.get(experiment=campaign.experiment)
    assert (plan.made_at, plan.outcome_days, plan.covariate_days, plan.spend_cap_minor) == (AT, 10, 84, None)
    assert plans.make(experiment=campaign.experiment, starts_at=AT, at=AT + DAY) == plan
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        AnalysisPlan.objects.update(covariate_days=1)


def test_baselines_are_what_each_member_did_in_the_days_before_and_are_written_once(town, draft):
    people, place, products = town(12)
    sell(people[0], AT - timedelta(days=84, seconds=1), 7777, products[0], place=place, key="too long ago")
    sell(people[0], AT - DAY, 500, products[0], place=place, key="the day before")
    campaign = operations.launch(campaign=draft(), at=AT)
    sell(people[0], AT + DAY, 9999, products[0], place=place, key="after")
    expected = {one.pk: (1000 + 37 * i, 1, 1) for i, one in enumerate(people)}
    expected[people[0].pk] = (1500, 2, 2)
    found = {
        Assignment.objects.get(pk=row.assignment_id).member_id: (row.spend_minor, row.orders, row.visits)
        for row in Baseline.objects.all()
    }
    assert found == expected
    assert plans.note_baselines(experiment=campaign.experiment, starts_at=AT, at=AT + 2 * DAY) == 0


def test_a_cap_that_was_fixed_before_cuts_both_arms_and_drops_nobody(town, draft, monkeypatch):
    monkeypatch.setattr(plans, "ACTIVE_MIN", 5)
    people, place, products = town(30)
    Purchase.objects.bulk_create(sale(one, AT - DAY, 2000, place, f"cap-{one.pk}") for one in people)
    campaign = operations.launch(campaign=draft(), at=AT)
    for one in people[:2]:
        sell(one, AT + DAY, 10**8, products[0], place=place, key=f"huge-{one.pk}")
    subject = outcomes.of_campaign(campaign)
    assert subject.plan.spend_cap_minor == 2000
    by_segment = outcomes.per_arm(subject, until=AT + 2 * DAY)
    assert sum(part.sums["spend"] for parts in by_segment.values() for part in parts) == 4000
    assert sum(part.n for parts in by_segment.values() for part in parts) == 30


def test_a6_a_look_before_the_planned_end_is_numbered_and_shows_the_wide_interval(town, draft):
    people, place, products = town(60)
    campaign = operations.launch(campaign=draft(), at=AT)
    for i, one in enumerate(people[::2]):
        sell(one, AT + DAY, 1000 + 31 * i, products[0], place=place, key=f"b-{i}")
    looks = [operations.measure(campaign=campaign, at=AT + days * DAY) for days in (3, 6)]
    assert [(one.is_final, one.figures["look"]) for one in looks] == [(False, 1), (False, 2)]
    first = looks[0].figures["comparisons"][0]
    assert first["live"]["share_of_plan"] == pytest.approx(3 / 14)
    assert first["live"]["low"] < first["low"] < first["high"] < first["live"]["high"]
    final = operations.measure(campaign=campaign, at=AT + 14 * DAY)
    assert (final.is_final, final.figures["is_final"], final.figures["look"]) == (True, True, 3)


def test_points_consents_and_costs_are_counted_per_arm(town, draft, settings):
    settings.SEND_COST_PER_1000 = {"email": 2000}
    people, *_ = town(40)
    campaign = operations.launch(campaign=draft(), at=AT)
    from members.operations import give_consent

    give_consent(member=people[3], channel="email", is_granted=False, at=AT + DAY, source="test")
    Message.objects.filter(cause=campaign.cause).update(state="sent", sent_at=AT)
    told = figures.read(
        outcomes.of_campaign(campaign), until=AT + 2 * DAY, is_final=False, planned_end=campaign.outcome_ends_at
    )
    assert sum(arm["withdrew"]["sum"] for arm in told["arms"]) == 1
    assert told["worth"] is None or told["worth"]["send_cost"] == Message.objects.count() * 2
    assert outcomes.sent(campaign.cause) == {"email": Message.objects.count()}
