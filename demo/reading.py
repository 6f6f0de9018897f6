"""One recorded message in parts, for the inbox's reading pane."""

import email
import email.policy
import json
from dataclasses import dataclass, field

from demo.models import InboxMessage


@dataclass(frozen=True)
class Reading:
    """What can be shown of a message. `link` is where a push leads; only http and https addresses are kept."""

    html: str = ""
    text: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    source: str = ""
    title: str = ""
    body: str = ""
    link: str = ""


def read(message: InboxMessage) -> Reading:
    raw = bytes(message.raw)
    return _push(raw) if message.channel == InboxMessage.Channel.PUSH else _email(raw)


def _push(raw: bytes) -> Reading:
    source = raw.decode(errors="replace")
    try:
        content = json.loads(source)
    except ValueError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    link = str(content.get("url", ""))
    return Reading(
        title=str(content.get("title", "")),
        body=str(content.get("body", "")),
        link=link if link.startswith(("http://", "https://", "/")) else "",
        source=json.dumps(content, indent=2, ensure_ascii=False) if content else source,
    )


def _email(raw: bytes) -> Reading:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    html, text = parsed.get_body(preferencelist=("html",)), parsed.get_body(preferencelist=("plain",))
    return Reading(
        html=html.get_content() if html else "",
        text=text.get_content() if text else "",
        headers=[(name, str(value)) for name, value in parsed.items()],
        source=raw.decode(errors="replace"),
    )
