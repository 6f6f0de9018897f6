"""Random journeys, random news, a runner that dies at random moments: each step's effect is there exactly once."""

from contextlib import suppress
from datetime import time, timedelta
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Min
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.journeys import clocks, flow, running
from campaigns.journeys.models import Enrolment, Journey, JourneyVersion, StepRun
from members.knowing import MemberTag
from members.models import Member
from tests.journeys.conftest import AT, JOINED, definition, later, parted, put_in

PEOPLE = 2
POINTS = ("note", "act", "move")


class Killed(BaseException):
    """As a kill: nothing catches it but the transaction, which is gone."""


def waiting(hours):
    return {"type": "wait", "amount": hours, "unit": "hours"}


def tag():
    return {"type": "tag", "act": "add", "tag": "t"}


def chinese(yes, no):
    conditions = {"match": "all", "conditions": [{"type": "language", "languages": ["zh-hans"]}]}
    return parted("branch", yes, no, audience="1", conditions=conditions)


leaf = st.one_of(st.integers(1, 30).map(waiting), st.builds(tag), st.just({"type": "exit", "as": "left"}))
flat = st.lists(leaf, min_size=1, max_size=3)
nested = st.lists(st.one_of(leaf, st.builds(chinese, flat, flat)), min_size=1, max_size=3)
steps = st.lists(st.one_of(leaf, st.builds(chinese, nested, nested)), min_size=1, max_size=3)


def model(told, language):
    """(step, hours from entry) for every step a member of this language does: the journey walked by hand."""
    nodes, place, hours, done = flow.nodes(told), flow.first(told), 0, []
    while place:
        node = nodes[place]
        hours += node.step["amount"] if node.type == "wait" else 0
        done.append((place, hours))
        if node.type == "exit":
            break
        place = node.path(0 if language == "zh-hans" else 1) if node.type == "branch" else node.next
    return done


def own_tags(told):
    """Each tag step with a tag of its own, so that a second effect would be seen."""
    for step, _depth in flow.walk(told["steps"]):
        if step["type"] == "tag":
            step["tag"] = step["id"]
    return told


@pytest.fixture
def members(db):
    return [Member.objects.create(joined_at=AT, language=code) for code in ("en", "zh-hans")]


def started(told, people):
    """A journey that runs by this definition, with these members in it."""
    journey = Journey.objects.create(name="Random")
    journey.version = JourneyVersion.objects.create(journey=journey, number=1, definition=told, published_at=AT)
    journey.status, journey.live_from = "live", AT
    journey.save()
    put_in(journey, people)
    return journey


def run_and_die(at, point, after):
    """Run batches of one until the `after`-th time this point is passed."""
    target = {"note": (running, "note"), "act": ("campaigns.journeys.acting", "act"), "move": (running, "move")}[point]
    module = running if target[0] is running else __import__("campaigns.journeys.acting", fromlist=["act"])
    real, left = getattr(module, target[1]), [after]

    def dies(*given, **more):
        answer = real(*given, **more)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return answer

    with mock.patch.object(module, target[1], dies), suppress(Killed):
        running.run(at=at, limit=1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=steps, kills=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(POINTS), st.integers(1, 4)), max_size=4)
)
def test_every_step_is_done_exactly_once_whenever_the_runner_dies(members, told, kills):
    StepRun.objects.all().delete()
    Enrolment.objects.all().delete()
    MemberTag.objects.all().delete()
    told = own_tags(definition(*told, entry=JOINED))
    journey = started(told, members)
    for hour, point, after in sorted(kills):
        run_and_die(later(hours=hour), point, after)
    now = later(hours=60)
    while (due := Enrolment.objects.filter(state="active").aggregate(next=Min("due_at"))["next"]) is not None:
        now = max(now, due)
        running.run(at=now)
    for one in members:
        expected = model(told, one.language)
        ran = StepRun.objects.filter(enrolment__member=one).order_by("pk")
        assert [step for step, _hours in expected] == list(ran.values_list("step", flat=True))
        assert all(run.at >= AT + timedelta(hours=hours) for run, (_step, hours) in zip(ran, expected, strict=True)), (
            "nobody goes on too early"
        )
        tagged = {step for step, _hours in expected if flow.find(told, step)["type"] == "tag"}
        assert tagged == set(MemberTag.objects.filter(member=one).values_list("tag__code", flat=True))
    Journey.objects.filter(pk=journey.pk).update(status="paused", paused_at=AT)


NEW_YORK = ZoneInfo("America/New_York")


@given(
    at=st.datetimes(
        min_value=(AT - timedelta(days=400)).replace(tzinfo=None),
        max_value=(AT + timedelta(days=400)).replace(tzinfo=None),
    ),
    wanted=st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    place=st.sampled_from(
        ["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Lisbon", "Africa/Casablanca"]
    ),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
)
def test_a_local_time_comes_on_the_right_day_and_never_before(at, wanted, place, weekdays):
    at, zone = at.replace(tzinfo=AT.tzinfo), ZoneInfo(place)
    over = clocks.next_local(at, zone, wanted, weekdays)
    shown = over.astimezone(zone)
    assert at <= over <= at + timedelta(days=8)
    assert shown.weekday() in weekdays
    is_jumped = shown.replace(tzinfo=None) != (over - timedelta(seconds=1)).astimezone(zone).replace(
        tzinfo=None
    ) + timedelta(seconds=1)
    assert shown.time() == wanted or (is_jumped and shown.time() > wanted)


@pytest.mark.parametrize(
    ("day", "wanted", "moment"),
    [
        ("2026-03-08", time(2, 30), "2026-03-08T07:00+00:00"),  # the clock jumps from two to three
        ("2026-11-01", time(1, 30), "2026-11-01T05:30+00:00"),  # and shows half past one twice: the first time
        ("2026-11-02", time(9, 0), "2026-11-02T14:00+00:00"),
    ],
)
def test_a_time_that_is_skipped_or_shown_twice_comes_once(day, wanted, moment):
    from datetime import date, datetime

    assert clocks.moment_of(date.fromisoformat(day), wanted, NEW_YORK) == datetime.fromisoformat(moment)
