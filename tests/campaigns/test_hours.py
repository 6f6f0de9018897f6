"""Each member's own hour: learned, weighed against what is usual, and tested against a fixed time like anything else."""

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from campaigns import hours, operations
from campaigns.models import Recipient
from sales.models import Purchase
from tests.campaigns.conftest import sale
from tests.campaigns.people import AT

EVENING = hours.usual(Counter({19: 100}))


def test_who_has_done_nothing_gets_the_usual_hour():
    assert hours.best(Counter(), EVENING) == 19


def test_a_few_clicks_of_their_own_move_a_member_and_one_alone_does_not():
    assert hours.best(hours.acts({9: 1}, {}), EVENING) == 19
    assert hours.best(hours.acts({9: 3}, {}), EVENING) == 9


def test_a_purchase_speaks_for_the_hour_before_it():
    assert hours.best(hours.acts({}, {13: 20}), hours.usual({})) == 12


@given(
    st.dictionaries(st.integers(0, 23), st.integers(0, 500)), st.dictionaries(st.integers(0, 23), st.integers(0, 500))
)
def test_nobody_is_written_to_at_night_whatever_was_learned(clicks, purchases):
    own = hours.acts(clicks, purchases)
    assert hours.best(own, hours.usual(own)) in hours.DAYTIME


@pytest.mark.django_db
def test_a_variant_at_each_members_own_hour_stands_beside_one_at_a_fixed_time(town, draft, email):
    people, place, *_ = town(12)
    shop = ZoneInfo(settings.TIME_ZONE)
    at_ten = datetime.combine(AT.date() - timedelta(days=10), time(10, 30), shop)
    Purchase.objects.bulk_create(
        sale(one, at_ten + timedelta(days=day), 500, place, f"{one.pk}-{day}") for one in people[:6] for day in range(9)
    )
    campaign = operations.plan(
        campaign=draft(
            holdout_percent=0,
            variants=[
                {"name": "Own hour", "email_template": email, "at_own_hour": True},
                {"name": "At six", "email_template": email, "send_time": time(18)},
            ],
        ),
        at=AT,
    )
    chosen = {
        (one.member_id in {early.pk for early in people[:6]}, one.send_at.astimezone(shop).time())
        for one in Recipient.objects.filter(campaign=campaign, variant__name="Own hour")
    }
    assert {clock for is_early, clock in chosen if is_early} == {time(9)}
    six = Recipient.objects.filter(campaign=campaign, variant__name="At six").values_list("send_at", flat=True)
    assert {moment.astimezone(shop).time() for moment in six} == {time(18)}
    assert (
        Recipient.objects.filter(campaign=campaign, send_at__gte=AT, send_at__lte=AT + timedelta(days=1)).count() == 12
    )
