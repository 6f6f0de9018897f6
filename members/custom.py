"""Values of custom fields: text from a file, a form or the API becomes a value of its kind. Plain rules: no Django models."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

YES, NO = {"yes", "true", "1", "y", "是"}, {"no", "false", "0", "n", "否"}
TEXT_MAX = 500
OWN = "own_"
"""What stands before a field's code in the words of messages: own_diet. There it is a text, and a member may lack it."""
_NAMED = re.compile(rf"\b{OWN}([a-z][a-z0-9_]{{0,29}})\b")


def is_own(name: str) -> bool:
    """Whether this could be the name of a custom field in a message."""
    return bool(_NAMED.fullmatch(name))


def codes_in(*texts: str) -> frozenset[str]:
    """The codes of the custom fields that these texts name."""
    return frozenset(code for text in texts for code in _NAMED.findall(text))


def clean(kind: str, given: object, *, choices: Sequence[str] = ()) -> str | int | float | bool | None:
    """The value as it is stored; None for nothing. Raises ValueError that says what would do."""
    text = str(given).strip() if given is not None else ""
    return _CLEANERS[kind](text, choices) if text else None


def _text(text: str, choices: Sequence[str]) -> str:
    if len(text) > TEXT_MAX or "\x00" in text:
        raise ValueError(_("At most %(n)d characters, and no NUL.") % {"n": TEXT_MAX})
    return text


def _number(text: str, choices: Sequence[str]) -> int | float:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > 10**12:
        raise ValueError(_("“%(given)s” is no number.") % {"given": text[:40]})
    return int(number) if number == number.to_integral_value() else float(number)


def _date(text: str, choices: Sequence[str]) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise ValueError(_("“%(given)s” is no date. Write it like 2026-01-31.") % {"given": text[:40]}) from None


def _yes_no(text: str, choices: Sequence[str]) -> bool:
    if text.casefold() in YES | NO:
        return text.casefold() in YES
    raise ValueError(_("“%(given)s” is neither yes nor no.") % {"given": text[:40]})


def _choice(text: str, choices: Sequence[str]) -> str:
    if text in choices:
        return text
    raise ValueError(_("“%(given)s” is not one of: %(choices)s.") % {"given": text[:40], "choices": ", ".join(choices)})


_CLEANERS = {"text": _text, "number": _number, "date": _date, "yes_no": _yes_no, "choice": _choice}
