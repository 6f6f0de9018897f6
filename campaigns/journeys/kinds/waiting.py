"""Steps that wait: for a time, until a time of day, for an event."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import conditions, happenings
from campaigns.journeys.kinds.asking import Ask, Invalid, Kind, whole

GROUP = "time"


def units():
    return [("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))]


def weekdays():
    return [
        ("0", _("Monday")), ("1", _("Tuesday")), ("2", _("Wednesday")), ("3", _("Thursday")), ("4", _("Friday")),
        ("5", _("Saturday")), ("6", _("Sunday")),
    ]  # fmt: skip


def zones():
    return [("member", _("where the member is")), ("store", _("where the shop is"))]


def events():
    return [(one.code, str(one.label)) for one in happenings.waited_for()]


def span_words(amount, unit) -> str:
    shown = {"n": amount}
    return {
        "minutes": ngettext("%(n)s minute", "%(n)s minutes", whole(amount)) % shown,
        "hours": ngettext("%(n)s hour", "%(n)s hours", whole(amount)) % shown,
        "days": ngettext("%(n)s day", "%(n)s days", whole(amount)) % shown,
    }.get(unit, "?")


def _wait_words(step):
    return _("Wait %(span)s") % {"span": span_words(step.get("amount"), step.get("unit"))}


def _until_words(step):
    days = [str(name) for key, name in weekdays() if key in (step.get("weekdays") or [])]
    shown = {"time": step.get("at"), "where": dict(zones()).get(step.get("zone"), "?"), "days": ", ".join(days)}
    if days:
        return _("Wait until %(time)s on %(days)s, %(where)s") % shown
    return _("Wait until %(time)s, %(where)s") % shown


def _event_words(step):
    shown = {"event": happenings.words_of(step), "span": span_words(step.get("amount"), step.get("unit"))}
    return _("Wait for “%(event)s”, at most %(span)s") % shown


def _event_also(step):
    clean_happening(step)


def clean_happening(given: dict) -> None:
    """Check the event and what it says more exactly. Raises Invalid."""
    one = happenings.HAPPENINGS.get(given.get("event", ""))
    if one not in happenings.waited_for():
        raise Invalid(_("Choose an event."), "event")
    try:
        if one.which:
            one.which.clean(given.get("which", ""))
    except conditions.Invalid as reason:
        raise Invalid(str(reason), "which") from None


_AMOUNT = Ask("amount", gettext_lazy("How long"), "number", 1, low=1, high=3650)
_UNIT = Ask("unit", gettext_lazy("in"), "choice", "days", units)
EVENT_ASKS = (
    Ask("event", gettext_lazy("What happens"), "choice", "purchase", events),
    Ask("which", gettext_lazy("More exactly"), "text", "", high=40, is_needed=False),
)

KINDS = (
    Kind("wait", gettext_lazy("Wait for a time"), "time", (_AMOUNT, _UNIT), _wait_words, GROUP),
    Kind(
        "wait_until", gettext_lazy("Wait until a time of day"), "calendar-alt",
        (
            Ask("at", gettext_lazy("Time"), "time", "09:00"),
            Ask("zone", gettext_lazy("By the clock"), "choice", "member", zones),
            Ask("weekdays", gettext_lazy("Only on"), "choices", [], weekdays, is_needed=False,
                help=gettext_lazy("None chosen: every day.")),
        ),
        _until_words, GROUP,
    ),
    Kind(
        "wait_for", gettext_lazy("Wait for an event"), "view",
        (*EVENT_ASKS, Ask("amount", gettext_lazy("At most"), "number", 3, low=1, high=3650), _UNIT),
        _event_words, GROUP, paths=(gettext_lazy("It happened"), gettext_lazy("It did not")), also=_event_also,
    ),
)  # fmt: skip
