"""Web push: RFC 8030 over kept connections, the payload encrypted for the browser alone (RFC 8291), signed by VAPID."""

import requests
from pywebpush import WebPusher, WebPushException

from push import operations, posting, vapid
from push.queries import Device

TTL_S = 24 * 3600


class WebPushChannel(posting.ToEveryDevice):
    """Sends a payload to every browser of its recipient.

    A push service takes no key and keeps no log for us, so a lost answer leaves doubt: at most once.
    """

    name = "push"
    guarantee = "at_most_once"

    def __init__(self, *, ttl_s: int = TTL_S, timeout_s=posting.TIMEOUT_S):
        self._ttl_s, self._timeout_s = ttl_s, timeout_s
        self._session = posting.session()

    def close(self) -> None:
        self._session.close()

    def send_to(self, device: Device, content: bytes, topic: str) -> tuple[str, str]:
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
        except requests.RequestException as error:
            return posting.lost(error)
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


def _encrypt(device: Device, content: bytes) -> bytes:
    keys = {"p256dh": device.p256dh, "auth": device.auth}
    return WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(content, "aes128gcm")["body"]
