"""Steps for staff and machines: a tag, a field, a task, a call."""

from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.journeys.kinds.asking import Ask, Invalid, Kind
from campaigns.journeys.kinds.choosing import custom_fields, named, teams
from members import operations as members
from members.knowing import CODE

GROUP = "staff"


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


def _tag_also(step):
    if not CODE.regex.search(step["tag"]):
        raise Invalid(str(CODE.message), "tag")


def _field_also(step):
    try:
        members.cleaned_fields({step["field"]: step["value"]})
    except members.BadCustomValue as reason:
        raise Invalid(str(reason), "value") from None


KINDS = (
    Kind(
        "tag", gettext_lazy("Stick or take off a tag"), "tag",
        (
            Ask("act", gettext_lazy("Do"), "choice", "add", lambda: [("add", _("stick")), ("remove", _("take off"))]),
            Ask("tag", gettext_lazy("Tag"), "text", "", high=40),
        ),
        _tag_words, GROUP, also=_tag_also,
    ),
    Kind(
        "field", gettext_lazy("Set a field"), "edit",
        (
            Ask("field", gettext_lazy("Field"), "choice", "", custom_fields),
            Ask("value", gettext_lazy("Value"), "text", "", high=500, is_needed=False),
        ),
        _field_words, GROUP, also=_field_also,
    ),
    Kind(
        "task", gettext_lazy("Open a task for staff"), "clipboard-list",
        (
            Ask("title", gettext_lazy("What is to be done"), "text", "", high=160),
            Ask("team", gettext_lazy("Team"), "choice", "service", teams),
            Ask("days", gettext_lazy("Within days"), "number", 3, low=1, high=365),
        ),
        _task_words, GROUP,
    ),
    Kind(
        "webhook", gettext_lazy("Call a webhook"), "link-external",
        (Ask("url", gettext_lazy("Address"), "address", "", help=gettext_lazy("It gets a signed POST with the member's id; a repeat carries the same id.")),),
        _webhook_words, GROUP,
    ),
)  # fmt: skip
