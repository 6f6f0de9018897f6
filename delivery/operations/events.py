"""News of messages: recorded once, told upward after commit."""

from django.db import transaction

from delivery import outbox, queries
from delivery.account_letters import RECEIPT
from delivery.models import BY_CONSENT, Message, MessageEvent, Suppression
from delivery.signals import message_evidence
from members.crypto import keyed_hash
from members.operations import give_consent
from members.queries import consent_now, waiting_consent

# An event that proves the next hop took the message settles a doubt.
_PROOF = (
    MessageEvent.Kind.DELIVERED, MessageEvent.Kind.OPENED, MessageEvent.Kind.CLICKED, MessageEvent.Kind.UNSUBSCRIBED,
    MessageEvent.Kind.COMPLAINED,
)  # fmt: skip

_TAKEN = (Message.State.ATTEMPTING, Message.State.SENT, Message.State.IN_DOUBT)


@transaction.atomic
def record_event(
    *, message_id: int, kind: str, at, key: str = "", link="", is_machine=False, detail="", network: bytes | None = None
) -> bool:
    """Write down something heard of a message; False when it was known already.

    `key` tells two events of one kind apart (a provider's event id). A bounce fails the message.
    """
    event = MessageEvent(
        message_id=message_id, kind=kind, key=key or _key(link, is_machine), at=at, link=link,
        is_machine=is_machine, detail=detail[:300], network=network,
    )  # fmt: skip
    before = MessageEvent.objects.filter(message_id=message_id, kind=kind, key=event.key).exists()
    if before:
        return False
    MessageEvent.objects.bulk_create([event], ignore_conflicts=True)
    if kind in _PROOF:
        Message.objects.filter(pk=message_id, state=Message.State.IN_DOUBT).update(
            state=Message.State.SENT, sent_at=at, lease_until=None
        )
    elif kind == MessageEvent.Kind.BOUNCED:
        # Also while it is being sent: a receipt may overtake the record of its own message.
        Message.objects.filter(pk=message_id, state__in=_TAKEN).update(
            state=Message.State.FAILED, detail=detail[:300], lease_until=None
        )
    if not is_machine:
        tell([message_id], kind)
    return True


def _key(link: str, is_machine: bool) -> str:
    """A machine's visit does not hide the person's: each is told once per link."""
    return f"{link}:machine" if is_machine else link


def tell(message_ids: list[int], kind: str) -> None:
    """Announce news upward once this transaction is committed."""
    if message_ids:
        transaction.on_commit(lambda: message_evidence.send(Message, message_ids=message_ids, kind=kind), robust=True)


@transaction.atomic
def suppress(*, channel: str, address: str, reason: str, at, message_id: int | None = None) -> None:
    """Never write to this address again. `address` is normalised by the caller and is stored as a keyed hash only."""
    Suppression.objects.bulk_create(
        [
            Suppression(
                channel=channel,
                address_hash=keyed_hash(address, kind=channel),
                reason=reason,
                at=at,
                message_id=message_id,
            )
        ],
        ignore_conflicts=True,
    )


def lift_suppression(*, channel: str, address: str) -> bool:
    """Write to this address again, because somebody knows that it works; False when it was not closed."""
    closed = Suppression.objects.filter(channel=channel, address_hash=keyed_hash(address, kind=channel))
    return bool(closed.delete()[0])


@transaction.atomic
def unsubscribe(*, token: str, at, network_address: str = "") -> Message:
    """Withdraw the recipient's consent to what this message was about, by its channel. Works any number of times.

    Raises `tokens.BadToken`.
    """
    message = queries.message_of(token)
    withdraw(message=message, at=at, source="unsubscribe link", network_address=network_address)
    return message


def withdraw(*, message: Message, at, source: str, network_address: str = "") -> None:
    """Take back the recipient's consent to what this message was about, by its channel, and note it with the message."""
    if message.member is not None:
        channel, purpose = asked_by(message)
        give_consent(
            member=message.member, channel=channel, purpose=purpose, is_granted=False, at=at, source=source,
            address=network_address,
        )  # fmt: skip
    record_event(message_id=message.pk, kind=MessageEvent.Kind.UNSUBSCRIBED, at=at)


def asked_by(message: Message) -> tuple[str, str]:
    """The channel and topic of consent that let this message go. Who has enough of codes means the offers."""
    purpose = message.purpose if message.purpose in BY_CONSENT else "marketing"
    if message.content.startswith(f"{RECEIPT}:"):
        purpose = "receipts"
    return outbox.consent_channel(message.channel), purpose


@transaction.atomic
def set_preferences(*, message: Message, asked, wanted: set[tuple[str, str]], at, network_address: str = "") -> None:
    """What the recipient of a message said in their preference centre: yes to these (channel, topic), no to the others asked about.

    Only what differs from their last word is written down.
    """
    before = consent_now(message.member_id, at=at)
    waiting = waiting_consent(message.member_id, at=at)
    before |= {("email", purpose): True for purpose in waiting.purposes} if waiting else {}
    for channel, purpose in asked:
        is_granted = (channel, purpose) in wanted
        if before.get((channel, purpose), False) == is_granted:
            continue
        give_consent(
            member=message.member, channel=channel, purpose=purpose, is_granted=is_granted, at=at,
            source="preference centre", address=network_address,
        )  # fmt: skip
        if not is_granted and (channel, purpose) == asked_by(message):
            record_event(message_id=message.pk, kind=MessageEvent.Kind.UNSUBSCRIBED, at=at)
