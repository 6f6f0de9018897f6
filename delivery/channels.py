"""What a channel is: the protocol that SMTP and web push both speak, and which one serves which name.

Channels live below this app and do not import it: they read the attributes of `Outgoing` and give back anything that has
the attributes of `Result`. `tests/delivery/contract.py` holds every channel to the same promises.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

Guarantee = Literal["idempotent", "evidence", "at_most_once"]
Outcome = Literal["accepted", "refused", "deferred", "unknown"]


class Outgoing(NamedTuple):
    """One message, ready to leave."""

    message_id: str  # opaque, unique, the same at every attempt; e-mail: the Message-ID without its angle brackets
    recipient: Any  # e-mail: a bare address; push: a sequence of push.queries.Device
    content: (
        Any  # its bytes() are, for e-mail, the MIME message with CRLF line ends; for push, the JSON payload in clear
    )
    sender: str = ""  # e-mail: the envelope's return address, bare


class Result(NamedTuple):
    """What became of one message at the next hop.

    accepted: it is theirs now. refused: it never will be (5xx, 404, 410). deferred: certainly not taken, try later (4xx,
    429, connection lost before the final dot). unknown: it may or may not have been taken; nobody may send it again
    without evidence.
    """

    message_id: str
    outcome: Outcome
    detail: str = ""


class Channel(Protocol):
    """A way out of the house. One instance per process; it keeps its connections between calls."""

    name: str
    guarantee: Guarantee

    def send(self, batch: Sequence[Outgoing]) -> Iterable[Result]:
        """Hand over every message of `batch`, in order, and give one result for each.

        One bad message neither stops nor repeats the others. Results may be yielded as they become known: what was
        yielded before an exception is kept, everything else of the batch is then in doubt.
        """
        ...

    def close(self) -> None: ...


class Evidence(Protocol):
    """Somebody who knows what the next hop took: a relay's log, a recording sink."""

    def accepted(self, message_ids: Sequence[str]) -> set[str]:
        """Those of `message_ids` that the next hop took. What is missing, it did not take."""
        ...


@dataclass(frozen=True)
class Route:
    """A channel and the promise that can be made on it."""

    channel: Channel
    evidence: Evidence | None = None

    @property
    def guarantee(self) -> Guarantee:
        if self.evidence is not None:
            return "evidence"
        return "at_most_once" if self.channel.guarantee == "evidence" else self.channel.guarantee


MAIN = "main"


def ways(name: str) -> list[str]:
    """The transports that are set up for a channel, the main one first; none where the channel is not set up."""
    named = settings.DELIVERY_CHANNELS.get(name)
    return [] if named is None else [MAIN, *named.get("others", {})]


class Way(NamedTuple):
    """One transport of one channel. What an unknown one left behind is the main one's."""

    channel: str
    transport: str = MAIN
    others: tuple[str, ...] = ()


def all_ways() -> list[Way]:
    """Every transport of every channel that is set up."""
    found = []
    for channel in settings.DELIVERY_CHANNELS:
        _main, *others = ways(channel)
        found += [Way(channel, transport, tuple(others)) for transport in (MAIN, *others)]
    return found


@functools.cache
def route(name: str, transport: str = MAIN) -> Route:
    """The way out for a channel's name by one of its transports (settings.DELIVERY_CHANNELS). One per process.

    A transport that is no longer set up is the main one: what it left in doubt is asked for there.
    """
    named = settings.DELIVERY_CHANNELS[name]
    chosen = named.get("others", {}).get(transport, named)
    evidence = chosen.get("evidence")
    return Route(
        import_string(chosen["class"])(*chosen.get("arguments", ()), **chosen.get("options", {})),
        import_string(evidence[0])(*evidence[1:]) if evidence else None,
    )
