"""Double opt-in's letters: written for every yes that waits, and what follows when their reader confirms."""

from itertools import groupby

from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from delivery.contents import ASKED_CONSENT
from delivery.models import Channel, Message, MessageEvent
from delivery.operations.enqueuing import enqueue
from delivery.operations.events import record_event
from members import operations as members
from members.confirmation import AskedConsent

LETTERS_AT_ONCE = 5_000


@transaction.atomic
def write_confirmations(*, at) -> int:
    """Put a letter into the outbox for every yes that waits for one; answers how many. Any number may do this at once."""
    taken = members.take_unwritten(at=at, limit=LETTERS_AT_ONCE)
    told = sorted((one.letter_asked_at, one.letters_asked, one.pk) for one in taken)
    for (moment, letter), several in groupby(told, key=lambda row: row[:2]):
        rows = AskedConsent.objects.filter(pk__in=[pk for *_when, pk in several]).annotate(
            content=Concat(Value(f"{ASKED_CONSENT}:"), Cast("pk", CharField()), output_field=CharField())
        )
        enqueue(
            messages=rows, cause=f"consent:{moment:%Y%m%dT%H%M%S%f}:{letter}", channel=Channel.EMAIL, at=at,
            purpose=Message.Purpose.TRANSACTIONAL,
        )  # fmt: skip
    return len(taken)


@transaction.atomic
def confirm(*, message: Message, asked_id: int, purposes, at, network_address: str = "") -> list[str]:
    """The reader of this letter says yes to these topics. Raises members.operations.CannotConfirm."""
    given = members.confirm_consent(asked_id=asked_id, purposes=purposes, at=at, address=network_address)
    record_event(message_id=message.pk, kind=MessageEvent.Kind.CLICKED, at=at, link="yes")
    return given
