"""Letters that nobody designs: answers to cases, one question of a survey, the question whether a yes was meant.

Each is read when it leaves and never frozen, so that what is erased is gone.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from care import queries as cases
from delivery.addresses import internet_name, link_base
from delivery.models import Message
from emails import notices
from members import queries as people

Writer = Callable[[dict, str, datetime, str], Any]  # values, recipient, date, token → what the channel sends


class Letter:
    """What letters have in common: no page of their own beside what they lead to, and no tracked links."""

    has_page = False

    @staticmethod
    def names(_said) -> frozenset[str]:
        return frozenset({"given_name"})

    def page(self, said, values: dict, facts) -> None:
        return None

    def target(self, said, link: str, values: dict) -> None:
        return None


def found(said, pk: int):
    """What was read, or ObjectDoesNotExist: erased meanwhile, or never there."""
    if said is None:
        raise ObjectDoesNotExist(pk)
    return said


class CaseReply(Letter):
    """An answer to a case: a person's own words. Nobody but its reader should open it."""

    @staticmethod
    def load(pk: int) -> cases.Reply:
        return found(cases.reply(pk), pk)

    def writer(self, reply: cases.Reply) -> Writer:
        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            said = notices.Notice(
                reply.subject, reply.text, values.get("given_name", ""), reply.language, is_automatic=reply.is_automatic
            )
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write


class SurveyQuestion(Letter):
    """One question with its scores to tap, made when it leaves: the invitation's own token is all that is needed to answer.

    Its links are not tracked: the answer says that it was opened.
    """

    @staticmethod
    def subject(asked: cases.Question) -> str:
        return asked.text

    @staticmethod
    def load(pk: int) -> cases.Question:
        return found(cases.question(pk), pk)

    def writer(self, asked: cases.Question) -> Writer:
        address = f"{settings.SITE_URL}/portal/surveys/{asked.token}/"

        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            with translation.override(asked.language):
                ends, no_more = _ends(), gettext("No more questions like this")
            said = notices.Notice(
                asked.text, asked.text, values.get("given_name", ""), asked.language, is_automatic=True,
                taps=tuple((str(score), f"{address}?score={score}") for score in asked.scores), ends=ends,
                unsubscribe=(no_more, f"{link_base()}/u/{token}"),
            )  # fmt: skip
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write


def _ends() -> tuple[str, str]:
    """What the lowest and the highest score mean, in the words of the page that takes the answer."""
    return gettext("Not at all"), gettext("Very much")


class ConfirmationLetter(Letter):
    """The letter that asks whether a yes was meant: what it is about is read when it leaves. Its one link is the page that asks."""

    @staticmethod
    def subject(asked) -> str:
        return _question(asked)[0]

    @staticmethod
    def load(pk: int):
        return found(people.asked_consent(pk), pk)

    def writer(self, asked) -> Writer:
        def write(values: dict, to: str, date: datetime, token: str) -> bytes:
            with translation.override(asked.member.language):
                said = notices.Notice(
                    *_question(asked), given_name=values.get("given_name", ""), language=asked.member.language,
                    is_automatic=True, taps=((gettext("Yes, write to me"), f"{link_base()}/y/{token}"),), is_one_act=True,
                )  # fmt: skip
            return notices.render(said, to=to, message_id=internet_name(token), date=date)

        return write


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
