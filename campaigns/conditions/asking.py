"""How a condition is put: its fields, the words for them, and the two shapes of SQL that a question becomes.

A question is true or false for every member, never unknown: that is what lets groups nest and negate. Windows are whole days
before the moment of asking.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils.formats import date_format
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

DAYS_MAX = 3650


class Invalid(ValueError):
    """A condition that cannot be asked; the message says what to change."""


@dataclass(frozen=True)
class Own:
    """Asked of the member's own row, which is called m: `test` is never NULL; `found` is what “why” tells."""

    test: str
    given: dict = field(default_factory=dict)
    found: str = "NULL"


ONLY = "{only}"


@dataclass(frozen=True)
class Rows:
    """Asked of a member's rows elsewhere, grouped by member: those for whom `test` holds (empty: who has any row at all).

    `source` is what stands after FROM, up to and into its WHERE. `is_single`: a member has one row at most, so that nothing
    need be grouped, and `test` and `found` speak of that row. `is_absent` turns the answer round. `is_ranked`: who is in depends
    on everybody, so that it cannot be asked of a few members alone. `span`: from when (left out; None: from ever) to when rows can
    matter; questions of one source that have a span are asked in one pass over it, so that their `found` and `test` name the rows
    they mean by “{only}”, which becomes a filter of the span and of `only`. `is_merged`: rows of a record that was merged into another are that other's.
    """

    source: str
    given: dict = field(default_factory=dict)
    test: str = ""
    found: str = "count(*)"
    member: str = "member_id"
    is_single: bool = False
    is_absent: bool = False
    is_ranked: bool = False
    is_merged: bool = False
    only: str = ""
    span: tuple[datetime | None, datetime] | None = None


@dataclass(frozen=True)
class Nested:
    """Asked of another audience: its tree stands here as a group."""

    audience_id: int
    is_absent: bool = False


Question = Own | Rows | Nested


@dataclass(frozen=True)
class Field:
    """One thing to fill in; `kind` is one of campaigns.conditions.filling's, and the builder draws it from this alone."""

    name: str
    label: str
    kind: str
    default: object = ""
    choices: Callable[[], list[tuple[str, str]]] = list
    low: int = 0
    high: int = 10**9
    is_optional: bool = False

    def clean(self, value: object) -> object:
        """The value in its own type; an optional field that is left empty is an empty text. Raises Invalid."""
        from campaigns.conditions.filling import clean  # late: filling knows fields

        return clean(self, value)


def _nothing(_value) -> str:
    return ""


@dataclass(frozen=True)
class Condition:
    """A question of one kind: `ask` puts it to the database, `words` says it to the reader, `tell` says what was found."""

    code: str
    label: str
    fields: tuple[Field, ...]
    ask: Callable[..., Question]
    words: Callable[..., str]
    tell: Callable[[object], str] = _nothing
    check: Callable[[dict], dict] = dict

    def clean(self, given: dict) -> dict:
        """The parameters, checked and in their own types. Raises Invalid."""
        return self.check({field.name: field.clean(given.get(field.name, field.default)) for field in self.fields})


# -- windows and comparisons -------------------------------------------------------------------------------------------


def window(at, days: int, until: int = 0) -> dict:
    """From `days` ago, left out, to `until` days ago, included."""
    return {"since": at - timedelta(days=days), "until": at - timedelta(days=until)}


def compared(rows: dict, op: str, value, *, measure: str | None = None) -> Question:
    """Who reaches the value; or, for “at most”, all but who exceeds it: a member without a row counts as zero."""
    found = measure or rows["found"]
    if op == "at_most":
        return Rows(**_with(rows, value), test=f"{found} > %(value)s", is_absent=True)
    if value <= 0:
        return Rows(**_with(rows, value), test=f"{found} < %(value)s", is_absent=True)
    return Rows(**_with(rows, value), test=f"{found} >= %(value)s")


def _with(rows, value) -> dict:
    return rows | {"given": rows["given"] | {"value": value}}


# -- words -------------------------------------------------------------------------------------------------------------


def more_or_less():
    return [("at_least", _("at least")), ("at_most", _("at most"))]


def newer_or_older():
    return [("newer", _("within the last")), ("older", _("longer ago than"))]


def did_or_not():
    return [("yes", _("yes")), ("no", _("no"))]


def labels(choices, chosen) -> str:
    names = dict(choices)
    return _(" or ").join(str(names.get(one, one)) for one in chosen)


def name_of(choices, chosen, otherwise: str) -> str:
    """The chosen answer of an optional field, or what its absence means."""
    return str(dict(choices).get(str(chosen), chosen)) if chosen not in ("", None) else otherwise


def days_words(count: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", count) % {"n": count}


def money(minor) -> str:
    return f"{Decimal(minor) / 100:,.2f} {settings.CURRENCY}"


def tell_number(value) -> str:
    return _("found: %(value)s") % {"value": f"{float(value or 0):,.10g}"}


def tell_money(value) -> str:
    return _("found: %(value)s") % {"value": money(value or 0)}


def tell_percent(value) -> str:
    return _("found: %(value)s") % {"value": _("nothing") if value is None else f"{100 * value:.1f} %"}


def tell_day(value) -> str:
    if value is None:
        return _("found: %(value)s") % {"value": _("nothing")}
    local = localtime(value) if hasattr(value, "hour") and is_aware(value) else value
    return _("found: %(value)s") % {"value": date_format(local, "SHORT_DATE_FORMAT")}


def tell_choice(choices: Callable[[], list]) -> Callable[[object], str]:
    def tell(value):
        return _("found: %(value)s") % {"value": name_of(choices(), value, _("nothing"))}

    return tell


AT_LEAST = Field("op", gettext_lazy("comparison"), "choice", "at_least", more_or_less)
DAYS = Field("days", gettext_lazy("days"), "number", 90, low=1, high=DAYS_MAX)
DID = Field("op", gettext_lazy("whether"), "choice", "yes", did_or_not)
