"""The kinds of steps: what each asks for, how what was filled in is checked, and the sentence that says it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.journeys import happenings
from campaigns.models import Audience
from care.models import Team
from emails.models import EmailTemplate
from loyalty.models import Reward
from members import operations as members
from members.knowing import CODE, CustomField
from push.models import PushTemplate

EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


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


# -- what can be chosen ------------------------------------------------------------------------------------------------


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
    return [(one.code, str(one.label)) for one in happenings.HAPPENINGS.values()]


def audiences():
    return [(str(pk), name) for pk, name in Audience.objects.order_by("name").values_list("pk", "name")]


def emails():
    return [(str(one.pk), str(one)) for one in EmailTemplate.objects.select_related("locale").order_by("name", "pk")]


def pushes():
    return [(str(pk), name) for pk, name in PushTemplate.objects.order_by("name").values_list("pk", "name")]


GIVEN = ("percent", "amount", "product", "shipping", "multiply", "bonus")


def rewards():
    return [(str(one.pk), one.name) for one in Reward.objects.filter(is_active=True, kind__in=GIVEN).order_by("pk")]


def teams():
    return [(team.code, str(team)) for team in Team.objects.order_by("code")]


def custom_fields():
    return [(one.code, one.label) for one in CustomField.objects.filter(is_personal=False)]


def named(choices, key) -> str:
    return str(dict(choices()).get(str(key), "?")) if key else "?"


# -- sentences ---------------------------------------------------------------------------------------------------------


def span_words(amount, unit) -> str:
    shown = {"n": amount}
    return {
        "minutes": ngettext("%(n)s minute", "%(n)s minutes", _whole(amount)) % shown,
        "hours": ngettext("%(n)s hour", "%(n)s hours", _whole(amount)) % shown,
        "days": ngettext("%(n)s day", "%(n)s days", _whole(amount)) % shown,
    }.get(unit, "?")


def _whole(amount) -> int:
    try:
        return int(amount)
    except (TypeError, ValueError):
        return 0


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


def _branch_words(step):
    return _("Are they in “%(audience)s”?") % {"audience": named(audiences, step.get("audience"))}


QUESTIONS = (
    ("sent", gettext_lazy("was it sent?")), ("clicked", gettext_lazy("did they click in it?")),
    ("skipped", gettext_lazy("was it left out (no consent, too many, too late)?")),
)  # fmt: skip


def questions():
    return [(key, str(words)) for key, words in QUESTIONS]


def _followup_words(step):
    return _("The message of step %(step)s: %(question)s") % {
        "step": step.get("step") or "?", "question": dict(questions()).get(step.get("question"), "?"),
    }  # fmt: skip


def _split_words(step):
    whole = sum(path.get("weight", 1) for path in step.get("paths", ())) or 1
    shares = [f"{path['name']} {100 * path.get('weight', 1) / whole:.0f} %" for path in step.get("paths", ())]
    return _("By chance: %(shares)s") % {"shares": " · ".join(shares)}


def _variant_words(step):
    return _("Did chance put them into %(arm)s?") % {"arm": step.get("arm") or "?"}


def _email_words(step):
    return _("E-mail “%(name)s”") % {"name": named(emails, step.get("template"))}


def _push_words(step):
    return _("Push “%(name)s”") % {"name": named(pushes, step.get("template"))}


def _note_words(step):
    return _("Note on their page: “%(title)s”") % {"title": step.get("title_en") or "?"}


def _points_words(step):
    points = _whole(step.get("points"))
    return ngettext("Give %(n)s point", "Give %(n)s points", points) % {"n": f"{points:,}"}


def _voucher_words(step):
    return _("Give “%(name)s”") % {"name": named(rewards, step.get("reward"))}


def _tag_words(step):
    shown = {"tag": step.get("tag") or "?"}
    return (
        _("Take off the tag “%(tag)s”") % shown if step.get("act") == "remove" else _("Stick the tag “%(tag)s”") % shown
    )


def _field_words(step):
    return _("Set “%(field)s” to “%(value)s”") % {
        "field": named(custom_fields, step.get("field")), "value": step.get("value", ""),
    }  # fmt: skip


def _task_words(step):
    return _("Task for staff: “%(title)s”") % {"title": step.get("title") or "?"}


def _webhook_words(step):
    return _("Tell %(host)s") % {"host": urlsplit(step.get("url") or "").hostname or "?"}


def _exit_words(step):
    return _("The journey ends here: goal reached") if step.get("as") == "goal" else _("The journey ends here")


def _note_also(step):
    if step["url"] and (not step["url"].startswith(("/", "https://")) or step["url"].startswith("//")):
        raise Invalid(_("A link leads to a page of this site (it begins with /) or begins with https://."), "url")


def _tag_also(step):
    if not CODE.regex.search(step["tag"]):
        raise Invalid(str(CODE.message), "tag")


def _field_also(step):
    try:
        members.cleaned_fields({step["field"]: step["value"]})
    except members.BadCustomValue as reason:
        raise Invalid(str(reason), "value") from None


def _event_also(step):
    clean_happening(step)


def clean_happening(given: dict) -> None:
    """Check the event and what it says more exactly. Raises Invalid."""
    one = happenings.HAPPENINGS.get(given.get("event", ""))
    which = given.get("which", "")
    if one is None:
        raise Invalid(_("Choose an event."), "event")
    if one.is_needed and not which:
        raise Invalid(_("“%(label)s” is missing.") % {"label": one.asks}, "which")
    if one.is_free and which and not EVENT_NAME.fullmatch(which):
        raise Invalid(_("An event's name is written in small letters, digits and underscores."), "which")
    if one.choices and which and which not in {str(key) for key, _label in one.choices()}:
        raise Invalid(_("“%(label)s” names something that is not there (any more).") % {"label": one.asks}, "which")


_AMOUNT = Ask("amount", gettext_lazy("How long"), "number", 1, low=1, high=3650)
_UNIT = Ask("unit", gettext_lazy("in"), "choice", "days", units)
EVENT_ASKS = (
    Ask("event", gettext_lazy("What happens"), "choice", "purchase", events),
    Ask("which", gettext_lazy("More exactly"), "text", "", high=40, is_needed=False),
)
_OFFERS = (
    Ask("buy_again", gettext_lazy("“buy again” offers"), "number", 3, high=6),
    Ask("new_for_you", gettext_lazy("“new for you” offers"), "number", 2, high=6),
    Ask("offer_days", gettext_lazy("Offers hold for days"), "number", 14, low=1, high=180),
)
TIME, TALK, GIVE, STAFF, WAY = "time", "talk", "give", "staff", "way"

KINDS = {
    kind.code: kind
    for kind in (
        Kind("wait", gettext_lazy("Wait for a time"), "time", (_AMOUNT, _UNIT), _wait_words, TIME),
        Kind(
            "wait_until", gettext_lazy("Wait until a time of day"), "calendar-alt",
            (
                Ask("at", gettext_lazy("Time"), "time", "09:00"),
                Ask("zone", gettext_lazy("By the clock"), "choice", "member", zones),
                Ask("weekdays", gettext_lazy("Only on"), "choices", [], weekdays, is_needed=False,
                    help=gettext_lazy("None chosen: every day.")),
            ),
            _until_words, TIME,
        ),
        Kind(
            "wait_for", gettext_lazy("Wait for an event"), "view",
            (*EVENT_ASKS, Ask("amount", gettext_lazy("At most"), "number", 3, low=1, high=3650), _UNIT),
            _event_words, TIME, paths=(gettext_lazy("It happened"), gettext_lazy("It did not")), also=_event_also,
        ),
        Kind(
            "email", gettext_lazy("Send an e-mail"), "mail",
            (Ask("template", gettext_lazy("E-mail"), "choice", "", emails), *_OFFERS), _email_words, TALK, sends="email",
        ),
        Kind(
            "push", gettext_lazy("Send a push message"), "comment",
            (Ask("template", gettext_lazy("Push message"), "choice", "", pushes),), _push_words, TALK, sends="push",
        ),
        Kind(
            "note", gettext_lazy("Leave a note on their page"), "form",
            (
                Ask("title_en", gettext_lazy("Title in English"), "text", "", high=120),
                Ask("title_zh", gettext_lazy("Title in Chinese"), "text", "", high=120, is_needed=False),
                Ask("text_en", gettext_lazy("Text in English"), "lines", "", high=500, is_needed=False),
                Ask("text_zh", gettext_lazy("Text in Chinese"), "lines", "", high=500, is_needed=False),
                Ask("url", gettext_lazy("Where a tap leads"), "text", "", high=300, is_needed=False),
                Ask("days", gettext_lazy("Shown for days"), "number", 14, low=1, high=365),
            ),
            _note_words, TALK, also=_note_also,
        ),
        Kind(
            "points", gettext_lazy("Give points"), "plus",
            (
                Ask("points", gettext_lazy("Points"), "number", 50, low=1, high=100_000),
                Ask("reason_en", gettext_lazy("Reason shown to the member, in English"), "text", "A gift from us", high=120),
                Ask("reason_zh", gettext_lazy("Reason in Chinese"), "text", "", high=120, is_needed=False),
            ),
            _points_words, GIVE,
        ),
        Kind(
            "voucher", gettext_lazy("Give a voucher"), "tag",
            (Ask("reward", gettext_lazy("Reward"), "choice", "", rewards),), _voucher_words, GIVE,
        ),
        Kind(
            "tag", gettext_lazy("Stick or take off a tag"), "tag",
            (
                Ask("act", gettext_lazy("Do"), "choice", "add", lambda: [("add", _("stick")), ("remove", _("take off"))]),
                Ask("tag", gettext_lazy("Tag"), "text", "", high=40),
            ),
            _tag_words, STAFF, also=_tag_also,
        ),
        Kind(
            "field", gettext_lazy("Set a field"), "edit",
            (
                Ask("field", gettext_lazy("Field"), "choice", "", custom_fields),
                Ask("value", gettext_lazy("Value"), "text", "", high=500, is_needed=False),
            ),
            _field_words, STAFF, also=_field_also,
        ),
        Kind(
            "task", gettext_lazy("Open a task for staff"), "clipboard-list",
            (
                Ask("title", gettext_lazy("What is to be done"), "text", "", high=160),
                Ask("team", gettext_lazy("Team"), "choice", "service", teams),
                Ask("days", gettext_lazy("Within days"), "number", 3, low=1, high=365),
            ),
            _task_words, STAFF,
        ),
        Kind(
            "webhook", gettext_lazy("Call a webhook"), "link-external",
            (Ask("url", gettext_lazy("Address"), "address", "", help=gettext_lazy("It gets a signed POST with the member's id; a repeat carries the same id.")),),
            _webhook_words, STAFF,
        ),
        Kind(
            "branch", gettext_lazy("Branch by audience"), "group",
            (Ask("audience", gettext_lazy("Audience"), "choice", "", audiences),), _branch_words, WAY,
            paths=(gettext_lazy("Yes"), gettext_lazy("No")),
        ),
        Kind(
            "followup", gettext_lazy("Branch by what came of a message"), "mail",
            (
                Ask("step", gettext_lazy("Message of step"), "text", "", high=12),
                Ask("question", gettext_lazy("Question"), "choice", "clicked", questions),
            ),
            _followup_words, WAY, paths=(gettext_lazy("Yes"), gettext_lazy("No")),
        ),
        Kind("split", gettext_lazy("Split by chance"), "order", (), _split_words, WAY),
        Kind(
            "variant", gettext_lazy("Branch by variant"), "copy",
            (Ask("arm", gettext_lazy("Variant"), "text", "", high=120),), _variant_words, WAY,
            paths=(gettext_lazy("Yes"), gettext_lazy("No")),
        ),
        Kind(
            "exit", gettext_lazy("End the journey"), "cross",
            (Ask("as", gettext_lazy("As"), "choice", "left", lambda: [("left", _("left")), ("goal", _("goal reached"))]),),
            _exit_words, WAY,
        ),
    )
}  # fmt: skip

WAITS = ("wait", "wait_until", "wait_for")


def words_of(step: dict) -> str:
    """The step as a sentence, whatever is still missing."""
    return KINDS[step["type"]].words(step)


def languages() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]
