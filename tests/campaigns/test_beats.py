"""Two beats at once, in two real transactions: one launch."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from campaigns import operations
from campaigns.models import Audience, Campaign, Fire, Recipient
from campaigns.tasks import run_due
from delivery.models import Message
from members import clock
from tests.campaigns.conftest import email_template
from tests.campaigns.conftest import town as town_fixture
from tests.campaigns.people import AT

town = town_fixture


@pytest.mark.usefixtures("committed_db")
def test_two_beats_at_once_launch_once(town, monkeypatch):
    people, *_ = town(30)
    everybody = Audience.objects.create(name="Everybody", conditions={})
    campaign = operations.create(
        name="Spring", audience=everybody, variants=[{"name": "A", "email_template": email_template()}]
    )
    operations.schedule(campaign=campaign, launch_at=AT + timedelta(hours=1), at=AT)
    monkeypatch.setattr(clock, "now", lambda: AT + timedelta(hours=1))
    gate, launched = threading.Barrier(4), []

    def beat():
        try:
            gate.wait(120)
            launched.append(run_due()["launched"])
        finally:
            connections.close_all()

    beats = [threading.Thread(target=beat) for _ in range(4)]
    for one in beats:
        one.start()
    for one in beats:
        one.join(240)
    assert sorted(launched) == [0, 0, 0, 1]
    assert Fire.objects.get().outcome == "launched"
    assert Campaign.objects.get().status == Campaign.Status.SENDING
    assert Message.objects.count() == Recipient.objects.count() <= len(people)
    assert Message.objects.values("member").distinct().count() == Message.objects.count() > 0
