from datetime import UTC, datetime, timedelta

import pytest

from campaigns.journeys import flow, operations, running
from campaigns.journeys.models import Enrolment, StepRun
from campaigns.models import Audience
from members.models import Member
from tests.campaigns.conftest import email_template, enrol_quickly, push_template
from tests.campaigns.people import points_currency, tiers

AT = datetime(2026, 3, 10, 16, tzinfo=UTC)
JOINED = {"kind": "event", "event": "joined", "which": "", "audience": ""}
STEPS = {
    "wait": {"type": "wait", "amount": 2, "unit": "days"},
    "tag": {"type": "tag", "act": "add", "tag": "greeted"},
    "exit": {"type": "exit", "as": "left"},
}


def steps_of(*steps):
    """A definition's steps with ids in the order of reading: s1, s2, …"""
    numbers = iter(range(1, 100))

    def numbered(step):
        told = {**step, "id": f"s{next(numbers)}"}
        if "paths" in told:
            told["paths"] = [{**path, "steps": [numbered(one) for one in path["steps"]]} for path in told["paths"]]
        return told

    return [numbered(step) for step in steps]


def definition(*steps, **changes):
    told = steps_of(*steps)
    return {**flow.EMPTY, "entry": JOINED, "steps": told, "last_id": len(list(flow.walk(told))), **changes}


def parted(kind, yes=(), no=(), **fields):
    return {"type": kind, **fields, "paths": [{"name": "", "steps": list(yes)}, {"name": "", "steps": list(no)}]}


def audience(name="Chosen few", **facts):
    facts = facts or {"type": "language", "languages": ["zh-hans"]}
    return Audience.objects.create(name=name, conditions={"match": "all", "conditions": [facts]})


def live(*steps, at=AT, name="Welcome", **changes):
    journey = operations.create(name=name, definition=definition(*steps, **changes))
    operations.publish(journey=journey, at=at)
    journey.refresh_from_db()
    return journey


def put_in(journey, people, *, at=AT):
    """Enrol these members by hand, as their first time."""
    first = flow.first(journey.version.definition)
    return Enrolment.objects.bulk_create(
        Enrolment(
            journey=journey, version=journey.version, member=one, round=1, cause="hand:1", step=first, due_at=at,
            arrived_at=at, entered_at=at,
        )
        for one in people
    )  # fmt: skip


def states(journey):
    return dict(Enrolment.objects.filter(journey=journey).order_by("member").values_list("member", "state"))


def steps_done(journey):
    rows = StepRun.objects.filter(version__journey=journey).order_by("enrolment__member", "pk")
    return list(rows.values_list("step", "outcome"))


@pytest.fixture
def people():
    tiers()
    points_currency()
    return enrol_quickly(3)


def later(**span):
    return AT + timedelta(**span)


__all__ = ["AT", "STEPS", "Member", "audience", "definition", "email_template", "later", "live", "parted", "push_template", "put_in", "running", "states", "steps_done"]  # fmt: skip
