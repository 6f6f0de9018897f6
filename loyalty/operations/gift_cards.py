"""Gift cards: money on a code, in a wallet of its own."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.utils.translation import gettext as _

from loyalty import fraud
from loyalty.models import GiftCard
from loyalty.operations.acting import ask, day_of, digest
from loyalty.operations.errors import KeyReused, LedgerRefusal
from loyalty.operations.rewards import sealed
from loyalty.spending import codes
from sales import catalogue


class CannotUseCard(LedgerRefusal):
    """A gift card that is unknown, blocked, over, or holds too little."""


@dataclass(frozen=True)
class Issued:
    """`code` as it is shown, this once to whoever sells it; again only to its owner."""

    card: GiftCard
    code: str
    is_replay: bool


def issue_gift_card(
    *,
    minor: int,
    currency: str,
    valid_until: date,
    source: str,
    client_key: str,
    at: datetime,
    member_id: int | None = None,
) -> Issued:
    """Issue a card worth `minor`. The same act again answers with the same card. Raises KeyReused."""
    if minor <= 0 or valid_until <= day_of(at):
        raise LedgerRefusal(_("A gift card is worth more than nothing, and valid beyond today."))
    said = digest("gift card", minor, currency, valid_until, member_id)
    answer = ask(
        "loyalty_sell_gift_card", "text bytea bytea text bigint date bigint bigint text bytea timestamptz",
        currency, *sealed(codes.new_code(), model=GiftCard), minor, valid_until, member_id, catalogue.source_id(source),
        client_key, said, at,
    )  # fmt: skip
    if answer["outcome"] == "conflict":
        raise KeyReused(client_key)
    card = GiftCard.objects.get(pk=answer["card"])
    return Issued(card, codes.shown(card.code), answer["outcome"] == "replay")


def find_gift_card(*, code: str, actor: str, at: datetime) -> tuple[GiftCard, int]:
    """The card of a code and what is on it at a time. Raises CannotUseCard, fraud.TooManyAttempts."""
    fraud.check_code_attempts(actor=actor, at=at)
    card = GiftCard.objects.select_related("wallet").filter(code_hash=codes.hash_of(code)).first()
    fraud.note_code_attempt(actor=actor, code=codes.plain(code), was_right=card is not None, at=at)
    if card is None:
        raise CannotUseCard(_("This gift card is not known. Check the code and type it again."))
    if card.is_blocked or card.valid_until < day_of(at):
        raise CannotUseCard(_("This gift card is no longer valid."))
    return card, card.wallet.available


def block_gift_card(*, card_id: int, is_blocked: bool):
    """Stop a lost card, or free one that was found."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_giftcard SET is_blocked = %s WHERE id = %s", [is_blocked, card_id])
