"""Finding what was left lying: claims of the slow and the dead, attempts nobody finished, doubts that evidence can settle."""

import logging
from dataclasses import dataclass

from django.db import transaction

from delivery import contents, outbox
from delivery.channels import Route, route
from delivery.evidence import LogUnreadable
from delivery.models import Channel, Message
from delivery.operations.events import tell

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    released: int  # claims given back: nothing of them was sent
    doubted: int  # attempts of dead workers, in doubt from now on
    settled: int  # doubts that evidence settled
    is_work_due: bool


def sweep(*, at, grace=outbox.EVIDENCE_GRACE, is_thorough=False) -> Swept:
    """Put right what dead or slow workers left. Safe to run at any time, any number of times.

    `is_thorough`: look through all open messages for rows that nobody knows of, instead of trusting the workers' notes.
    """
    if is_thorough:
        with transaction.atomic():
            outbox.adopt_forgotten()
    with transaction.atomic():
        released = outbox.release_expired()
    with transaction.atomic():
        dead = outbox.dead_workers()
        doubted = outbox.doubt_attempts_of(dead, detail="the worker died while sending", grace=grace) if dead else 0
    try:
        settled = settle(at=at)
    except LogUnreadable as error:  # doubts stay doubts; everybody else's messages go on
        logger.error("%s", error)  # noqa: TRY400 (its words say what to do; a traceback adds nothing)
        settled = 0
    with transaction.atomic():
        outbox.forget_claims()
    due = Message.objects.filter(stage=0, state=Message.State.PENDING, due_at__lte=at).exists()
    return Swept(released, doubted, settled, due)


def settle(*, at) -> int:
    """Decide doubts on channels whose next hop can tell: what it took is sent, what it did not take goes out again.

    Opaque channels are left alone: their doubts are listed until an event or a person decides.
    """
    return sum(
        _settle(channel, way, at) for channel in Channel.values if (way := route(channel)).guarantee != "at_most_once"
    )


@transaction.atomic
def _settle(channel: str, way: Route, at) -> int:
    ids = outbox.settleable(channel, dead=outbox.dead_workers())
    if not ids:
        return 0
    names = {contents.internet_message_id(one): one for one in ids}
    # An idempotent hop is its own evidence: the same key again does nothing twice.
    taken = {names[name] for name in way.evidence.accepted(list(names))} if way.evidence else set()
    rows = Message.objects.filter(pk__in=ids)
    rows.filter(pk__in=taken).update(
        state=Message.State.SENT, sent_at=at, lease_until=None, detail="settled: the next hop had taken it"
    )
    rows.exclude(pk__in=taken).update(
        state=Message.State.PENDING, claimed_by="", lease_until=None, detail="settled: the next hop had not taken it"
    )
    tell(sorted(taken), "sent")
    return len(ids)


@transaction.atomic
def resolve_doubt(*, message_ids: list[int], was_sent: bool, at) -> int:
    """A person's decision on messages in doubt: it arrived, or send it once more. Answers how many were in doubt."""
    rows = Message.objects.filter(pk__in=message_ids, state=Message.State.IN_DOUBT)
    if was_sent:
        return rows.update(state=Message.State.SENT, sent_at=at, lease_until=None, detail="decided by staff")
    return rows.update(
        state=Message.State.PENDING, claimed_by="", lease_until=None, due_at=at, detail="sent again by staff"
    )


@transaction.atomic
def forget_member(*, member_id: int) -> None:
    """An erased member is sent nothing more, and what was to be said to them is forgotten. Counts stay true."""
    theirs = Message.objects.filter(member_id=member_id)
    theirs.filter(state__in=[Message.State.PENDING, Message.State.CLAIMED]).update(
        state=Message.State.SKIPPED, skip_reason=Message.Skip.ERASED, claimed_by="", lease_until=None
    )
    theirs.update(values={})
