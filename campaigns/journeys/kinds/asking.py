"""What a kind of step asks for, and how what was filled in is checked: one cleaner for each kind of field."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _


class Invalid(ValueError):
    """Something filled in that will not do; `field` names it, the message says what would."""

    def __init__(self, message: str, name: str = ""):
        super().__init__(message)
        self.field = name


@dataclass(frozen=True)
class Ask:
    """One thing to fill in: `kind` is number, text, lines, choice, choices, time, check or address."""

    name: str
    label: str
    kind: str = "text"
    default: Any = ""
    choices: Callable[[], list[tuple[str, str]]] | None = None
    low: int = 0
    high: int = 10**6
    help: str = ""
    is_needed: bool = True


@dataclass(frozen=True)
class Kind:
    """One kind of step. `paths` are the names of the ways it parts into; `sends` names the channel a message goes by."""

    code: str
    label: str
    icon: str
    asks: tuple[Ask, ...]
    words: Callable[[dict], str]
    group: str
    paths: tuple[str, ...] = ()
    sends: str = ""
    also: Callable[[dict], None] | None = None

    def clean(self, given: dict) -> dict:
        """The fields, checked and in their own types. Raises Invalid."""
        cleaned = {ask.name: clean_one(ask, given.get(ask.name, ask.default)) for ask in self.asks}
        if self.also:
            self.also(cleaned)
        return cleaned

    def blank(self) -> dict:
        step = {"type": self.code} | {ask.name: ask.default for ask in self.asks}
        if self.code == "split":
            return step | {"paths": [{"name": name, "weight": 1, "steps": []} for name in ("A", "B")]}
        return step | ({"paths": [{"name": "", "steps": []} for _name in self.paths]} if self.paths else {})


# -- checking ----------------------------------------------------------------------------------------------------------


def clean_one(ask: Ask, value):
    if ask.kind == "check":
        return value in (True, "on", "true", "1")
    if ask.kind == "choices":
        return _choices(ask, value)
    text = str(value if value is not None else "").strip()
    if not text:
        if ask.is_needed:
            raise Invalid(_("“%(label)s” is missing.") % {"label": ask.label}, ask.name)
        return text
    return _CLEANERS[ask.kind](ask, text)


def _number(ask, text):
    try:
        number = int(text)
    except ValueError:
        raise Invalid(_("“%(label)s” needs a whole number.") % {"label": ask.label}, ask.name) from None
    if not ask.low <= number <= ask.high:
        shown = {"label": ask.label, "low": ask.low, "high": f"{ask.high:,}"}
        raise Invalid(_("“%(label)s” must lie between %(low)s and %(high)s.") % shown, ask.name)
    return number


def _text(ask, text):
    if len(text) > ask.high:
        raise Invalid(
            _("“%(label)s” is too long: at most %(n)s letters.") % {"label": ask.label, "n": ask.high}, ask.name
        )
    return text


def _choice(ask, text):
    if text not in {str(key) for key, _label in ask.choices()}:
        raise Invalid(_("“%(label)s” names something that is not there (any more).") % {"label": ask.label}, ask.name)
    return text


def _choices(ask, value):
    given = [value] if isinstance(value, str) else [str(one) for one in value or []]
    if ask.is_needed and not given:
        raise Invalid(_("“%(label)s” is missing.") % {"label": ask.label}, ask.name)
    known = {str(key) for key, _label in ask.choices()}
    return [one for one in given if one in known]


def _time(ask, text):
    try:
        return time.fromisoformat(text).strftime("%H:%M")
    except ValueError:
        raise Invalid(_("“%(label)s” needs a time such as 09:00.") % {"label": ask.label}, ask.name) from None


def _address(ask, text):
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password or len(text) > 500:
        raise Invalid(_("Give an address that begins with https:// and names no user."), ask.name)
    return text


_CLEANERS = {
    "number": _number, "text": _text, "lines": _text, "choice": _choice, "time": _time, "address": _address,
}  # fmt: skip


def whole(amount) -> int:
    """For a sentence: what was filled in so far, or nothing."""
    try:
        return int(amount)
    except (TypeError, ValueError):
        return 0
