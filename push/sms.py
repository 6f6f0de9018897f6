"""Text messages by webhook: the place where any SMS gateway is plugged in.

One signed POST per message to an address of yours: a gateway that takes webhooks, or ten lines of your own in front of one.
The call is JSON and follows Standard Webhooks (https://www.standardwebhooks.com):

    POST <url>
    webhook-id: <the message's own id, the same at every try>
    webhook-timestamp: <seconds>
    webhook-signature: v1,<base64 of HMAC-SHA-256 over "id.timestamp.body">
    idempotency-key: <the same id>

    {"id": "…", "to": "+12125550123", "text": "…"}

Answer 2xx: it is yours. 4xx but 408, 425 and 429: it never will be. 408, 425, 429 and 5xx: not now. If your side takes each
id once, however often it is posted, say so (`is_idempotent`): doubts are then sent again with the same key, and every
message goes out exactly once. Else a lost answer leaves doubt.

A gateway with an interface of its own is a class with `name`, `guarantee`, `send` and `close`, named in
`DELIVERY_CHANNELS["sms"]`; `tests/delivery/contract.py` says what it must promise.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence

import requests

from push import posting
from push.posting import Result

TEXT_MAX = 1_530  # ten parts of 153 characters
_LATER = (408, 425, 429)


class SmsWebhookChannel:
    name = "sms"

    def __init__(self, url: str, secret: str, *, is_idempotent: bool = False, timeout_s=posting.TIMEOUT_S):
        self._url, self._secret, self._timeout_s = url, secret.encode(), timeout_s
        self.guarantee = "idempotent" if is_idempotent else "at_most_once"
        self._session = posting.session()

    def close(self) -> None:
        self._session.close()

    def send(self, batch: Sequence) -> Iterator[Result]:
        for one in batch:
            yield Result(one.message_id, *self._post(one.message_id, one.recipient, one.content))

    def _post(self, message_id: str, to: str, content: bytes) -> tuple[str, str]:
        body = json.dumps({"id": message_id, "to": to, "text": text_of(content)}, ensure_ascii=False).encode()
        try:
            answer = self._session.post(
                self._url,
                data=body,
                headers=self._headers(message_id, body),
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return posting.lost(error)
        detail = f"{answer.status_code} {answer.reason}"
        if 200 <= answer.status_code < 300:
            return "accepted", detail
        if answer.status_code in _LATER or answer.status_code >= 500:
            return "deferred", detail
        return "refused", detail

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        moment = str(int(time.time()))  # real time: the other side compares it with its own clock
        signed = hmac.digest(self._secret, f"{message_id}.{moment}.".encode() + body, hashlib.sha256)
        return {
            "Content-Type": "application/json", "Idempotency-Key": message_id, "webhook-id": message_id,
            "webhook-timestamp": moment, "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }  # fmt: skip


def text_of(content: bytes) -> str:
    """Title, body and address of a short message as one text; where it is too long, the words give way to the address."""
    words = json.loads(content)
    said = ". ".join(part.rstrip(".") for part in (words.get("title", ""), words.get("body", "")) if part)
    url = words.get("url", "")
    room = TEXT_MAX - len(url) - 1
    return f"{said if len(said) <= room else said[: room - 1] + '…'} {url}".strip()
