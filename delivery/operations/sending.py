"""Sending: claim hundreds, commit by chunks before the first byte, write down what became of each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from django.db import InterfaceError, OperationalError, connection, transaction

from delivery import bounces, composing, outbox
from delivery.channels import Outgoing, route
from delivery.models import MessageEvent, Suppression
from delivery.operations.events import tell
from delivery.outbox import Claimed, Ready, Recorded, Verdict
from delivery.retrying import wait_after

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
    held: int = 0  # paused, or moved out of the member's quiet hours
    is_hop_down: bool = False  # everything of a chunk was put off: come back later


def deliver_chunk(
    *, worker: str, at, limit: int = outbox.CLAIM_SIZE, chunk: int = outbox.CHUNK_SIZE, lease: timedelta = outbox.LEASE,
) -> Delivered:  # fmt: skip
    """Claim up to `limit` due messages and send them, `chunk` at a time.

    `at` is the business time now; `worker` a name no other run has. Any number of workers may do this at once, and any of
    them may be killed at any moment.
    """
    run = _Run(worker, at, lease, Delivered())
    if not outbox.enter(worker):
        raise WorkerNameTaken(worker)
    try:
        claimed = outbox.claim(worker=worker, at=at, limit=limit, lease=lease)
        run.done.claimed = len(claimed)
        for channel, several in groupby(claimed, key=lambda one: one.channel):
            if run.is_stopped:
                break
            run.send_all(list(several), channel=channel, chunk=chunk)
        if run.is_stopped:
            outbox.release([one.id for one in claimed], worker=worker)
    finally:
        _with_a_connection(lambda: outbox.leave(worker))
    return run.done


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

    def send_all(self, claimed: Sequence[Claimed], *, channel: str, chunk: int):
        """Chunk by chunk: compose, ask everything again and commit, hand over. What became of a chunk is written in the
        transaction that commits to the next: one wait for the disk instead of two.
        """
        composer, last = composing.Composer(claimed, channel=channel), _NOTHING
        for start in range(0, len(claimed), chunk):
            composed = composer.compose(claimed[start : start + chunk], at=self.at)
            self._fail(composed.failed)
            going = self._commit(composed.ready, channel, last)
            last = self._hand_over(composed, going, channel) if going else _NOTHING
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

    def _commit(self, ready: list[Ready], channel: str, last: "_HandedOver") -> dict[int, Verdict]:
        """Write what became of the last chunk and commit to this one; answers what may go, by id."""
        try:
            with transaction.atomic(durable=True):  # committed, not merely written, before the first byte leaves
                states = self._write(last)
                verdicts = outbox.attempt(ready, worker=self.worker, channel=channel, at=self.at, lease=self.lease)
        except Exception:
            self._count(_with_a_connection(lambda: self._write(last)))  # what has left must be known, whatever fails
            raise
        self._count(states)
        self.deadline = time.monotonic() + self.lease.total_seconds()
        self.done.held += sum(verdict.verdict in ("paused", "quiet") for verdict in verdicts)
        self.done.skipped += sum(verdict.verdict not in ("go", "paused", "quiet") for verdict in verdicts)
        return {verdict.id: verdict for verdict in verdicts if verdict.verdict == "go"}

    def _hand_over(self, composed: composing.Composed, going: dict[int, Verdict], channel: str) -> "_HandedOver":
        ids = sorted(going)
        batch = [composed.outgoing[one] for one in ids]
        results = _answers(channel, batch, self.deadline)
        rows = [self._row(going[one], *results[outgoing.message_id]) for one, outgoing in zip(ids, batch, strict=True)]
        refused = {
            one for one, outgoing in zip(ids, batch, strict=True) if results[outgoing.message_id][0] == "refused"
        }
        hashes = {one.id: one.address_hash for one in composed.ready} if refused else {}
        return _HandedOver(channel, rows, refused, hashes)

    def _write(self, last: "_HandedOver") -> list[str]:
        """The states that the messages of a chunk are in now, one for each that was ours to write."""
        if not last.rows:
            return []
        at = self.at
        with transaction.atomic():
            states = outbox.record(last.rows, worker=self.worker, at=at, grace=outbox.EVIDENCE_GRACE)
            refused = [row for row in last.rows if row.id in last.refused and states.get(row.id) == "failed"]
            if refused:
                _write_bounces(refused, channel=last.channel, hashes=last.hashes, at=at)
            for state in ("sent", "failed"):
                tell([one for one, now in states.items() if now == state], state)
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


@dataclass(frozen=True, slots=True)
class _HandedOver:
    """A chunk that the channel has answered, and that is not written down yet."""

    channel: str
    rows: list[Recorded]
    refused: set[int]
    hashes: dict[int, bytes | None]  # of the addresses, if any was refused

    @property
    def is_hop_down(self) -> bool:
        """Everything of a chunk was put off: nobody else's tries need be used up."""
        return len(self.rows) > 1 and all(row.state == "pending" for row in self.rows)


_NOTHING = _HandedOver("", [], set(), {})


def _answers(channel: str, batch: list[Outgoing], deadline: float) -> dict[str, tuple[str, str]]:
    """Message-ID → (outcome, detail), for all the channel answered before it was done or broke."""
    results: dict[str, tuple[str, str]] = {}
    if time.monotonic() >= deadline:  # this process slept past its lease: nothing has left, and nothing shall
        return {one.message_id: ("deferred", "the worker was suspended") for one in batch}
    broken = ""
    try:
        for result in route(channel).channel.send(batch):
            results[result.message_id] = (result.outcome, result.detail)
    except Exception as error:  # noqa: BLE001 (a channel's fault leaves doubt about the rest, and never stops the outbox)
        broken = f"{type(error).__name__}: {error}"
    for one in batch:
        results.setdefault(one.message_id, ("unknown", broken or "the channel gave no answer"))
    return results


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
