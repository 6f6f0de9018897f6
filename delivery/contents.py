"""What a message's `content` names: something frozen in `emails` or `push`, and how it becomes bytes, a page or a link's target."""

import functools
from collections.abc import Callable
from datetime import datetime
from email.utils import parseaddr
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from delivery import account_letters, letters, tokens
from delivery.addresses import internet_host, internet_message_id, internet_name, link_base
from emails.facts import Letterhead, MessageFacts
from emails.fields import PERSONAL

__all__ = [
    "ASKED_CONSENT", "UnknownContent", "envelope_sender", "facts_of", "internet_host", "internet_message_id", "internet_name",
    "link_base", "register", "resolve",
]  # fmt: skip

ASKED_CONSENT = "members.AskedConsent"

Writer = Callable[[dict, str, datetime, str], Any]  # values, recipient, date, token → what the channel sends


class Facts(NamedTuple):
    """What a renderer needs to know of one message beside the member's values."""

    token: str
    due_at: datetime
    recipient: str = ""


def facts_of(message_id: int, due_at: datetime, recipient: str = "") -> Facts:
    return Facts(tokens.token_for(message_id), due_at, recipient)


def _preferences() -> str:
    """Where somebody chooses what they hear who is not known by a message: their own pages, behind the sign-in."""
    return f"{settings.SITE_URL}/portal/preferences/"


@functools.lru_cache(maxsize=8)
def _letterhead(site_url: str, sender: str) -> Letterhead:
    return Letterhead(sender, f"{site_url}/m", internet_host())


class EmailContent:
    """A frozen e-mail."""

    has_page = True  # it can be read online

    @staticmethod
    @functools.lru_cache(maxsize=64)  # frozen: what was read once stays true
    def load(pk: int):
        from emails.models import FrozenEmail

        return FrozenEmail.objects.get(pk=pk)

    @staticmethod
    def _message_facts(facts: Facts) -> MessageFacts:
        return _letterhead(settings.SITE_URL, settings.MARKETING_FROM).facts(
            to=facts.recipient, date=facts.due_at, token=facts.token
        )

    def writer(self, frozen) -> Writer:
        """Gives bytes, or what `bytes()` makes them of; signed, where it is for us to sign."""
        from emails import rendering, signing

        letterhead = _letterhead(settings.SITE_URL, settings.MARKETING_FROM)
        write = rendering.writer(frozen, letterhead=letterhead, token_length=tokens.LENGTH)
        sign = signing.configured()
        if sign is None:
            return write
        return lambda values, to, date, token: sign(bytes(write(values, to, date, token)))

    @staticmethod
    def names(frozen) -> frozenset[str]:
        """Which personal fields its words show."""
        return PERSONAL.intersection(frozen.fields)

    def page(self, frozen, values: dict, facts: Facts) -> str:
        from emails import rendering

        return rendering.view_online(frozen, values, message=self._message_facts(facts))

    def public_page(self, frozen, *, at: str) -> str:
        """As everybody may read it: nobody's values, no pixel, and links that begin with `at` and note nobody."""
        from emails import rendering

        return rendering.public_page(frozen, view_online_url=at, click_base=f"{at}c/", preferences_url=_preferences())

    def public_subject(self, frozen) -> str:
        from emails import rendering

        return rendering.public_subject(frozen)

    def target(self, frozen, link: str, values: dict) -> str | None:
        from emails.operations import link_target

        return link_target(frozen, link, values)


class PushContent:
    """A frozen push message. It has no page of its own."""

    has_page = False

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def load(pk: int):
        from push.models import FrozenPush

        return FrozenPush.objects.get(pk=pk)

    def writer(self, frozen) -> Writer:
        from push import rendering

        base = link_base()
        return lambda values, _to, _date, token: rendering.render(frozen, values, link_base=base, token=token)

    @staticmethod
    def names(frozen) -> frozenset[str]:
        return PERSONAL.intersection(frozen.fields_used)

    def page(self, frozen, values: dict, facts: Facts) -> None:
        return None

    def target(self, frozen, link: str, values: dict) -> str | None:
        from push.operations import link_target

        return link_target(frozen, link, values)


_MORE: dict[str, Any] = {}


def register(kind: str, handler) -> None:
    """Let an app above hand its own content to the outbox ("reports.DigestIssue"): loaded, written and shown by its handler.

    Content that goes to members also says whether it can be read online (`has_page`), and its `subject`, unless what is frozen has one.
    """
    _MORE[kind] = handler


_KINDS = {
    "emails.FrozenEmail": EmailContent(),
    "push.FrozenPush": PushContent(),
    "care.CaseEntry": letters.CaseReply(),
    "care.Invitation": letters.SurveyQuestion(),
    ASKED_CONSENT: letters.ConfirmationLetter(),
    account_letters.RECEIPT: account_letters.Receipt(),
    account_letters.TIER_CHANGE: account_letters.TierChanged(),
    account_letters.EXPIRY_NOTICE: account_letters.PointsExpire(),
}


class UnknownContent(LookupError):
    """The message names content that is not there."""


def resolve(reference: str):
    """The handler and the frozen object behind "app.Model:id". Raises UnknownContent."""
    kind, _, pk = reference.partition(":")
    try:
        handler = _KINDS.get(kind) or _MORE[kind]
        return handler, handler.load(int(pk))
    except (KeyError, ValueError, ObjectDoesNotExist) as error:
        raise UnknownContent(reference) from error


def forget() -> None:
    """Read every frozen content anew: another database has others under the same numbers."""
    for kind in (EmailContent, PushContent):
        kind.load.cache_clear()


def envelope_sender() -> str:
    return _bare_address(settings.MARKETING_FROM)


@functools.lru_cache(maxsize=8)
def _bare_address(header: str) -> str:
    return parseaddr(header)[1]
