"""The page of ways out and limits: what is set there holds, and what is not understood changes nothing."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from delivery import operations, queries
from delivery.models import ChannelPolicy, Message, Pace, Transport
from members import queries as people
from members.operations import add_staff
from tests.delivery.conftest import AT
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return at_door(Client(), add_staff(email="m@shop.example", roles=["marketer"]), "cms")


def fields(row, **changed):
    named = {
        "position": row.position, "is_used": "on", "warm_up_start": 200, "warm_up_percent": 150, "paces": "",
        "per_minute_max": "", "warm_up_from": "",
    }  # fmt: skip
    return {f"t{row.pk}-{name}": value for name, value in (named | changed).items()}


def test_limits_are_read_and_written_and_what_is_not_understood_changes_nothing(operator):
    page = operator.get(reverse("delivery_transports"))
    assert page.status_code == 200
    row = Transport.objects.get(channel="email")
    where = reverse("delivery_transport", args=[row.pk])
    operator.post(where, fields(row, per_minute_max=600, paces="google 60\n* 30", warm_up_from="2026-03-10"))
    row.refresh_from_db()
    assert (row.per_minute_max, row.warm_up_from) == (600, AT.date())
    assert dict(Pace.objects.values_list("family", "per_minute_max")) == {"google": 60, "*": 30}
    for bad in ("google", "google -1", "google 0", "google many"):
        operator.post(where, fields(row, paces=bad))
    assert Pace.objects.count() == 2
    Transport.objects.update(demoted_until=AT + timedelta(days=3650), demoted_because="slow")
    operator.post(where, {"promote": "1"})
    row.refresh_from_db()
    assert row.demoted_until is None
    limits = {
        "hours_between": 8,
        "marketing_messages_max": 2,
        "cap_days": 3,
        "quiet_from": "22:00",
        "quiet_until": "07:00",
    }
    operator.post(
        reverse("delivery_limits", args=["email"]), {f"email-{name}": value for name, value in limits.items()}
    )
    policy = ChannelPolicy.objects.get(channel="email")
    assert (policy.hours_between, policy.marketing_messages_max, policy.quiet_from.hour) == (8, 2, 22)


def test_what_is_due_for_an_hour_and_unsent_is_counted_and_what_is_paused_is_not(enrolled, outbox):
    enrolled(2)
    outbox("campaign:1")
    outbox("campaign:2")
    operations.pause(cause="campaign:2", at=AT)
    assert queries.overdue(at=AT + timedelta(minutes=59)) == 0
    assert queries.overdue(at=AT + timedelta(minutes=61)) == 2
    Message.objects.update(state="sent")
    assert queries.overdue(at=AT + timedelta(minutes=61)) == 0


def test_a_row_without_limits_costs_a_single_way_nothing():
    from delivery.transports import Ways

    Transport.objects.create(channel="email", name="main")
    assert Ways("email").is_plain
    Transport.objects.update(per_minute_max=1)
    assert not Ways("email").is_plain


def test_topics_whose_yes_must_be_confirmed_are_chosen_on_the_page(operator):
    chosen = reverse("delivery_confirming")
    operator.post(chosen, {"topics": ["marketing", "points"]})
    assert people.confirmed_topics() == {"marketing", "points"}
    page = operator.get(reverse("delivery_transports")).content.decode()
    assert page.count('name="topics"') == 3
    ticked = re.findall(r'name="topics" value="(\w+)"[^>]* checked', page)
    assert ticked == ["marketing", "points"]
    operator.post(chosen, {"topics": ["pigeons"]})
    assert people.confirmed_topics() == {"marketing", "points"}, "what is no topic changes nothing"
    operator.post(chosen, {})
    assert people.confirmed_topics() == set()
