"""The card's changing code: what a phone shows at the till while it is online, good once and for a minute.

A token is a longer sister of a card number: `28` in front (the neighbour of the cards' own prefix, which bar codes leave to
shops as well), 39 digits, and a Luhn digit at the end. The 39 digits are one AES block that holds who, when and forty-eight
zero bits: nobody without the key can make one, and it tells neither the member nor the card number. Showing one writes
nothing; using one leaves its hash behind (members.models.SpentCardToken), so that a photograph of it is worth nothing.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings

from members.cards import check_digit

PREFIX = "28"
BLOCK_DIGITS = 39  # of 2 to the power of 128
LENGTH = len(PREFIX) + BLOCK_DIGITS + 1
LIFETIME = timedelta(seconds=60)
SHOWN_FOR = timedelta(seconds=30)  # a new one by then: the one on the screen is good for half a minute more at least
_ID_BITS, _TIME_BITS, _CHECK_BITS = 48, 32, 48


@dataclass(frozen=True)
class Told:
    """What a token says: whose it is, and when it was made."""

    member_id: int
    made_at: datetime

    def is_fresh(self, at: datetime) -> bool:
        """Whether it is good at a time; the servers' clocks may differ by a few seconds."""
        return -timedelta(seconds=5) <= at - self.made_at <= LIFETIME


def is_card_token(text: str) -> bool:
    """Whether `text` is a whole token by its look: the length, the prefix, the check digit."""
    return (
        len(text) == LENGTH
        and text.isascii()
        and text.isdigit()
        and text.startswith(PREFIX)
        and check_digit(text[:-1]) == text[-1]
    )


def new_token(member_id: int, *, at: datetime) -> str:
    """A token of this member, as digits."""
    plain = (member_id << _TIME_BITS | int(at.timestamp())) << _CHECK_BITS
    sealed = _block().encryptor().update(plain.to_bytes(16, "big"))
    body = f"{PREFIX}{int.from_bytes(sealed, 'big'):0{BLOCK_DIGITS}d}"
    return body + check_digit(body)


def read(token: str) -> Told | None:
    """What a token says; None for text that is none, or was made without our key."""
    if not is_card_token(token):
        return None
    sealed = int(token[len(PREFIX) : -1])
    if sealed >= 1 << 128:
        return None
    plain = int.from_bytes(_block().decryptor().update(sealed.to_bytes(16, "big")), "big")
    if plain & ((1 << _CHECK_BITS) - 1):
        return None
    plain >>= _CHECK_BITS
    return Told(plain >> _TIME_BITS, datetime.fromtimestamp(plain & ((1 << _TIME_BITS) - 1), UTC))


def _block() -> Cipher:
    """AES over exactly one block: a permutation, which needs neither chaining nor nonce."""
    key = hmac.digest(settings.HASH_KEY, b"card token", "sha256")
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block is all there is
