"""What the channels that post over HTTP share: one result for each message, and what an answer, or none, means."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import requests

TIMEOUT_S = (5, 15)  # to connect, and between two bytes of the answer


class Result(NamedTuple):
    """What became of one message at the next hop. Outcomes: accepted, refused, deferred, unknown."""

    message_id: str
    outcome: str
    detail: str = ""


# What is best for the member wins: one device reached is a message sent; a doubt forbids a second try by anybody.
PREFERENCE = ("accepted", "unknown", "deferred", "refused")


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False  # neither proxies nor .netrc of the machine decide where members' messages go
    return made


def topic_of(message_id: str) -> str:
    """At most 32 URL-safe characters; a repeat of the same message replaces the one still waiting at the service."""
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def lost(error: requests.RequestException) -> tuple[str, str]:
    """A connection that never came to be took nothing; one that broke later may have."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    if isinstance(error, requests.ConnectTimeout):
        return "deferred", "the service could not be reached"
    if isinstance(error, requests.exceptions.SSLError):
        return "deferred", "no secure connection to the service"
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError):
        return "deferred", "the service could not be reached"
    if isinstance(error, requests.ConnectionError):
        return "unknown", "the connection was lost before an answer"
    return "unknown", f"no answer: {type(error).__name__}"


class ToEveryDevice:
    """One message goes to all devices of its recipient and has one result. `send_to(device, content, topic)` does it."""

    def send(self, batch: Sequence) -> Iterator[Result]:
        """One result per message, in order, as each is known. Items have `message_id`, `recipient` (devices), `content`."""
        for one in batch:
            yield self._send_to_all(one.message_id, one.recipient, one.content)

    def _send_to_all(self, message_id: str, devices: Iterable, content: bytes) -> Result:
        answers = [self.send_to(device, content, topic_of(message_id)) for device in devices]
        outcome, detail = min(answers, key=lambda answer: PREFERENCE.index(answer[0]), default=("refused", "no device"))
        return Result(message_id, outcome, detail)

    def send_to(self, device, content: bytes, topic: str) -> tuple[str, str]:
        raise NotImplementedError
