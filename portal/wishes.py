"""What the member might like, and what the member allows."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

import loyalty.queries
import loyalty.rewards
import members.queries
import recommender.operations
import recommender.queries
from members import modules

TEXT_VERSION = "portal-2"
PERSONAL = ("email", "profiling")
RECEIPTS = ("email", "receipts")
SLOTS = ("buy_again", "new_for_you")
CHANNELS = (("email", "mail", _("E-mail")), ("push", "bell", _("Push")), ("sms", "phone", _("Text message")))
TOPICS = (
    ("marketing", _("Offers and news"), _("A few a week at most, and one click to leave.")),
    ("points", _("About my points"), _("Before points expire, and when a tier changes.")),
    ("surveys", _("Questions after a visit"), _("One question, now and then.")),
)
RECOMMENDATIONS = (
    _("Personal recommendations"),
    _("We look at what you bought to suggest what you may like."),
)
RECEIPT_TOPIC = (_("Receipts"), _("Each receipt as soon as it is booked, with the points it brought."))
ASKED = {(channel, topic) for channel, *_words in CHANNELS for topic, *_more in TOPICS} | {PERSONAL, RECEIPTS}


@dataclass(frozen=True)
class Offers:
    """Both slots, and the benefits that already wait at the till. `is_personal` is the member's own word."""

    is_personal: bool
    buy_again: list
    new_for_you: list
    ready: list

    @property
    def is_empty(self) -> bool:
        return not (self.buy_again or self.new_for_you or self.ready)


@dataclass(frozen=True)
class Ready:
    """A benefit that the till applies by itself; without a category it holds for the whole shopping."""

    category: object
    words: str
    valid_until: datetime


@dataclass(frozen=True)
class Choice:
    """One question: may this channel be used for this topic?"""

    channel: str
    purpose: str
    icon: str
    name: str
    is_granted: bool
    is_waiting: bool = False  # for its confirmation by e-mail


@dataclass(frozen=True)
class Topic:
    """What something is about, with the word on each channel."""

    name: str
    hint: str
    choices: list[Choice]


def of(member, *, at, limit: int) -> Offers:
    """Recommendations unless the member refused them; benefits given stay theirs either way."""
    is_personal = members.queries.consent_now(member.pk, at=at).get(PERSONAL, True)
    slots = recommender.operations.show(member_id=member.pk, slots=dict.fromkeys(SLOTS, limit), channel="portal", at=at)
    given = loyalty.queries.active_entitlements(member.pk, at=at).filter(needs_code=False)
    ready = [_ready(one) for one in given]
    return Offers(is_personal, slots["buy_again"], slots["new_for_you"], ready)


def _ready(entitlement) -> Ready:
    if entitlement.benefit == entitlement.Benefit.MULTIPLY:
        words = gettext("%(times)s times the points") % {"times": f"{entitlement.amount / 100:g}"}
    elif entitlement.benefit != entitlement.Benefit.BONUS:
        words = loyalty.rewards.gives(entitlement)
    else:
        words = ngettext("%(points)s extra point", "%(points)s extra points", entitlement.amount)
        words %= {"points": entitlement.amount}
    return Ready(entitlement.category, words, entitlement.valid_until)


def _choice(channel: str, topic: str, icon: str, label, *, words: dict, waits: set) -> Choice:
    """Switched on where the member said yes, also while that waits for its confirmation: switching it off takes it back."""
    is_waiting = (channel, topic) in waits
    return Choice(channel, topic, icon, label, is_waiting or words.get((channel, topic), False), is_waiting)


def is_offered(member, category_id: int) -> bool:
    """Whether this type is among what the member is offered: nobody dismisses what was never suggested."""
    return any(
        one.category_id == category_id
        for slot in SLOTS
        for one in recommender.queries.recommendations(member.pk, slot, limit=100)
    )


def consents(member, *, at) -> tuple[list[Topic], Choice]:
    """Each question with the member's latest word; no word is no, and for recommendations on their own page yes.

    Nobody is asked about what the house does without: pushes or surveys, where they are switched off.
    """
    words = members.queries.consent_now(member.pk, at=at)
    waiting = members.queries.waiting_consent(member.pk, at=at)
    waits = {("email", topic) for topic in waiting.purposes} if waiting else set()
    topics = [
        Topic(
            name,
            hint,
            [
                _choice(channel, topic, icon, label, words=words, waits=waits)
                for channel, icon, label in CHANNELS
                if channel != "push" or modules.is_on("push")
            ],
        )
        for topic, name, hint in TOPICS
        if topic != "surveys" or modules.is_on("surveys")
    ]
    if modules.is_on("notices"):
        receipts = Choice(*RECEIPTS, "mail", CHANNELS[0][2], words.get(RECEIPTS, False))
        topics.append(Topic(*RECEIPT_TOPIC, [receipts]))
    return topics, Choice(*PERSONAL, "sparkle", RECOMMENDATIONS[0], words.get(PERSONAL, True))
