"""Providers' webhooks, read by django-anymail: one vocabulary for all of them.

A receipt names our message by the Message-ID we gave it. Providers return it in different places, so the whole event is
looked through for a word that is one of our signed tokens. Only providers that return it for mail taken by SMTP are here.
"""

import json
import re
from datetime import UTC

from anymail.signals import tracking
from django.conf import settings
from django.dispatch import receiver
from django.utils.module_loading import import_string

from delivery import operations, tokens
from delivery.machines import is_machine
from members.clock import now

_VIEWS = {
    "brevo": "anymail.webhooks.brevo.BrevoTrackingWebhookView",
    "mailgun": "anymail.webhooks.mailgun.MailgunTrackingWebhookView",
}
_WORD = re.compile(rf"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{{{tokens.LENGTH}}}(?![A-Za-z0-9_-])")


class NotConfigured(LookupError):
    """No such provider, or nobody has set the secret that its calls must carry."""


def view_of(provider: str):
    """The view that takes this provider's calls. Without a secret nobody's word would be proved: then there is none."""
    if provider not in _VIEWS or not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        raise NotConfigured(provider)
    return import_string(_VIEWS[provider]).as_view()


def message_named_in(text: str) -> int | None:
    """The message whose token stands in a text; a word that only looks like one is passed over."""
    for word in _WORD.findall(text):
        try:
            return tokens.message_id_of(word)
        except tokens.BadToken:
            continue
    return None


@receiver(tracking)
def hear(event, esp_name, **kwargs):
    raw = json.dumps(event.esp_event, default=str, sort_keys=True)
    at = now()
    happened = event.timestamp.astimezone(UTC) if event.timestamp else at
    operations.take_receipt(
        operations.Receipt(
            provider=esp_name.lower()[:30], kind=event.event_type[:20], at=happened, raw=raw,
            event_id=str(event.event_id or ""), message_id=message_named_in(f"{event.message_id} {raw}"),
            recipient=event.recipient or "", reason=event.reject_reason or "",
            words=event.mta_response or event.description or "",
            is_machine=event.event_type in ("opened", "clicked") and _is_visit_of_a_machine(event, raw),
        ),
        at=at,
    )  # fmt: skip


def _is_visit_of_a_machine(event, raw: str) -> bool:
    """Brevo names the opens of Apple's privacy proxy itself and tells no user agent; elsewhere the agent decides."""
    if event.user_agent is None:
        return "proxy_open" in raw
    return is_machine(user_agent=event.user_agent, seconds_since_sent=None)
