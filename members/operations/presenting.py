"""A card before a scanner: the printed number, or the changing code of a phone, which counts once."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from members import card_tokens, normalise
from members.crypto import keyed_hash
from members.models import Member, SpentCardToken
from members.queries import by_identifier

FORGOTTEN_AFTER = timedelta(hours=1)


class CardRefused(Exception):
    """What was scanned opens nothing; the text says what to do."""


@dataclass(frozen=True)
class Presented:
    """Whose card it is. `is_live`: the phone was here a moment ago, so that its bearer may be asked to spend."""

    member: Member
    is_live: bool


def present_card(*, text: str, at=None) -> Presented:
    """Take a scanned card number or changing code. A code is spent by it: the same one again is refused.

    Always real time, as signing in is. Raises CardRefused.
    """
    digits = normalise.digits(text)
    if card_tokens.is_token(digits):
        return Presented(_bearer(digits, at or timezone.now()), is_live=True)
    member = by_identifier("card", digits)
    if member is None:
        raise CardRefused(_("Nobody has this card. Scan it again, or find the member by phone."))
    return Presented(member, is_live=False)


@transaction.atomic
def _bearer(token: str, at) -> Member:
    told = card_tokens.read(token)
    if told is None or not told.is_fresh(at):
        raise CardRefused(_("This code is too old. The next one appears on the phone in a moment: scan that."))
    SpentCardToken.objects.filter(spent_at__lt=at - FORGOTTEN_AFTER).delete()
    _spent, is_new = SpentCardToken.objects.get_or_create(
        token_hash=keyed_hash(token, kind="card_token"), defaults={"spent_at": at}
    )
    if not is_new:
        raise CardRefused(_("This code was scanned before. The next one appears on the phone in a moment: scan that."))
    member = Member.objects.active().filter(pk=told.member_id).first()
    if member is None:
        raise CardRefused(_("Nobody has this card. Scan it again, or find the member by phone."))
    return member
