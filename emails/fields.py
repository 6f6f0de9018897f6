"""The fields a template may name, what each looks like, and how a member's values are made fit for a message."""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from members.custom import is_own

FLAG = "in_audience_"


@dataclass(frozen=True)
class Field:
    """One field of the picker. `kind`: text, number, date, url or offers."""

    name: str
    label: str | Promise
    kind: str
    sample: Any
    sample_zh: Any = None
    is_personal: bool = False  # fetched at the moment of sending, never stored in a message
    is_optional: bool = False  # a member may lack it: a template must say what to show instead
    items: tuple["Field", ...] = field(default=())

    def sample_in(self, language: str):
        return self.sample_zh if self.sample_zh is not None and language.startswith("zh") else self.sample


OFFER = (
    Field("name", pgettext_lazy("of a thing", "Name"), "text", "Whole milk"),
    Field("reason", _("Why this member gets it"), "text", "You buy it about every nine days"),
    Field("benefit", _("Benefit"), "text", "2× points"),
    Field("icon_url", _("Icon"), "url", ""),
    Field("url", _("Link"), "url", ""),
)

_ALL = (
    Field("given_name", _("Given name"), "text", "Amelia", "思远", is_personal=True, is_optional=True),
    Field("family_name", _("Family name"), "text", "Novak", "林", is_personal=True, is_optional=True),
    Field("points", _("Points balance"), "number", 1840),
    Field("tier", _("Tier"), "text", "Silver", "银卡", is_optional=True),
    Field("next_tier", _("Next tier"), "text", "Gold", "金卡", is_optional=True),
    Field("points_to_next_tier", _("Points to the next tier"), "number", 420, is_optional=True),
    Field("tier_progress", _("Progress to the next tier, in per cent"), "number", 72, is_optional=True),
    Field("expiring_points", _("Points that expire next"), "number", 260, is_optional=True),
    Field("expiring_on", _("Day on which they expire"), "date", "2027-01-31", is_optional=True),
    Field(
        "voucher_code",
        _("Voucher code of the member's own"),
        "text",
        "KXM4-7TPW-9R2D-H3Q",
        is_personal=True,
        is_optional=True,
    ),
    Field("voucher_name", _("What the voucher gives"), "text", "$5.00 off", "减 5 元", is_optional=True),
    Field("voucher_until", _("Last day of the voucher"), "date", "2027-01-31", is_optional=True),
    Field(
        "survey_url",
        _("Address of the survey's question"),
        "url",
        "https://example.com/portal/surveys/sample/",
        is_optional=True,
    ),
    Field("buy_again", _("Offers: buy again"), "offers", None, items=OFFER),
    Field("new_for_you", _("Offers: new for you"), "offers", None, items=OFFER),
    Field("shop_name", _("Name of the shop"), "text", ""),
    Field("shop_url", _("Address of the shop"), "url", ""),
    Field("portal_url", _("Address of the member's pages"), "url", ""),
    Field("unsubscribe_url", _("Unsubscribe address"), "url", ""),
    Field("view_online_url", _("View-online address"), "url", ""),
)
FIELDS: dict[str, Field] = {f.name: f for f in _ALL}
PERSONAL = frozenset(f.name for f in _ALL if f.is_personal)
CODE = "voucher_code"  # opened at the moment of sending, for the voucher whose id stands in the value VOUCHER
VOUCHER = "voucher"
READ_AS = "read_as"  # of a test to a colleague: the member whose name is put in, 0 for nobody's; no template names it
OFFER_SLOTS = tuple(f.name for f in _ALL if f.kind == "offers")
ADDRESSES = frozenset({"unsubscribe_url", "view_online_url"})

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def is_flag(name: str) -> bool:
    """Whether this says if a member is in an audience (emails.enclosures.flag)."""
    return name.startswith(FLAG) and name[len(FLAG) :].isdecimal()


def clean(value) -> str:
    """One line of text that can be encoded: control characters, line breaks and lone surrogates become a space."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return _CONTROLS.sub(" ", text) if not text.isprintable() else text


@lru_cache(maxsize=4096)
def day(iso: str, language: str) -> str:
    """A date as a person of this language writes it; anything else as it came."""
    try:
        moment = date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    with translation.override(language):
        return date_format(moment, "DATE_FORMAT")


def _number(value) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def offers_of(value) -> list[dict[str, str]]:
    """Offers as templates see them: every field present, one line of text."""
    return [{name: clean(item.get(name)) for name in _OFFER_NAMES} for item in value or ()]


_OFFER_NAMES = tuple(f.name for f in OFFER)
_NUMBERS = tuple(f.name for f in _ALL if f.kind == "number")
_TEXTS = tuple(f.name for f in _ALL if f.kind in ("text", "url"))
_DATES = tuple(f.name for f in _ALL if f.kind == "date")


@lru_cache(maxsize=256)
def _by_kind(names: frozenset[str] | None) -> tuple[tuple[str, ...], ...]:
    """Of these names, or of all: texts, numbers, dates, lists of offers; and of these names, the flags and the shop's own."""
    kinds = (
        tuple(name for name in kind if names is None or name in names)
        for kind in (_TEXTS, _NUMBERS, _DATES, OFFER_SLOTS)
    )
    return *kinds, tuple(filter(is_flag, sorted(names or ()))), tuple(filter(is_own, sorted(names or ())))


def is_known(name: str) -> bool:
    """Whether a template may name this: a field of the list, one of the shop's own, or whether a member is in an audience."""
    return name in FIELDS or is_flag(name) or is_own(name)


def prepare(values: dict, *, language: str, fixed: dict, names: frozenset[str] | None = None) -> dict:
    """A member's values as templates see them: each field present and of its kind, one line long, dates in words.

    Both renderers start from this, so a template never meets a type it did not expect. `fixed` is what the frozen
    e-mail and the message itself know (shop, addresses) and wins over the values. `names`: no other field is looked at.
    """
    get = values.get
    texts, numbers, dates, slots, flags, own = _by_kind(names)
    prepared: dict = {name: clean(get(name)) for name in texts}
    for name in filter(is_own, values) if names is None else own:
        prepared[name] = clean(get(name))
    for name in numbers:
        prepared[name] = _number(get(name))
    for name in dates:
        prepared[name] = day(clean(get(name)), language)
    for name in slots:
        prepared[name] = offers_of(get(name))
    for name in filter(is_flag, values) if names is None else flags:
        prepared[name] = bool(get(name))
    prepared.update(fixed)
    return prepared
