"""From frozen words and a member's values to the payload that the service worker shows."""

import json
from dataclasses import dataclass

from push.wording import fill_in

PAYLOAD_BYTES_MAX = 3_993  # RFC 8291: 4,096 of the encrypted body, less its header (86), tag (16) and delimiter (1)


@dataclass(frozen=True)
class Preview:
    title: str
    body: str
    url: str


def render(frozen, values: dict, *, link_base: str, token: str) -> bytes:
    """The JSON payload: title, body, url (the tracked address) and tag. The body gives way where it is too long."""
    payload = {
        "title": fill_in(frozen.title, values),
        "body": fill_in(frozen.body, values),
        "url": f"{link_base}/c/{token}/0",
        "tag": token,
    }
    for name in ("body", "title"):
        over = len(_encode(payload)) - PAYLOAD_BYTES_MAX
        if over > 0:
            payload[name] = _shortened(payload[name], over)
    return _encode(payload)


def _shortened(text: str, bytes_over: int) -> str:
    """`text` without its last `bytes_over` bytes, never within a character, and with an ellipsis in their place."""
    kept = text.encode()[: -(bytes_over + len("…".encode()))].decode(errors="ignore")
    # JSON writes quotes and backslashes longer than UTF-8 does, so this may cut more than needed, never less.
    return f"{kept.rstrip()}…" if kept else ""


def _encode(payload: dict) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def preview(template, values: dict, *, language: str) -> Preview:
    """A template as it would arrive, by the same wording rules as the send."""
    from push.operations import wording_for  # both sides of one room

    wording = wording_for(template, language)
    return Preview(fill_in(wording.title, values), fill_in(wording.body, values), template.url)
