"""What a message's `content` names: something frozen in `emails` or `push`, and how it becomes bytes, a page or a link's target."""

import functools
from collections.abc import Callable
from datetime import datetime
from email.utils import parseaddr
from typing import Any, NamedTuple
from urllib.parse import urlparse

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from care import queries as cases
from delivery import tokens
from delivery.models import Message
from emails.facts import Letterhead, MessageFacts
from emails.fields import PERSONAL
from members import queries as people

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


def link_base() -> str:
    return f"{settings.SITE_URL}/m"


def internet_host() -> str:
    """What stands after the @ of every Message-ID of ours."""
    return _host(settings.SITE_URL)


def internet_message_id(message_id: int) -> str:
    return internet_name(tokens.token_for(message_id))


def internet_name(token: str) -> str:
    """The Message-ID header's content without its angle brackets: the same at every attempt."""
    return f"{token}@{_host(settings.SITE_URL)}"


@functools.lru_cache(maxsize=8)
def _host(url: str) -> str:
    return urlparse(url).hostname or "localhost"


@functools.lru_cache(maxsize=8)
def _letterhead(site_url: str, sender: str) -> Letterhead:
    return Letterhead(sender, f"{site_url}/m", _host(site_url))


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


class CaseReply:
    """An answer to a case: a person's own words, read when they leave and never frozen, so that what is erased is gone.

    It has no page of its own, because nobody but its reader should open it.
    """

    has_page = False

    @staticmethod
    def load(pk: int) -> cases.Reply:
        reply = cases.reply(pk)
        if reply is None:
            raise ObjectDoesNotExist(pk)
        return reply

    def writer(self, reply: cases.Reply) -> Writer:
        from emails import notices

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            said = notices.Notice(
                reply.subject, reply.text, values.get("given_name", ""), reply.language, is_automatic=reply.is_automatic
            )
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write

    @staticmethod
    def names(_reply: cases.Reply) -> frozenset[str]:
        return frozenset({"given_name"})

    def page(self, reply, values: dict, facts: Facts) -> None:
        return None

    def target(self, reply, link: str, values: dict) -> None:
        return None


class SurveyQuestion:
    """One question with its scores to tap, made when it leaves: the invitation's own token is all that is needed to answer.

    It has no page of its own beside the question's, and its links are not tracked: the answer says that it was opened.
    """

    has_page = False

    @staticmethod
    def subject(asked: cases.Question) -> str:
        return asked.text

    @staticmethod
    def load(pk: int) -> cases.Question:
        asked = cases.question(pk)
        if asked is None:
            raise ObjectDoesNotExist(pk)
        return asked

    def writer(self, asked: cases.Question) -> Writer:
        from emails import notices

        address = f"{settings.SITE_URL}/portal/surveys/{asked.token}/"

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            said = notices.Notice(
                asked.text, asked.text, values.get("given_name", ""), asked.language, is_automatic=True,
                taps=tuple((str(score), f"{address}?score={score}") for score in asked.scores),
                unsubscribe_url=f"{link_base()}/u/{token}",
            )  # fmt: skip
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write

    @staticmethod
    def names(_asked: cases.Question) -> frozenset[str]:
        return frozenset({"given_name"})

    def page(self, asked, values: dict, facts: Facts) -> None:
        return None

    def target(self, asked, link: str, values: dict) -> None:
        return None


class ConfirmationLetter:
    """The letter that asks whether a yes was meant: what it is about is read when it leaves. Its one link is the page that asks."""

    has_page = False

    @staticmethod
    def subject(asked) -> str:
        return _question(asked)[0]

    @staticmethod
    def load(pk: int):
        asked = people.asked_consent(pk)
        if asked is None:
            raise ObjectDoesNotExist(pk)
        return asked

    def writer(self, asked) -> Writer:
        from emails import notices

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            with translation.override(asked.member.language):
                said = notices.Notice(
                    *_question(asked), given_name=values.get("given_name", ""), language=asked.member.language,
                    is_automatic=True, taps=((gettext("Yes, write to me"), f"{link_base()}/y/{token}"),), is_one_act=True,
                )  # fmt: skip
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write

    @staticmethod
    def names(_asked) -> frozenset[str]:
        return frozenset({"given_name"})

    def page(self, asked, values: dict, facts: Facts) -> None:
        return None

    def target(self, asked, link: str, values: dict) -> None:
        return None


def _question(asked) -> tuple[str, str]:
    """Subject and text, in the language that is switched on."""
    words = {"shop_name": settings.SHOP_NAME, "day": date_format(timezone.localtime(asked.expires_at), "DATE_FORMAT")}
    topics = "\n".join(f"– {Message.Purpose(purpose).label}" for purpose in asked.purposes)
    before = gettext("You, or somebody who gave your address, asked %(shop_name)s to write to you about:") % words
    after = gettext(
        "One click confirms it. Until then we write nothing of the kind, and after %(day)s the question lapses by itself."
    )
    otherwise = gettext("If it was not you, you need not do anything.")
    return gettext(
        "Shall %(shop_name)s write to you?"
    ) % words, f"{before}\n\n{topics}\n\n{after % words}\n\n{otherwise}"


_MORE: dict[str, Any] = {}


def register(kind: str, handler) -> None:
    """Let an app above hand its own content to the outbox ("reports.DigestIssue"): loaded, written and shown by its handler.

    Content that goes to members also says whether it can be read online (`has_page`), and its `subject`, unless what is frozen has one.
    """
    _MORE[kind] = handler


_KINDS = {
    "emails.FrozenEmail": EmailContent(),
    "push.FrozenPush": PushContent(),
    "care.CaseEntry": CaseReply(),
    "care.Invitation": SurveyQuestion(),
    ASKED_CONSENT: ConfirmationLetter(),
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


def envelope_sender() -> str:
    return _bare_address(settings.MARKETING_FROM)


@functools.lru_cache(maxsize=8)
def _bare_address(header: str) -> str:
    return parseaddr(header)[1]
