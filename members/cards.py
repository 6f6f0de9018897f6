"""Card numbers: thirteen digits, `29` in front and a Luhn check digit at the end.

Prefix 29 is one of those that product bar codes leave to shops for their own use, so a till tells a card from a product
at sight; the check digit catches every single wrong digit and nearly every swap of two neighbours.
"""

import secrets

PREFIX = "29"
LENGTH = 13
SERIALS = 10 ** (LENGTH - len(PREFIX) - 1)


def check_digit(digits: str) -> str:
    """The Luhn digit that completes `digits` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card_number(serial: int) -> str:
    """The card of one serial number, 0 … 9,999,999,999. Raises ValueError outside."""
    if not 0 <= serial < SERIALS:
        raise ValueError(f"A card's serial number is 0 to {SERIALS - 1:,}; this is {serial:,}.")
    body = f"{PREFIX}{serial:0{LENGTH - len(PREFIX) - 1}d}"
    return body + check_digit(body)


def new_card_number() -> str:
    """A card nobody can guess from another one. The database keeps it unique."""
    return card_number(secrets.randbelow(SERIALS))


def is_card_number(text: str) -> bool:
    """Whether `text` is a whole card number: thirteen ASCII digits, our prefix, the right check digit."""
    return (
        len(text) == LENGTH
        and text.isascii()
        and text.isdigit()
        and text.startswith(PREFIX)
        and check_digit(text[:-1]) == text[-1]
    )
