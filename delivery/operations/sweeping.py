"""Finding what was left lying: claims of the slow and the dead, attempts nobody finished, doubts that evidence can settle."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from delivery import contents, outbox, queries
from delivery.channels import Route, Way, all_ways, route
from delivery.evidence import LogUnreadable
from delivery.models import BY_CONSENT, GOES_FIRST, ChannelPolicy, Message, ProviderEvent
from delivery.operations.confirming import write_confirmations
from delivery.operations.events import tell

TRIES_IN_DOUBT_MAX = 4  # a message that was in doubt as often waits for a person

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
    write_confirmations(at=at)
    return Swept(released, doubted, settled, queries.is_work_due(at=at))


def settle(*, at) -> int:
    """Decide doubts on channels whose next hop can tell: what it took is sent, what it did not take goes out again.

    An opaque hop cannot tell. There, what must arrive at least once (codes, receipts, notices) goes out again; offers wait
    for an event, a person, or the channel's policy.
    """
    settled = 0
    for way in all_ways():
        found = route(*way[:2])
        if found.guarantee != "at_most_once":
            settled += _settle(way, found, at)
        else:
            settled += sum(
                _send_again(way, purpose, at, detail="sent again: it must arrive at least once")
                for purpose in GOES_FIRST
            )
            settled += _apply_policy(way, at)
    return settled


@transaction.atomic
def _send_again(way: Way, purpose: str, at, *, detail: str, attempted_by=None) -> int:
    ids = outbox.settleable(way, dead=outbox.dead_workers(), purpose=purpose, attempted_by=attempted_by)
    return Message.objects.filter(pk__in=ids, attempts__lt=TRIES_IN_DOUBT_MAX).update(
        state=Message.State.PENDING, claimed_by="", lease_until=None, due_at=at, detail=detail
    )


@transaction.atomic
def _count_as_sent(way: Way, purpose: str, at, *, detail: str, attempted_by=None) -> int:
    ids = outbox.settleable(way, dead=outbox.dead_workers(), purpose=purpose, attempted_by=attempted_by)
    Message.objects.filter(pk__in=ids).update(
        state=Message.State.SENT, sent_at=F("attempted_at"), lease_until=None, detail=detail
    )
    tell(ids, "sent")
    return len(ids)


def _apply_policy(way: Way, at) -> int:
    """What the operator said should become of offers in doubt, once evidence has had its days."""
    policy = queries.policies().get(way.channel)
    act = {
        ChannelPolicy.AfterDoubt.SENT: _count_as_sent,
        ChannelPolicy.AfterDoubt.AGAIN: _send_again,
    }.get(policy.after_doubt if policy else "")
    if act is None:
        return 0
    until = at - timedelta(days=policy.doubt_days)
    return sum(
        act(way, purpose, at, detail="decided by the channel's policy", attempted_by=until)
        for purpose in BY_CONSENT
        if purpose not in GOES_FIRST
    )


@transaction.atomic
def _settle(way: Way, hop: Route, at) -> int:
    ids = outbox.settleable(way, dead=outbox.dead_workers())
    if not ids:
        return 0
    names = {contents.internet_message_id(one): one for one in ids}
    # An idempotent hop is its own evidence: the same key again does nothing twice.
    taken = {names[name] for name in hop.evidence.accepted(list(names))} if hop.evidence else set()
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
    rows = Message.objects.filter(pk__in=message_ids, stage=1)
    if was_sent:
        settled = list(rows.select_for_update().values_list("pk", flat=True))
        rows.update(state=Message.State.SENT, sent_at=at, lease_until=None, detail="decided by staff")
        tell(settled, "sent")
        return len(settled)
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
    ProviderEvent.objects.filter(message__in=theirs).update(raw=None)
