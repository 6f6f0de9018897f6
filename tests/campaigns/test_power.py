"""What a campaign could show, said before it starts: members per arm, what each arm has, and the day of the answer."""

from datetime import date, time, timedelta

import pytest

from campaigns.power import power_of
from members.models import Member
from sales.models import Purchase
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def spenders(town):
    """Forty members; a month ago each spent something else within the window."""
    people, place, _products = town(40)
    Purchase.objects.bulk_create(
        sale(one, AT - timedelta(days=2), 2000 + 10 * i, place, f"w-{i}") for i, one in enumerate(people)
    )
    return people, place


def test_every_arm_has_its_number_and_the_answer_its_day(spenders, draft, email):
    campaign = draft(
        holdout_percent=25,
        outcome_days=10,
        variants=[
            {"name": "A", "email_template": email, "weight": 2},
            {"name": "B", "email_template": email, "weight": 1},
        ],
    )
    power = power_of(campaign, at=AT)
    assert [(arm.name, arm.members) for arm in power.arms] == [("Holdout", 10), ("A", 20), ("B", 10)]
    assert (power.smallest_arm, power.is_enough) == (10, power.needed <= 10)
    assert power.ends_on == AT.date() + timedelta(days=10)


def test_a_first_part_is_what_variants_are_compared_on(spenders, draft):
    campaign = draft(choice="winner", test_percent=20, decide_hours=48, outcome_days=10)
    power = power_of(campaign, at=AT)
    assert [(arm.name, arm.members) for arm in power.arms] == [("Holdout", 10), ("A", 3), ("B", 3), ("Rest", 24)]
    assert power.ends_on == AT.date() + timedelta(days=12)


def test_a_series_answers_when_as_many_dates_have_come_as_it_takes(spenders, draft):
    weekly = draft(timing="recurring", repeat="weekly", weekdays=[0], local_time=time(9), outcome_days=7)
    power = power_of(weekly, at=AT)
    dates = -(-power.needed // power.smallest_arm)
    first = power.begins_on
    assert first.weekday() == 0
    assert power.ends_on == first + timedelta(weeks=dates - 1) + timedelta(days=7)


def test_a_trigger_answers_by_how_often_it_happened_and_never_where_it_does_not(spenders, draft):
    people, _place = spenders
    campaign = draft(timing="triggered", trigger="purchase", trigger_settings={}, outcome_days=7, holdout_percent=50)
    power = power_of(campaign, at=AT)
    assert sum(arm.members for arm in power.arms) == len(people)
    assert isinstance(power.ends_on, date)
    Member.objects.update(birth_month=None, birth_day=None)
    quiet = draft(name="Quiet", timing="triggered", trigger="birthday", trigger_settings={})
    assert power_of(quiet, at=AT).ends_on is None


def test_without_a_holdout_there_is_nothing_to_show(spenders, draft):
    assert power_of(draft(holdout_percent=0), at=AT) is None
