"""Workers that are killed, stopped or raced: nobody gets two, everybody is accounted for. `drills/delivery.py` does it for longer."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import redis
from celery.contrib.testing.worker import start_worker
from django.db import connections

from config.celery import app
from delivery import operations, queries, tasks
from delivery.models import Message
from drills import _killing as killing
from tests.delivery.conftest import use_channel
from tests.delivery.recording import RecordingChannel

COUNT, ELIGIBLE = 60, 54


@pytest.fixture(scope="module")
def workers():
    """The parent of all workers, started once: it takes longer than all kills together."""
    parent = killing.Workers()
    yield parent
    parent.close()


@pytest.fixture
def hop_of_kills():
    hop = killing.Hop()
    yield hop
    hop.close()


@pytest.fixture
def campaign(committed_db, settings, workers):
    """Messages to 60 members, six of whom never said yes; and workers to send them."""
    settings.DELIVERY_CHANNELS = dict(settings.DELIVERY_CHANNELS)
    killing.people(COUNT)
    killing.write_messages(killing.content())
    return workers


def kill_everywhere(workers, hop, clean_up):
    """One worker dies at each point, in the middle of its first or second chunk; then one finishes the rest."""
    kills = 0
    for number, point in enumerate(killing.POINTS):
        after = 3 if point in killing.BY_THE_HOP else 1 + (number % 2 if point != "claimed" else 0)
        kills += killing.kill_one(workers, hop, point=point, after=after, limit=10, chunk=5)
        clean_up()
    assert workers.wait(workers.start(hop)) == 0
    return kills


def test_with_evidence_every_eligible_member_gets_exactly_one_whatever_kills_the_worker(campaign, hop_of_kills):
    kills = kill_everywhere(campaign, hop_of_kills, lambda: killing.sweep(hop_of_kills, has_evidence=True))
    assert kills == len(killing.POINTS)
    assert set(hop_of_kills.copies.values()) == {1}
    assert len(hop_of_kills.copies) == ELIGIBLE
    assert queries.counts(killing.CAUSE) == {"sent": ELIGIBLE, "skipped(no_consent)": COUNT - ELIGIBLE}
    assert killing.ledger()["sent"] == set(hop_of_kills.copies)


def test_without_evidence_nobody_gets_two_and_the_doubtful_are_listed(campaign, hop_of_kills):
    kills = kill_everywhere(campaign, hop_of_kills, lambda: killing.sweep(hop_of_kills, has_evidence=False))
    assert set(hop_of_kills.copies.values()) == {1}
    ledger = killing.ledger()
    in_doubt = ledger.get("in_doubt", set())
    assert 0 < len(in_doubt) <= 5 * kills, "one chunk of five at most for each kill"
    assert ledger["sent"] <= set(hop_of_kills.copies)
    assert set(hop_of_kills.copies) <= ledger["sent"] | in_doubt
    assert len(ledger["sent"] | in_doubt) == ELIGIBLE


def test_the_check_bites_a_reclaim_after_a_timeout_doubles(campaign, hop_of_kills):
    kill_everywhere(campaign, hop_of_kills, killing.reclaim_after_timeout)
    assert max(hop_of_kills.copies.values()) > 1


def test_the_check_bites_belief_at_fetch_loses(campaign, hop_of_kills):
    kill_everywhere(campaign, hop_of_kills, killing.believe_at_fetch)
    assert len(hop_of_kills.copies) < ELIGIBLE


def test_a_worker_that_slept_past_its_lease_does_no_harm(campaign, hop_of_kills):
    sleeper = campaign.start(
        hop_of_kills, limit=10, chunk=5, point="committed", after=1, signal=signal.SIGSTOP, lease_s=0.5
    )
    _wait_until_stopped(sleeper)
    killing.let_leases_run_out()
    operations.sweep(at=killing.AT)
    counts = queries.counts(killing.CAUSE)
    assert counts["attempting"] == 5, "its connection lives, so it may be only slow"
    assert counts["pending"] == COUNT - 5, "what it had merely claimed goes to others"
    assert campaign.wait(campaign.start(hop_of_kills)) == 0
    os.kill(sleeper, signal.SIGCONT)
    assert campaign.wait(sleeper) == 0
    Message.objects.filter(state="pending").update(due_at=killing.AT)
    assert campaign.wait(campaign.start(hop_of_kills)) == 0
    assert set(hop_of_kills.copies.values()) == {1}
    assert queries.counts(killing.CAUSE)["sent"] == ELIGIBLE == len(hop_of_kills.copies)


def _wait_until_stopped(pid):
    for _ in range(12_000):
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T":
            return
        time.sleep(0.01)
    raise AssertionError("the worker did not stop")


def test_two_workers_at_once_never_send_one_message_twice(campaign, hop_of_kills):
    both = [campaign.start(hop_of_kills, limit=7, chunk=3) for _ in range(2)]
    assert [campaign.wait(pid) for pid in both] == [0, 0]
    assert set(hop_of_kills.copies.values()) == {1}
    assert len(hop_of_kills.copies) == ELIGIBLE
    assert Message.objects.filter(state="sent").values("claimed_by").distinct().count() == 2, "both had their share"


def test_two_workers_at_once_keep_the_frequency_cap(committed_db, enrolled, words, outbox, monkeypatch):
    """Both check the same member's count at the same moment; one of them must see the other's message."""
    hop = RecordingChannel()
    use_channel(monkeypatch, hop)
    enrolled(8)
    operations.set_policy(channel="email", marketing_messages_max=1, cap_days=7)
    for number in (1, 2):
        outbox(f"campaign:{number}", at=killing.AT)
    start = threading.Barrier(2)

    def deliver(name):
        start.wait()
        while operations.deliver_chunk(worker=name, at=killing.AT, limit=4, chunk=2).claimed:
            pass
        connections.close_all()

    threads = [threading.Thread(target=deliver, args=(f"w{number}",)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(hop.copies.values()) == {1}
    assert queries.counts("campaign") == {"sent": 8, "skipped(frequency_cap)": 8}


def test_redis_flushed_in_mid_send_loses_nothing(committed_db, enrolled, outbox, settings, monkeypatch):
    """A real Celery worker on a real Redis, which forgets everything after the second message."""
    hop = RecordingChannel()
    use_channel(monkeypatch, hop)
    monkeypatch.setattr("delivery.tasks.now", lambda: killing.AT)
    monkeypatch.setattr("delivery.operations.deliver_chunk", _small_claims(operations.deliver_chunk))
    if settings.EMBEDDED_REDIS:
        settings.EMBEDDED_REDIS.ensure()
    memory = redis.Redis.from_url(settings.REDIS_URL)
    memory.flushall()
    enrolled(9)
    outbox(at=killing.AT)
    hop.before_each = lambda _: memory.flushall() if len(hop.taken) == 2 else None
    tasks.sweep()
    assert memory.llen("delivery") == tasks.RUNS_AT_ONCE
    memory.flushall()
    assert not Message.objects.filter(state="sent").exists()
    tasks.sweep()  # the next tick of the clock finds the same rows due
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["delivery"], shutdown_timeout=120):
        _wait_for(lambda: queries.counts("campaign:1") == {"sent": 9})
    assert set(hop.copies.values()) == {1}
    memory.flushall()


def _small_claims(deliver_chunk):
    return lambda **options: deliver_chunk(**options, limit=3, chunk=2)


def _wait_for(condition, patience_s=120):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < patience_s
        time.sleep(0.05)
