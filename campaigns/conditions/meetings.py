"""What is asked of meetings that no purchase tells of: pages, searches, likes, calls, visits, and events of machines nobody foresaw."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.conditions.asking import (
    AT_LEAST,
    DAYS,
    Condition,
    Field,
    compared,
    days_words,
    name_of,
    tell_number,
    window,
)
from members.knowing import Touchpoint


def _kinds():
    return Touchpoint.Kind.choices


def _met(at, *, op, times, kind, event, subject, days):
    """Who was met so often; an event is named as its sender names it, a subject (a page, a post, a search) in full."""
    source = "members_touchpoint t WHERE t.member_id IS NOT NULL AND t.at > %(since)s AND t.at <= %(until)s"
    given = window(at, days)
    for name, value in (("kind", kind), ("event", event), ("subject", subject)):
        if value:
            source, given = f"{source} AND t.{name} = %({name})s", given | {name: value}
    rows = {"source": source, "given": given, "found": "count(*)", "member": "t.member_id", "is_merged": True}
    return compared(rows, op, times)


def _met_words(*, op, times, kind, event, subject, days):
    what = " · ".join(part for part in (name_of(_kinds(), kind, ""), event, subject) if part) or _("anything")
    shown = {"what": what, "times": times, "days": days_words(days)}
    if op == "at_least":
        said = ngettext(
            "%(what)s: at least %(times)s time in the last %(days)s",
            "%(what)s: at least %(times)s times in the last %(days)s",
            times,
        )
    else:
        said = ngettext(
            "%(what)s: at most %(times)s time in the last %(days)s",
            "%(what)s: at most %(times)s times in the last %(days)s",
            times,
        )
    return said % shown


CONDITIONS = (
    Condition(
        "met", gettext_lazy("Visits, events and meetings"),
        (
            AT_LEAST, Field("times", gettext_lazy("how many times"), "number", 1, low=0, high=10_000),
            Field("kind", gettext_lazy("what"), "choice", "", _kinds, is_optional=True),
            Field("event", gettext_lazy("name of the event"), "text", "", is_optional=True),
            Field("subject", gettext_lazy("page, post or search"), "text", "", is_optional=True),
            DAYS,
        ),
        _met, _met_words, tell_number,
    ),
)  # fmt: skip
