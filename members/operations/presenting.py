"""The changing code of a card: shown by the phone, taken by the till, once. Always real time, as signing in is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from members import card_tokens, normalise
from members.crypto import keyed_hash
from members.models import Member, SpentCardToken

FORGOTTEN_AFTER = timedelta(hours=1)


class BadCardToken(Exception):
    """The code opens nothing; the text says what to do."""


@dataclass(frozen=True)
class CardToken:
    """A code to show, and until when a till takes it. Show another one after `card_tokens.SHOWN_FOR`."""

    text: str
    expires_at: datetime


def card_token(*, member_id: int, at: datetime | None = None) -> CardToken:
    """A new code of this member's card. Nothing is written: only using one is."""
    at = at or timezone.now()
    return CardToken(card_tokens.new_token(member_id, at=at), at + card_tokens.LIFETIME)


@transaction.atomic
def accept_card_token(*, token: str, at: datetime | None = None) -> Member:
    """Whose phone is here. The code is spent by it. Raises BadCardToken: too old, used before, not ours."""
    at, digits = at or timezone.now(), normalise.digits(token)
    told = card_tokens.read(digits)
    if told is None:
        raise BadCardToken(_("This code is not one of ours. Ask the member to open their card, and scan it again."))
    if not told.is_fresh(at):
        raise BadCardToken(_("This code is too old. The next one appears on the phone in a moment: scan that."))
    SpentCardToken.objects.filter(spent_at__lt=at - FORGOTTEN_AFTER).delete()
    _spent, is_new = SpentCardToken.objects.get_or_create(
        token_hash=keyed_hash(digits, kind="card_token"), defaults={"spent_at": at}
    )
    if not is_new:
        raise BadCardToken(_("This code was scanned before. The next one appears on the phone in a moment: scan that."))
    member = Member.objects.active().filter(pk=told.member_id).first()
    if member is None:
        raise BadCardToken(_("This card belongs to nobody any more. Find the member by phone, or enrol them."))
    return member
