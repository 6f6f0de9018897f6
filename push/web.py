"""Web push: RFC 8030 over kept connections, the payload encrypted for the browser alone (RFC 8291), signed by VAPID."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import requests
from pywebpush import WebPusher, WebPushException

from push import operations, vapid
from push.queries import Device

TTL_S = 24 * 3600
TIMEOUT_S = (5, 15)  # to connect, and between two bytes of the answer


class Result(NamedTuple):
    """What became of one message at the push service. Outcomes: accepted, refused, deferred, unknown."""

    message_id: str
    outcome: str
    detail: str = ""


# What is best for the member wins: one browser reached is a message sent; a doubt forbids a second try by anybody.
_PREFERENCE = ("accepted", "unknown", "deferred", "refused")


class WebPushChannel:
    """Sends a payload to every browser of its recipient.

    A push service takes no key and keeps no log for us, so a lost answer leaves doubt: at most once.
    """

    name = "push"
    guarantee = "at_most_once"

    def __init__(self, *, ttl_s: int = TTL_S, timeout_s=TIMEOUT_S):
        self._ttl_s, self._timeout_s = ttl_s, timeout_s
        self._session = requests.Session()
        self._session.trust_env = False  # neither proxies nor .netrc of the machine decide where members' messages go

    def send(self, batch: Sequence) -> Iterator[Result]:
        """One result per message, in order, as each is known. Items have `message_id`, `recipient` (devices), `content`."""
        for one in batch:
            yield self._send_to_all(one.message_id, one.recipient, one.content)

    def close(self) -> None:
        self._session.close()

    def _send_to_all(self, message_id: str, devices: Iterable[Device], content: bytes) -> Result:
        answers = [self._send_to(device, content, topic=_topic(message_id)) for device in devices]
        outcome, detail = min(
            answers, key=lambda answer: _PREFERENCE.index(answer[0]), default=("refused", "no device")
        )
        return Result(message_id, outcome, detail)

    def _send_to(self, device: Device, content: bytes, *, topic: str) -> tuple[str, str]:
        if not operations.is_push_service(device.endpoint):
            return "refused", "not a push service that we send to"
        try:
            body = _encrypt(device, content)
        except (WebPushException, ValueError) as error:
            return "refused", f"cannot be encrypted: {type(error).__name__}"
        try:
            answer = self._session.post(
                device.endpoint, data=body, timeout=self._timeout_s, allow_redirects=False,
                headers={
                    "Authorization": vapid.authorization(device.endpoint), "Content-Encoding": "aes128gcm",
                    "Content-Type": "application/octet-stream", "TTL": str(self._ttl_s), "Topic": topic, "Urgency": "normal",
                },
            )  # fmt: skip
        except requests.ConnectTimeout:
            return "deferred", "the push service could not be reached"
        except requests.ConnectionError as error:
            return _lost(error)
        except requests.RequestException as error:
            return "unknown", f"no answer: {type(error).__name__}"
        return self._read(device, answer)

    @staticmethod
    def _read(device: Device, answer: requests.Response) -> tuple[str, str]:
        status = answer.status_code
        detail = f"{status} {answer.reason}"
        if status in (200, 201, 202):
            return "accepted", detail
        if status in (404, 410):
            operations.forget_device(device_id=device.id)
            return "refused", detail
        if status == 429 or status >= 500:
            return "deferred", detail
        return "refused", detail


def _topic(message_id: str) -> str:
    """At most 32 URL-safe characters; a repeat of the same message replaces the one still waiting at the service."""
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def _encrypt(device: Device, content: bytes) -> bytes:
    keys = {"p256dh": device.p256dh, "auth": device.auth}
    return WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(content, "aes128gcm")["body"]


def _lost(error: requests.ConnectionError) -> tuple[str, str]:
    """A connection that never came to be took nothing; one that broke later may have."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    if isinstance(error, requests.exceptions.SSLError):
        return "deferred", "no secure connection to the push service"
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError):
        return "deferred", "the push service could not be reached"
    return "unknown", "the connection was lost before an answer"
