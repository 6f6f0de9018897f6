"""Several at once, in real transactions of their own: what is to happen once happens once."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from campaigns import operations
from campaigns.advice import operations as advice
from campaigns.models import Audience, Campaign, Fire, Recipient
from campaigns.tasks import run_due
from delivery.models import Message
from members import clock
from members.models import Member
from tests.campaigns.conftest import email_template
from tests.campaigns.conftest import town as town_fixture
from tests.campaigns.people import AT

town = town_fixture


def at_once(count, act) -> list:
    """What `act` answers in so many threads that begin together."""
    gate, answers = threading.Barrier(count), []

    def run():
        try:
            gate.wait(120)
            answers.append(act())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(240)
    assert len(answers) == count
    return answers


@pytest.mark.usefixtures("committed_db")
def test_two_beats_at_once_launch_once(town, monkeypatch):
    people, *_ = town(30)
    everybody = Audience.objects.create(name="Everybody", conditions={})
    campaign = operations.create(
        name="Spring", audience=everybody, variants=[{"name": "A", "email_template": email_template()}]
    )
    operations.schedule(campaign=campaign, launch_at=AT + timedelta(hours=1), at=AT)
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(hours=1))
    assert sorted(at_once(4, lambda: run_due()["launched"])) == [0, 0, 0, 1]
    assert Fire.objects.get().outcome == "launched"
    assert Campaign.objects.get().status == Campaign.Status.SENDING
    assert Message.objects.count() == Recipient.objects.count() <= len(people)
    assert Message.objects.values("member").distinct().count() == Message.objects.count() > 0


@pytest.mark.usefixtures("committed_db")
def test_two_who_say_yes_to_an_action_at_once_make_one_draft(town):
    people, *_ = town(10)
    Member.objects.filter(pk__in=[one.pk for one in people]).update(lifecycle_stage="at_risk")
    made = at_once(2, lambda: advice.accept("at_risk", at=AT).pk)
    assert len(set(made)) == Campaign.objects.count() == Audience.objects.count() == 1
