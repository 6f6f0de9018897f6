"""What delivery knows about one message, beside the member's values."""

from dataclasses import dataclass
from datetime import datetime


class Unsendable(ValueError):
    """A header of this message cannot travel by ordinary SMTP; the message says which and why."""


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """The addresses and marks of one message. Nothing here depends on how the message looks."""

    message_id: str  # with angle brackets, the same at every attempt
    to: str  # a bare address
    from_: str  # Name <address>
    date: datetime  # aware; the moment the message was due, so that a second attempt is the same message
    token: str  # URL-safe; names the message in every link
    link_base: str  # https://shop.example/m
    unsubscribe_url: str
    view_online_url: str
    pixel_url: str = ""  # empty: no open pixel
    reply_to: str = ""

    def addresses(self) -> dict[str, str]:
        """The fields a template gets from here rather than from the member."""
        return {"unsubscribe_url": self.unsubscribe_url, "view_online_url": self.view_online_url}

    @property
    def click_base(self) -> str:
        return f"{self.link_base}/c/{self.token}/"

    def check(self) -> None:
        """Raise `Unsendable` if a header could end early, or would need more than ordinary SMTP carries."""
        for address in (self.to, *([self.reply_to] if self.reply_to else [])):
            check_recipient(address)
        for word in (self.message_id, self.unsubscribe_url):
            if not _is_one_word(word) or ">" in word[:-1]:
                raise Unsendable(f"{word!r} cannot be written in a header; percent-encode it.")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all messages of one sender share. With it, a token makes every address of a message."""

    from_: str  # Name <address>
    link_base: str  # https://shop.example/m
    domain: str  # of the Message-ID
    reply_to: str = ""

    def facts(self, *, to: str, date: datetime, token: str) -> MessageFacts:
        base = self.link_base
        return MessageFacts(
            f"<{token}@{self.domain}>", to, self.from_, date, token, base, f"{base}/u/{token}", f"{base}/v/{token}",
            f"{base}/o/{token}.gif", self.reply_to,
        )  # fmt: skip


def check_recipient(address: str) -> None:
    """Raise `Unsendable` for an address that ordinary mail cannot carry."""
    if not _is_one_word(address) or address.count("@") != 1:
        raise Unsendable(f"{address!r} cannot be written in a header of ordinary mail.")


def _is_one_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
