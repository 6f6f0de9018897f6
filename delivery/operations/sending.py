"""Sending: claim hundreds, commit by chunks before the first byte, write down what became of each."""

import contextlib
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from django.db import InterfaceError, OperationalError, connection, transaction

from delivery import bounces, composing, outbox, statements
from delivery.channels import Outgoing, route
from delivery.models import MessageEvent, Suppression
from delivery.operations.events import tell
from delivery.outbox import Claimed, Ready, Recorded, Verdict
from delivery.retrying import wait_after
from delivery.transports import Fared, Ways

SLOW_S = 5  # a hop that takes longer for one message is slow
CHUNK_OPAQUE, CHUNK_SETTLED = 100, 500
"""Messages that are committed to at once: so many are in doubt when a worker is killed. Where the next hop can be asked, or takes a
key, doubt settles itself; where it cannot, a person may have to decide about each."""
OBJECTS_OF_A_CLAIM = 100_000  # more than a claim of 500 makes, its values and pieces of mails included
_STATES = {"accepted": "sent", "refused": "failed", "unknown": "in_doubt"}


class WorkerNameTaken(RuntimeError):
    """Another connection works under this name. Give every run a name of its own."""


@dataclass(slots=True)
class Delivered:
    """What one call did. `claimed` 0 means that nothing was due."""

    claimed: int = 0
    sent: int = 0
    failed: int = 0
    deferred: int = 0
    in_doubt: int = 0
    skipped: int = 0
    held: int = 0  # paused, moved out of the member's quiet hours, or more than the next hop may be given now
    is_hop_down: bool = False  # everything of a chunk was put off: come back later


def deliver_chunk(
    *, worker: str, at, limit: int = outbox.CLAIM_SIZE, chunk: int | None = None, lease: timedelta = outbox.LEASE,
) -> Delivered:  # fmt: skip
    """Claim up to `limit` due messages and send them, `chunk` at a time; None: as many as the hop's promise allows.

    `at` is the business time now; `worker` a name no other run has. Any number of workers may do this at once, and any of
    them may be killed at any moment.
    """
    run = _Run(worker, at, lease, Delivered())
    if not outbox.enter(worker):
        raise WorkerNameTaken(worker)
    try:
        with _collecting_garbage_rarely():
            run.work(limit=limit, chunk=chunk)
    finally:
        _with_a_connection(lambda: outbox.leave(worker))
    return run.done


@contextlib.contextmanager
def _collecting_garbage_rarely():
    """What a claim makes is let go of as it is sent, and holds nothing that only the collector would find."""
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_OF_A_CLAIM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Run:
    """One worker's way through what it claimed."""

    def __init__(self, worker: str, at, lease: timedelta, done: Delivered):
        self.worker, self.lease, self.done = worker, lease, done
        self._at, self._begun = at, time.monotonic()
        self.deadline = self._begun

    @property
    def at(self):
        """The business time now: it goes on while a long claim is sent."""
        return self._at + timedelta(seconds=time.monotonic() - self._begun)

    def work(self, *, limit: int, chunk: int | None):
        """Claim once, and send what was claimed, channel after channel."""
        claimed = outbox.claim(worker=self.worker, at=self._at, limit=limit, lease=self.lease)
        self.done.claimed = len(claimed)
        for channel, several in groupby(claimed, key=lambda one: one.channel):
            if self.is_stopped:
                break
            self.send_all(list(several), channel=channel, chunk=chunk)
        if self.is_stopped:
            outbox.release([one.id for one in claimed], worker=self.worker)

    def send_all(self, claimed: Sequence[Claimed], *, channel: str, chunk: int | None):
        """Chunk by chunk: compose, ask everything again and commit, hand over. What became of a chunk is written in the
        transaction that commits to the next: one wait for the disk instead of two.
        """
        composer, ways, last = composing.Composer(claimed, channel=channel), Ways(channel), _NOTHING
        size = chunk or _chunk_of(ways)
        for start in range(0, len(claimed), size):
            composed = composer.compose(claimed[start : start + size], at=self.at)
            self._fail(composed.failed)
            going = self._commit(composed, ways, last)
            last = self._hand_over(composed, going, ways) if going else _NOTHING
            if last.is_hop_down:
                self.done.is_hop_down = True
                break
        self._count(_with_a_connection(lambda: self._write(last)))

    @property
    def is_stopped(self) -> bool:
        return self.done.is_hop_down

    def _fail(self, failures: dict[int, str]):
        if failures:
            with transaction.atomic():
                failed = outbox.fail_unsent(failures, worker=self.worker)
                tell(failed, "failed")
            self.done.failed += len(failed)

    def _commit(self, composed: composing.Composed, ways: Ways, last: "_HandedOver") -> dict[str, dict[int, Verdict]]:
        """Write what became of the last chunk and commit to this one; answers what may go, by transport and id."""
        at = self.at
        try:
            with transaction.atomic(durable=True):  # committed, not merely written, before the first byte leaves
                states = self._write(last)
                ready = ways.allot(composed.ready, domains=composed.domains, at=at)
                verdicts = outbox.attempt(ready, worker=self.worker, channel=ways.channel, at=at, lease=self.lease)
        except Exception:
            self._count(_with_a_connection(lambda: self._write(last)))  # what has left must be known, whatever fails
            raise
        self._count(states)
        self.deadline = time.monotonic() + self.lease.total_seconds()
        self.done.held += sum(verdict.verdict in statements.WAITING for verdict in verdicts)
        self.done.skipped += sum(verdict.verdict not in ("go", *statements.WAITING) for verdict in verdicts)
        return _by_transport(ready, verdicts)

    def _hand_over(
        self, composed: composing.Composed, going: dict[str, dict[int, Verdict]], ways: Ways
    ) -> "_HandedOver":
        """Transport after transport. Where one is down, the next chunk takes another, if there is one."""
        handed, is_any_up = _HandedOver(ways.channel, ways, [], set(), {}, []), False
        for transport, verdicts in going.items():
            ids = sorted(verdicts)
            batch = [composed.outgoing[one] for one in ids]
            answers = _Answers(ways, transport, batch, self.deadline)
            heard = [answers.of(item.message_id) for item in batch]
            rows = [self._row(verdicts[one], *said) for one, said in zip(ids, heard, strict=True)]
            handed.refused.update(
                one for one, (outcome, _words) in zip(ids, heard, strict=True) if outcome == "refused"
            )
            handed.rows.extend(rows)
            is_down = len(rows) > 1 and all(row.state == "pending" for row in rows)
            handed.fared.append(Fared(transport, len(rows), answers.slow, len(rows) if is_down else 0))
            is_any_up |= not is_down or ways.demote(transport, at=self.at, because=rows[0].detail)
        if handed.refused:
            handed.hashes.update({one.id: one.address_hash for one in composed.ready})
        handed.is_hop_down = not is_any_up
        return handed

    def _write(self, last: "_HandedOver") -> list[str]:
        """The states that the messages of a chunk are in now, one for each that was ours to write."""
        if not last.rows:
            return []
        at = self.at
        with transaction.atomic():
            states = outbox.record(last.rows, worker=self.worker, at=at, grace=outbox.EVIDENCE_GRACE)
            for fared in last.fared:
                last.ways.tally(fared, at=at)
            refused = [row for row in last.rows if row.id in last.refused and states.get(row.id) == "failed"]
            if refused:
                _write_bounces(refused, channel=last.channel, hashes=last.hashes, at=at)
            for state in ("sent", "failed"):
                tell(sorted(one for one, now in states.items() if now == state), state)
        return list(states.values())

    def _count(self, states: list[str]):
        self.done.sent += states.count("sent")
        self.done.failed += states.count("failed")
        self.done.in_doubt += states.count("in_doubt")
        self.done.deferred += states.count("pending")

    def _row(self, verdict: Verdict, outcome: str, detail: str) -> Recorded:
        if outcome != "deferred":
            return Recorded(verdict.id, verdict.attempt, _STATES.get(outcome, "in_doubt"), detail, None)
        wait = wait_after(verdict.attempt)
        if wait is None:
            return Recorded(
                verdict.id, verdict.attempt, "failed", f"given up after {verdict.attempt} tries: {detail}", None
            )
        return Recorded(verdict.id, verdict.attempt, "pending", detail, self.at + wait)


def _chunk_of(ways: Ways) -> int:
    """How many messages to commit to at once: by the weakest promise of the ways that may be taken."""
    try:
        is_opaque = any(route(ways.channel, way).guarantee == "at_most_once" for way in ways.names)
    except Exception:  # noqa: BLE001 (what is wrong with a way is said where it is used)
        is_opaque = True
    return CHUNK_OPAQUE if is_opaque else CHUNK_SETTLED


@dataclass(slots=True)
class _HandedOver:
    """A chunk that the next hop has answered, and that is not written down yet."""

    channel: str
    ways: Ways | None
    rows: list[Recorded]
    refused: set[int]
    hashes: dict[int, bytes | None]  # of the addresses, if any was refused
    fared: list[Fared]
    is_hop_down: bool = False  # everything was put off and there is no other way: nobody else's tries need be used up


_NOTHING = _HandedOver("", None, [], set(), {}, [])


def _by_transport(ready: list[Ready], verdicts: list[Verdict]) -> dict[str, dict[int, Verdict]]:
    going = {verdict.id: verdict for verdict in verdicts if verdict.verdict == "go"}
    found: dict[str, dict[int, Verdict]] = {}
    for one in ready:
        if one.id in going:
            found.setdefault(one.transport, {})[one.id] = going[one.id]
    return found


class _Answers:
    """What one transport answered for each message, and how many it was slow to take."""

    def __init__(self, ways: Ways, transport: str, batch: list[Outgoing], deadline: float):
        self.slow = 0
        self._results: dict[str, tuple[str, str]] = {}
        if time.monotonic() >= deadline:  # this process slept past its lease: nothing has left, and nothing shall
            self._otherwise = ("deferred", "the worker was suspended")
            return
        self._otherwise = ("unknown", "the channel gave no answer")
        try:
            self._listen(route(ways.channel, transport).channel.send(batch))
        except Exception as error:  # noqa: BLE001 (a channel's fault leaves doubt about the rest, and never stops the outbox)
            self._otherwise = ("unknown", f"{type(error).__name__}: {error}")

    def _listen(self, results) -> None:
        last = time.monotonic()
        for result in results:
            self._results[result.message_id] = (result.outcome, result.detail)
            now = time.monotonic()
            self.slow += now - last > SLOW_S
            last = now

    def of(self, message_id: str) -> tuple[str, str]:
        return self._results.get(message_id, self._otherwise)


def _write_bounces(refused: list[Recorded], *, channel: str, hashes: dict, at):
    """A refusal is a bounce of the message; one that names the address closes it for good."""
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(message_id=row.id, kind=MessageEvent.Kind.BOUNCED, at=at, detail=row.detail[:300])
            for row in refused
        ],
        ignore_conflicts=True,
    )
    Suppression.objects.bulk_create(
        [
            Suppression(
                channel=channel,
                address_hash=hashes[row.id],
                reason=Suppression.Reason.HARD_BOUNCE,
                at=at,
                message_id=row.id,
            )
            for row in refused
            if hashes[row.id] and bounces.is_hard(row.detail)
        ],
        ignore_conflicts=True,
    )


def _with_a_connection(act: Callable, patience_s: Sequence[float] = (0.2, 1, 3, 10)):
    """Do something that must be written although the database may just be restarting. Results are known only here."""
    for pause in patience_s:
        try:
            return act()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close()
            time.sleep(pause)
    return act()
