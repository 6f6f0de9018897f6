"""What a message's `content` names: something frozen in `emails` or `push`, and how it becomes bytes, a page or a link's target."""

import functools
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from urllib.parse import urlparse

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist

from delivery import tokens


@dataclass(frozen=True, slots=True)
class Facts:
    """What a renderer needs to know of one message beside the member's values."""

    message_id: int
    due_at: datetime
    recipient: str = ""

    @property
    def token(self) -> str:
        return tokens.token_for(self.message_id)


def link_base() -> str:
    return f"{settings.SITE_URL}/m"


def internet_message_id(message_id: int) -> str:
    return tokens.internet_message_id(message_id, _host(settings.SITE_URL))


@functools.lru_cache(maxsize=8)
def _host(url: str) -> str:
    return urlparse(url).hostname or "localhost"


class EmailContent:
    """A frozen e-mail."""

    @staticmethod
    @functools.lru_cache(maxsize=64)  # frozen: what was read once stays true
    def load(pk: int):
        from emails.models import FrozenEmail

        return FrozenEmail.objects.get(pk=pk)

    @staticmethod
    def _message_facts(facts: Facts):
        from emails.facts import MessageFacts

        base, token = link_base(), facts.token
        return MessageFacts(
            message_id=f"<{token}@{_host(settings.SITE_URL)}>", to=facts.recipient, from_=settings.MARKETING_FROM,
            date=facts.due_at, token=token, link_base=base, unsubscribe_url=f"{base}/u/{token}",
            view_online_url=f"{base}/v/{token}", pixel_url=f"{base}/o/{token}.gif",
        )  # fmt: skip

    def render(self, frozen, values: dict, facts: Facts) -> bytes:
        from emails import rendering

        return rendering.render(frozen, values, message=self._message_facts(facts))

    def page(self, frozen, values: dict, facts: Facts) -> str:
        from emails import rendering

        return rendering.view_online(frozen, values, message=self._message_facts(facts))

    def target(self, frozen, link: str, values: dict) -> str | None:
        from emails.operations import link_target

        return link_target(frozen, link, values)


class PushContent:
    """A frozen push message. It has no page of its own."""

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def load(pk: int):
        from push.models import FrozenPush

        return FrozenPush.objects.get(pk=pk)

    def render(self, frozen, values: dict, facts: Facts) -> bytes:
        from push import rendering

        return rendering.render(frozen, values, link_base=link_base(), token=facts.token)

    def page(self, frozen, values: dict, facts: Facts) -> None:
        return None

    def target(self, frozen, link: str, values: dict) -> str | None:
        from push.operations import link_target

        return link_target(frozen, link, values)


_KINDS = {"emails.FrozenEmail": EmailContent(), "push.FrozenPush": PushContent()}


class UnknownContent(LookupError):
    """The message names content that is not there."""


def resolve(reference: str):
    """The handler and the frozen object behind "app.Model:id". Raises UnknownContent."""
    kind, _, pk = reference.partition(":")
    try:
        handler = _KINDS[kind]
        return handler, handler.load(int(pk))
    except (KeyError, ValueError, ObjectDoesNotExist) as error:
        raise UnknownContent(reference) from error


def envelope_sender() -> str:
    return _bare_address(settings.MARKETING_FROM)


@functools.lru_cache(maxsize=8)
def _bare_address(header: str) -> str:
    return parseaddr(header)[1]
