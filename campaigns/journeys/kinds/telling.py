"""Steps that say something: e-mail, push, a note on the member's own page."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.journeys.kinds.asking import Ask, Invalid, Kind
from campaigns.journeys.kinds.choosing import emails, named, pushes

GROUP = "talk"


def _email_words(step):
    return _("E-mail “%(name)s”") % {"name": named(emails, step.get("template"))}


def _push_words(step):
    return _("Push “%(name)s”") % {"name": named(pushes, step.get("template"))}


def _note_words(step):
    return _("Note on their page: “%(title)s”") % {"title": step.get("title_en") or "?"}


def _note_also(step):
    if step["url"] and (not step["url"].startswith(("/", "https://")) or step["url"].startswith("//")):
        raise Invalid(_("A link leads to a page of this site (it begins with /) or begins with https://."), "url")


_OFFERS = (
    Ask("buy_again", gettext_lazy("“buy again” offers"), "number", 3, high=6),
    Ask("new_for_you", gettext_lazy("“new for you” offers"), "number", 2, high=6),
    Ask("offer_days", gettext_lazy("Offers hold for days"), "number", 14, low=1, high=180),
)

KINDS = (
    Kind(
        "email", gettext_lazy("Send an e-mail"), "mail",
        (Ask("template", gettext_lazy("E-mail"), "choice", "", emails), *_OFFERS), _email_words, GROUP, sends="email",
    ),
    Kind(
        "push", gettext_lazy("Send a push message"), "comment",
        (Ask("template", gettext_lazy("Push message"), "choice", "", pushes),), _push_words, GROUP, sends="push",
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
        _note_words, GROUP, also=_note_also,
    ),
)  # fmt: skip
