"""Codes of vouchers and gift cards: unguessable, easy to read out, and caught when mistyped.

Fifteen letters drawn from 31 (log2 31 = 4.95 bits each, 74 bits in all) and a check letter. No 0, 1, I, L or O: whoever
reads a code aloud is not misheard. 31 is prime and every place has a weight of its own, so that any single wrong letter and
any two letters changed places break the check.
"""

import secrets

from members.crypto import keyed_hash

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
DRAWN = 15
LENGTH = DRAWN + 1
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


def new_code() -> str:
    """A code nobody can guess, without the dashes it is shown with."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(DRAWN))
    return drawn + _check_letter(drawn)


def _check_letter(drawn: str) -> str:
    return ALPHABET[-sum(place * _VALUES[letter] for place, letter in enumerate(drawn, 2)) % len(ALPHABET)]


def plain(text: str) -> str:
    """A code as it was typed, without blanks and dashes, in capitals."""
    return "".join(letter for letter in text.upper() if letter.isalnum())


def is_code(text: str) -> bool:
    """Whether this could be a code of ours: its letters and its check are right."""
    code = plain(text)
    return len(code) == LENGTH and set(code) <= set(ALPHABET) and code[-1] == _check_letter(code[:-1])


def shown(code: str) -> str:
    """“ABCD-EFGH-JKMN-PQRS”."""
    return "-".join(code[n : n + 4] for n in range(0, len(code), 4))


def hash_of(code: str) -> bytes:
    """What a code is found by; it tells nothing without the key of this house."""
    return keyed_hash(plain(code), kind="voucher")
