"""A provider's news about one message: kept as it came, written down in our words, and acted upon once."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from delivery import bounces
from delivery.models import Channel, Message, MessageEvent, ProviderEvent, Suppression
from delivery.operations.events import record_event, suppress, withdraw
from members import normalise

SOFT_BOUNCES_MAX, SOFT_BOUNCE_DAYS = 5, 90
"""So many messages that one address did not take in so many days close it."""

_HARD_REASONS = frozenset({"invalid"})  # of the normalised vocabulary; "bounced" is decided by the server's own words


@dataclass(frozen=True, slots=True)
class Receipt:
    """One piece of a provider's news, in the normalised vocabulary of `anymail.signals`."""

    provider: str
    kind: str  # delivered, bounced, rejected, failed, deferred, complained, opened, clicked, unsubscribed, …
    at: datetime
    raw: str  # JSON, as the provider sent it
    event_id: str = ""
    message_id: int | None = None  # of our message, if it could be told
    recipient: str = ""
    reason: str = ""  # why it was not taken: invalid, bounced, blocked, spam, timed_out, unsubscribed, other
    words: str = ""  # what the receiving server said
    is_machine: bool = False


@transaction.atomic
def take_receipt(receipt: Receipt, *, at) -> bool:
    """Keep and follow one receipt; False when it is known already. It may come before its message is recorded as sent."""
    _kept, is_new = ProviderEvent.objects.get_or_create(
        provider=receipt.provider, key=_key(receipt),
        defaults={
            "kind": receipt.kind, "message_id": receipt.message_id, "at": receipt.at, "received_at": at, "raw": receipt.raw,
        },
    )  # fmt: skip
    if is_new and receipt.message_id is not None:
        _follow(receipt)
    return is_new


def _key(receipt: Receipt) -> bytes:
    told = receipt.event_id or f"{receipt.kind}\0{receipt.at.isoformat()}\0{receipt.recipient}\0{receipt.raw}"
    return hashlib.sha256(told.encode()).digest()


def _follow(receipt: Receipt) -> None:
    act = {
        "delivered": _delivered, "bounced": _bounced, "rejected": _bounced, "failed": _bounced,
        "complained": _complained, "opened": _opened, "clicked": _clicked, "unsubscribed": _unsubscribed,
    }.get(receipt.kind)  # fmt: skip
    if act is not None:  # queued, sent, deferred and the like are only kept
        act(receipt)


def _record(receipt: Receipt, kind: str) -> None:
    record_event(
        message_id=receipt.message_id, kind=kind, at=receipt.at, key=f"{receipt.provider}:{_key(receipt).hex()[:32]}",
        is_machine=receipt.is_machine, detail=f"{receipt.reason} {receipt.words}".strip(),
    )  # fmt: skip


def _delivered(receipt):
    _record(receipt, MessageEvent.Kind.DELIVERED)


def _opened(receipt):
    _record(receipt, MessageEvent.Kind.OPENED)


def _clicked(receipt):
    _record(receipt, MessageEvent.Kind.CLICKED)


def _unsubscribed(receipt):
    withdraw(
        message=Message.objects.get(pk=receipt.message_id), at=receipt.at, source=f"unsubscribed at {receipt.provider}"
    )


def _complained(receipt):
    _record(receipt, MessageEvent.Kind.COMPLAINED)
    _close(receipt, Suppression.Reason.COMPLAINT)


def _bounced(receipt):
    _record(receipt, MessageEvent.Kind.BOUNCED)
    if receipt.reason in _HARD_REASONS or bounces.is_hard(receipt.words):
        _close(receipt, Suppression.Reason.HARD_BOUNCE)
    elif _is_worn_out(receipt):
        _close(receipt, Suppression.Reason.SOFT_BOUNCES)


def _is_worn_out(receipt: Receipt) -> bool:
    """Whether nothing has reached this recipient for long: as many bounces as are too many, and no delivery since the first."""
    message = Message.objects.get(pk=receipt.message_id)
    news = MessageEvent.objects.filter(
        message__member_id=message.member_id, message__user_id=message.user_id, message__channel=Channel.EMAIL,
        at__gt=receipt.at - timedelta(days=SOFT_BOUNCE_DAYS),
    )  # fmt: skip
    last_delivery = news.filter(kind=MessageEvent.Kind.DELIVERED).order_by("-at").values_list("at", flat=True).first()
    bounced = news.filter(kind=MessageEvent.Kind.BOUNCED)
    if last_delivery is not None:
        bounced = bounced.filter(at__gt=last_delivery)
    return bounced.values("message").distinct().count() >= SOFT_BOUNCES_MAX


def _close(receipt: Receipt, reason: str) -> None:
    try:
        address = normalise.email(receipt.recipient)
    except ValueError:  # the provider did not say whom it was for
        return
    suppress(channel=Channel.EMAIL, address=address, reason=reason, at=receipt.at, message_id=receipt.message_id)
