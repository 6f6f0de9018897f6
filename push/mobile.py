"""Push to apps through Firebase Cloud Messaging, HTTP v1: one POST per device, signed in as a service account.

https://firebase.google.com/docs/cloud-messaging/send/v1-api
"""

import json
from pathlib import Path

import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from push import operations, posting
from push.queries import AppDevice

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
TTL_S = 24 * 3600
_GONE = ("UNREGISTERED", "SENDER_ID_MISMATCH")


class FcmChannel(posting.ToEveryDevice):
    """`credentials`: the service account's JSON file. FCM takes no key of ours, so a lost answer leaves doubt."""

    name = "mobile"
    guarantee = "at_most_once"

    def __init__(
        self, credentials: str | Path, *, base_url: str = "https://fcm.googleapis.com", timeout_s=posting.TIMEOUT_S
    ):
        account = json.loads(Path(credentials).read_text())
        self._credentials = service_account.Credentials.from_service_account_info(account, scopes=[SCOPE])
        self._url = f"{base_url}/v1/projects/{account['project_id']}/messages:send"
        self._timeout_s = timeout_s
        self._session = posting.session()

    def close(self) -> None:
        self._session.close()

    def send_to(self, device: AppDevice, content: bytes, topic: str) -> tuple[str, str]:
        try:
            token = self._token()
        except GoogleAuthError as error:  # nothing was handed over
            return "deferred", f"no sign-in to FCM: {type(error).__name__}"
        try:
            answer = self._session.post(
                self._url, data=json.dumps(_body(device, content, topic)), timeout=self._timeout_s, allow_redirects=False,
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json; UTF-8"},
            )  # fmt: skip
        except requests.RequestException as error:
            return posting.lost(error)
        return self._read(device, answer)

    def _token(self) -> str:
        """An hour's pass, asked for when the last one ends."""
        if not self._credentials.valid:
            self._credentials.refresh(Request(session=self._session))
        return self._credentials.token

    def _read(self, device: AppDevice, answer: requests.Response) -> tuple[str, str]:
        status, word = answer.status_code, _error_of(answer)
        detail = f"{status} {word or answer.reason}"
        if status == 200:
            return "accepted", detail
        if status == 404 or word in _GONE:
            operations.forget_app(device_id=device.id)
            return "refused", detail
        if status == 401:  # the pass was withdrawn before its hour; the next try asks for another
            self._credentials.token = None
            return "deferred", detail
        if status == 429 or status >= 500:
            return "deferred", detail
        return "refused", detail


def _body(device: AppDevice, content: bytes, topic: str) -> dict:
    words = json.loads(content)
    return {
        "message": {
            "token": device.token,
            "notification": {"title": words["title"], "body": words.get("body", "")},
            "data": {"url": words.get("url", ""), "tag": words.get("tag", "")},
            "android": {"ttl": f"{TTL_S}s", "collapse_key": topic},
            "apns": {"headers": {"apns-collapse-id": topic}},
        }
    }


def _error_of(answer: requests.Response) -> str:
    """FCM's own word for what is wrong, such as UNREGISTERED or QUOTA_EXCEEDED."""
    try:
        error = answer.json().get("error", {})
    except (ValueError, AttributeError):
        return ""
    for one in error.get("details", ()):
        if one.get("errorCode"):
            return str(one["errorCode"])
    return str(error.get("status", ""))
