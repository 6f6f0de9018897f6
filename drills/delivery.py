"""Workers killed again and again while they send: is anybody written to twice, is anybody forgotten?

Real SMTP to a recording server that is never killed, seven points of death. Once with the server's
acceptance log (exactly once), once without (at most once, the doubtful listed), and twice with a sweeper that is wrong on
purpose, which the same check must catch.
"""

import random

from delivery import operations, queries
from delivery.models import Message
from drills import _killing as killing
from drills._database import database

PEOPLE, KILLS, CHUNK, CLAIM = 3_000, 48, 20, 60
ELIGIBLE = PEOPLE * 9 // 10
SEED = 20_260_310


def run(report):
    with database("regulars_drill_delivery"):
        killing.people(PEOPLE)
        reference = killing.content()
        workers = killing.Workers()
        try:
            _with_evidence(report, workers, reference)
            _without_evidence(report, workers, reference)
            _mutants(report, workers, reference)
        finally:
            workers.close()


def _afresh(reference: str) -> killing.Hop:
    """The same messages to the same people, as if nothing had been sent."""
    Message.objects.all().delete()
    killing.write_messages(reference)
    return killing.Hop()


def _kill_repeatedly(workers, hop, clean_up, *, kills: int, seed: int) -> int:
    """Worker after worker, each killed at a point drawn by chance, with the sweeper between them."""
    chance, killed = random.Random(seed), 0
    for _ in range(kills * 3):
        if killed >= kills or not Message.objects.filter(state="pending").exists():
            break
        point = chance.choice(killing.POINTS)
        most = CHUNK * 2 if point in killing.BY_THE_HOP else 2
        killed += killing.kill_one(workers, hop, point=point, after=chance.randint(1, most), limit=CLAIM, chunk=CHUNK)
        clean_up()
        if chance.random() < 0.2:  # a marketer who cannot decide
            operations.pause(cause=killing.CAUSE, at=killing.AT)
            assert not operations.deliver_chunk(worker="idle", at=killing.AT).claimed
            operations.resume(cause=killing.CAUSE)
    return killed


def _finish(workers, hop):
    both = [workers.start(hop, limit=CLAIM, chunk=CHUNK) for _ in range(2)]
    for pid in both:
        assert workers.wait(pid) == 0


def _with_evidence(report, workers, reference):
    hop = _afresh(reference)
    kills = _kill_repeatedly(workers, hop, lambda: killing.sweep(hop, has_evidence=True), kills=KILLS, seed=SEED)
    _finish(workers, hop)
    counts, ledger = queries.counts(killing.CAUSE), killing.ledger()
    report("evidence: kills", kills, ">= 40", kills >= 40)
    report("evidence: got none", ELIGIBLE - len(hop.copies), 0, len(hop.copies) == ELIGIBLE, f"of {ELIGIBLE}")
    twice = sum(1 for copies in hop.copies.values() if copies > 1)
    report("evidence: got two or more", twice, 0, twice == 0)
    uninvited = counts.get("skipped(no_consent)", 0)
    report("evidence: not asked for and not sent", uninvited, PEOPLE - ELIGIBLE, uninvited == PEOPLE - ELIGIBLE)
    difference = len(ledger.get("sent", set()) ^ set(hop.copies))
    report("evidence: outbox and server differ in", difference, 0, difference == 0)
    hop.close()


def _without_evidence(report, workers, reference):
    hop = _afresh(reference)
    kills = _kill_repeatedly(
        workers, hop, lambda: killing.sweep(hop, has_evidence=False), kills=KILLS // 2, seed=SEED + 1
    )
    _finish(workers, hop)
    ledger = killing.ledger()
    in_doubt, sent, got = ledger.get("in_doubt", set()), ledger.get("sent", set()), set(hop.copies)
    twice = sum(1 for copies in hop.copies.values() if copies > 1)
    report("opaque: kills", kills, ">= 20", kills >= 20)
    report("opaque: got two or more", twice, 0, twice == 0)
    report("opaque: in doubt", len(in_doubt), f"<= {CHUNK * kills}", len(in_doubt) <= CHUNK * kills)
    unlisted = ELIGIBLE - len(sent | in_doubt)
    report("opaque: neither sent nor listed", unlisted, 0, unlisted == 0)
    wrong = len(sent - got) + len(got - sent - in_doubt)
    report("opaque: said sent and was not, or the reverse", wrong, 0, wrong == 0)
    hop.close()


def _mutants(report, workers, reference):
    hop = _afresh(reference)
    _kill_repeatedly(workers, hop, killing.reclaim_after_timeout, kills=8, seed=SEED + 2)
    _finish(workers, hop)
    twice = sum(1 for copies in hop.copies.values() if copies > 1)
    report("wrong on purpose, reclaim after timeout: got two", twice, "> 0", twice > 0, "the drill bites")
    hop.close()
    hop = _afresh(reference)
    _kill_repeatedly(workers, hop, killing.believe_at_fetch, kills=8, seed=SEED + 3)
    _finish(workers, hop)
    lost = ELIGIBLE - len(hop.copies)
    report("wrong on purpose, cursor at fetch: got none", lost, "> 0", lost > 0, "the drill bites")
    hop.close()
