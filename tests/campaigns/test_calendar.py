"""The calendar: what stands on which day, what wants the same members, and how often they hear from us."""

from datetime import datetime, timedelta

import pytest

from campaigns import audiences, calendar, operations
from campaigns.models import Audience
from campaigns.queries import funnel
from delivery import queries as outbox
from delivery.models import ChannelPolicy, Message
from members.models import Member
from tests.campaigns.people import AT

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def rules():
    """At most three messages in seven days, and sixteen hours between two."""
    ChannelPolicy.objects.all().delete()
    return ChannelPolicy.objects.create(channel="email", marketing_messages_max=3, cap_days=7, hours_between=16)


def heard(member, at, cause, **facts):
    facts = {"channel": "email", "state": "sent", "sent_at": at, **facts}
    return Message.objects.create(
        member=member, purpose="marketing", cause=cause, content="", due_at=at, enqueued_at=at, **facts
    )


def scheduled(draft, name, at, **changes):
    return operations.schedule(campaign=draft(name=name, **changes), launch_at=at, at=AT)


def readers_of_chinese(*people):
    Member.objects.filter(pk__in=[one.pk for one in people]).update(language="zh-hans")
    said = {"match": "all", "conditions": [{"type": "language", "languages": ["zh-hans"]}]}
    return Audience.objects.create(name="Readers of Chinese", conditions=said)


def test_each_outing_stands_on_its_day_by_the_shops_clock(draft, town, settings):
    settings.TIME_ZONE = "America/New_York"
    town(4)
    late = datetime(AT.year, AT.month, 20, 3, tzinfo=AT.tzinfo)  # still the nineteenth in New York
    at = min(AT, late - DAY)
    once = operations.schedule(campaign=draft(name="Once"), launch_at=late, at=at)
    days = {day: outings for week in calendar.month(AT.year, AT.month, at=at) for day, outings in week}
    assert {day.day: [one.campaign for one in outings] for day, outings in days.items() if outings} == {19: [once]}


def test_two_campaigns_within_a_day_are_a_conflict_of_the_members_they_share(draft, town):
    people, *_ = town(6)
    first = scheduled(draft, "Spring", AT + DAY)
    second = scheduled(draft, "Easter", AT + DAY + 5 * HOUR, audience=readers_of_chinese(*people[:2]))
    scheduled(draft, "Much later", AT + 4 * DAY)
    found = calendar.conflicts(at=AT)
    assert [(one.first.campaign, one.second.campaign, one.members) for one in found] == [(first, second, 2)]


def test_fatigue_is_the_fullest_stretch_of_days_and_not_the_sum_of_all(draft, town, rules):
    people, *_ = town(3)
    for n in range(3):
        heard(people[0], AT - 6 * DAY + n * DAY, f"before:{n}")
    heard(people[1], AT - DAY, "both:1")
    heard(people[1], AT - DAY + HOUR, "both:1", channel="push")
    scheduled(draft, "Spring", AT + 6 * DAY)
    told = calendar.fatigue(at=AT)
    # the first has four in twelve days but never more than three in seven; the second's two channels are one contact
    assert (told.members, told.refused, told.days, told.cap) == (((1, 1), (2, 1), (3, 1)), 0, 7, 3)


def test_who_will_be_refused_something_is_who_is_over_the_cap_or_hears_too_soon(draft, town, rules):
    people, *_ = town(4)
    for n in range(3):
        heard(people[0], AT - 3 * DAY + n * DAY, f"before:{n}")  # a fourth is one too many
    heard(people[1], AT - HOUR, "just:1")  # two hours before the next
    heard(people[2], AT - 8 * DAY, "long ago:1")
    Message.objects.filter(cause="long ago:1").update(sent_at=AT - 8 * DAY)
    scheduled(draft, "Spring", AT + HOUR)
    told = calendar.fatigue(at=AT)
    assert (told.members, told.refused) == (((1, 2), (2, 1), (4, 1)), 2)


def test_what_waits_in_the_outbox_is_planned_too(draft, town, rules):
    people, *_ = town(2)
    heard(people[0], AT + 2 * HOUR, "waits:1", state="pending", sent_at=None)
    scheduled(draft, "Spring", AT + 4 * HOUR)
    assert calendar.fatigue(at=AT).refused == 1


def test_without_rules_nobody_is_refused_anything(draft, town):
    ChannelPolicy.objects.all().delete()
    people, *_ = town(2)
    heard(people[0], AT - HOUR, "just:1")
    scheduled(draft, "Spring", AT + HOUR)
    told = calendar.fatigue(at=AT)
    assert (told.members, told.refused, told.cap) == (((1, 1), (2, 1)), 0, None)
    assert outbox.policies() == {}


def test_the_number_of_an_audience_is_an_estimate_and_what_was_planned_is_kept(draft, town, everybody):
    """Who leaves between the planning and the sending is still counted where they were planned."""
    people, *_ = town(5)
    assert audiences.count(everybody.conditions, at=AT) == 5
    campaign = operations.plan(campaign=draft(), at=AT)
    Member.objects.filter(pk=people[0].pk).update(status="frozen")
    assert (audiences.count(everybody.conditions, at=AT), funnel(campaign).audience) == (4, 5)
