"""What is done to the demo's own tables: facts remembered, messages recorded."""

import email
import email.policy
import json

from django.db import transaction
from django.utils.html import strip_tags

from demo.models import Fact, InboxMessage


@transaction.atomic
def remember(**facts):
    """Keep facts by name; a later word replaces an earlier one."""
    for name, value in facts.items():
        Fact.objects.update_or_create(name=name, defaults={"value": value})


def _text_of(message) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    text = part.get_content()
    return strip_tags(text) if part.get_content_type() == "text/html" else text


def record_email(raw: bytes, *, to: str, at) -> InboxMessage:
    """Keep one e-mail as the local mail server received it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return InboxMessage.objects.create(
        at=at,
        channel=InboxMessage.Channel.EMAIL,
        to=to[:320],
        subject=str(message.get("Subject", ""))[:500],
        preview=" ".join(_text_of(message).split())[:200],
        raw=raw,
    )


def record_push(payload: bytes, *, to: str, at) -> InboxMessage:
    """Keep one push as the local endpoint decrypted it: JSON with title and body."""
    try:
        content = json.loads(payload)
    except ValueError:
        content = {}
    if not isinstance(content, dict):
        content = {}
    return InboxMessage.objects.create(
        at=at,
        channel=InboxMessage.Channel.PUSH,
        to=to[:320],
        subject=str(content.get("title", ""))[:500],
        preview=str(content.get("body", ""))[:200],
        raw=payload,
    )
