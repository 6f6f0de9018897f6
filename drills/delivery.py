"""Everything dies while a campaign is sent: is anybody written to twice, is anybody forgotten?

Real SMTP to a recording server that is never killed. Workers die at seven points: after the claim, after the commitment, in
mid-body, after the final dot before anything is recorded, after it is recorded before the 250, after the 250 before the
result is written, and before that is committed. Around them PostgreSQL and Redis are killed, workers sleep past their
lease, two beats sweep at once, and a marketer pauses and cancels. Here the server's acceptance log can be asked (exactly
once); `delivery_opaque` has none (at most once, the doubtful listed), and `delivery_wrong` has sweepers that are wrong on
purpose, which the same check must catch.
"""

import contextlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection, connections

from delivery import operations, queries
from delivery.models import Message
from drills import _killing as killing
from drills._database import database

PEOPLE, HELD_OUT, SUPPRESSED, CANCELLED = 20_000, 500, 100, 1_000
KILLS = 200
CHUNK, CLAIM = 20, 60
SEED = 20_260_310
OTHER_CAUSE = "drill:cancelled"


def run(report):
    with stage() as (workers, reference):
        _with_evidence(report, workers, reference)


@contextlib.contextmanager
def stage(people: int = PEOPLE):
    """Members, some of whom may not be written to, an e-mail, and a parent of workers."""
    with database("regulars_drill_delivery"):
        killing.people(people + HELD_OUT + CANCELLED)
        for number in range(SUPPRESSED):
            address = f"drill{number * 7}@example.com"
            operations.suppress(channel="email", address=address, reason="manual", at=killing.AT)
        workers = killing.Workers()
        try:
            yield workers, killing.content()
        finally:
            workers.close()


def eligible(count: int) -> set[str]:
    """Those of the first `count` who said yes and whose address is good."""
    suppressed = {number * 7 for number in range(SUPPRESSED)}
    return {f"drill{number}@example.com" for number in range(count) if number % 10 != 9 and number not in suppressed}


def afresh(reference: str, count: int = PEOPLE) -> killing.Hop:
    """The same messages to the same people, as if nothing had been sent."""
    Message.objects.all().delete()
    killing.write_messages(reference, count=count)
    return killing.Hop()


# -- what dies -----------------------------------------------------------------------------------------------------------


def kill_repeatedly(workers, hop, clean_up, *, kills: int, seed: int, between=()) -> int:
    """Worker after worker, each killed at a point drawn by chance, with the sweeper between them."""
    chance, killed, others = random.Random(seed), 0, list(between)
    every = max(1, kills // (len(others) + 1))
    for number in range(kills * 2):
        if killed >= kills or not Message.objects.filter(state="pending").exists():
            break
        point = chance.choice(killing.POINTS)
        most = CHUNK * 2 if point in killing.BY_THE_HOP else 2
        killed += killing.kill_one(workers, hop, point=point, after=chance.randint(1, most), limit=CLAIM, chunk=CHUNK)
        clean_up()
        if chance.random() < 0.05:  # a marketer who cannot decide
            operations.pause(cause=killing.CAUSE, at=killing.AT)
            assert not operations.deliver_chunk(worker="idle", at=killing.AT).claimed
            operations.resume(cause=killing.CAUSE)
        if others and number % every == every - 1:
            others.pop(0)()
            clean_up()
    return killed


def _kill_the_database(workers, hop):
    """kill -9 of PostgreSQL while a worker sends."""
    postgres = settings.EMBEDDED_POSTGRES
    pid = _start_and_wait(workers, hop)
    os.kill(postgres.postmaster(), signal.SIGKILL)
    while postgres.postmaster() is not None:
        time.sleep(0.01)
    postgres.start()
    connection.close()
    workers.wait_for_any_end(pid)
    hop.settle()


def _start_and_wait(workers, hop, sent: int = 30) -> int:
    """A worker in the middle of its claim."""
    before = hop.total
    pid = workers.start(hop, limit=400, chunk=CHUNK, once=True)
    begun = time.monotonic()
    while hop.total < before + sent and time.monotonic() - begun < 60:
        time.sleep(0.002)
    return pid


def _sleep_past_the_lease(workers, hop, sweep):
    """A worker is stopped between its commitment and its first byte, others go on, and then it wakes."""
    pid = workers.start(
        hop, limit=CLAIM, chunk=CHUNK, point="committed", after=1, signal=signal.SIGSTOP, lease_s=0.5, once=True
    )
    while Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.01)
    time.sleep(0.6)
    operations.sweep(at=killing.AT)
    assert workers.wait(workers.start(hop, limit=CLAIM, chunk=CHUNK, once=True)) == 0
    os.kill(pid, signal.SIGCONT)
    assert workers.wait(pid) == 0
    Message.objects.filter(state="pending").update(due_at=killing.AT)  # what it put off comes back at once
    sweep()


def two_beats():
    """Two clocks tick at the same moment."""

    def tick():
        operations.sweep(at=killing.AT, is_thorough=True)
        connections.close_all()

    both = [threading.Thread(target=tick) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()


def _lose_redis(hop):
    """Celery sends; Redis is flushed, then killed, then back and empty. The next tick finds the same rows due."""
    from celery.contrib.testing.worker import start_worker

    from config.celery import app
    from delivery import tasks

    tasks.now = lambda: killing.AT
    before = operations.deliver_chunk
    goal = hop.total + 400

    def until_the_goal(**options):
        """The other disasters shall find messages too."""
        return operations.Delivered() if hop.total >= goal else before(**options, limit=40, chunk=CHUNK)

    operations.deliver_chunk = until_the_goal
    memory = redis.Redis.from_url(settings.REDIS_URL)
    try:
        with start_worker(app, pool="solo", perform_ping_check=False, queues=["delivery"], shutdown_timeout=60):
            for number in range(60):
                tasks.sweep()
                _wait(lambda: hop.total >= goal, 1)
                if hop.total >= goal:
                    return
                if number == 1:
                    memory.flushall()
                if number == 2:
                    os.kill(memory.info()["process_id"], signal.SIGKILL)
                    settings.EMBEDDED_REDIS.start()
    finally:
        operations.deliver_chunk = before
        memory.flushall()
    raise AssertionError("nothing went on after Redis was lost")


def _wait(condition, patience_s: float):
    begun = time.monotonic()
    while not condition() and time.monotonic() - begun < patience_s:
        time.sleep(0.02)


def _cancel_in_mid_send(workers, hop, reference):
    """Another campaign to other people, cancelled while a worker is in the middle of it."""
    killing.write_messages(reference, cause=OTHER_CAUSE, first=PEOPLE + HELD_OUT, count=CANCELLED)
    Message.objects.filter(cause=OTHER_CAUSE).update(priority=1)
    pid = _start_and_wait(workers, hop, sent=60)
    operations.cancel(cause=OTHER_CAUSE, at=killing.AT)
    return pid


def finish(workers, hop):
    both = [workers.start(hop, limit=500, chunk=50) for _ in range(2)]
    for pid in both:
        assert workers.wait(pid) == 0


# -- what must hold ------------------------------------------------------------------------------------------------------


def twice(hop) -> int:
    return sum(1 for copies in hop.copies.values() if copies > 1)


def _with_evidence(report, workers, reference):
    hop = afresh(reference)

    def sweep():
        killing.sweep(hop, has_evidence=True)

    around = [two_beats, lambda: _sleep_past_the_lease(workers, hop, sweep)]
    if settings.EMBEDDED_POSTGRES:
        around += [lambda: _kill_the_database(workers, hop)] * 3
    if settings.EMBEDDED_REDIS:
        settings.EMBEDDED_REDIS.ensure()
        around.append(lambda: _lose_redis(hop))
    stopped: list[int] = []
    around.append(lambda: stopped.append(_cancel_in_mid_send(workers, hop, reference)))
    kills = kill_repeatedly(workers, hop, sweep, kills=KILLS, seed=SEED, between=around)
    for pid in stopped:
        assert workers.wait(pid) == 0
    sweep()
    finish(workers, hop)
    asked, got = eligible(PEOPLE), set(hop.copies)
    others = {f"drill{number}@example.com" for number in range(PEOPLE + HELD_OUT, PEOPLE + HELD_OUT + CANCELLED)}
    report("evidence: kills of workers", kills, f">= {KILLS}", kills >= KILLS, f"and {len(around)} other disasters")
    report("evidence: got none", len(asked - got), 0, asked <= got, f"of {len(asked)}")
    report("evidence: got two or more", twice(hop), 0, twice(hop) == 0)
    uninvited = len(got - asked - others)
    report("evidence: held out, suppressed or without consent, and written to", uninvited, 0, uninvited == 0)
    sent = killing.ledger().get("sent", set())
    report("evidence: outbox and server differ in", len(sent ^ got), 0, sent == got)
    left = queries.counts(OTHER_CAUSE)
    settled = (
        set(left) <= {"sent", "skipped(cancelled)", "skipped(no_consent)"} and left.get("skipped(cancelled)", 0) > 0
    )
    report(
        "cancelled in mid-send: sent, and stopped",
        f"{left.get('sent', 0)}, {left.get('skipped(cancelled)', 0)}",
        "> 0 stopped",
        settled,
    )
    hop.close()
