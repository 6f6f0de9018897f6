"""Amounts as cashiers type them."""

import re
import unicodedata

from django.utils.translation import gettext as _

AMOUNT_MINOR_MAX = 10_000_000  # 100,000.00: above it somebody leaned on the keyboard
_AMOUNT = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?|(\d+),(\d{2})")


def to_minor(text: str, *, decimals: int = 2) -> int:
    """“24.60”, “24,60”, “1,234.5” or “24” in minor units. Raises ValueError saying what to type instead."""
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").lstrip("$¥€£")
    match = _AMOUNT.fullmatch(plain)
    if match is None:
        raise ValueError(_("Type the amount in digits, such as 24.60."))
    whole = (match[1] or match[3]).replace(",", "")
    part = (match[2] or match[4] or "").ljust(2, "0")
    if decimals == 0 and part.strip("0"):
        raise ValueError(_("This currency has no parts: type a whole amount."))
    minor = int(whole) * 10**decimals + (int(part) if decimals else 0)
    if not 0 < minor <= AMOUNT_MINOR_MAX:
        raise ValueError(_("The amount must be more than zero and less than 100,000. Check what was typed."))
    return minor
