"""The letter or text message that carries a sign-in code. It goes out after the page has been answered, so that the time of
the answer tells nobody whether an address belongs to a member.

A text message goes by the channel for text messages where one is set up (SMS_WEBHOOK_URL), else as a letter to the gateway of a
provider (SMS_GATEWAY, a domain that takes mail for `12125550123@…` and sends its first lines on); without either, nobody is asked for
a phone number.
"""

from collections.abc import Callable
from functools import partial
from threading import Thread
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

import delivery.operations
from emails import at_once
from members import normalise
from members.operations import kind_of

MINUTES = 10


def may_text() -> bool:
    """Whether codes can be sent to a phone."""
    return delivery.operations.can_answer("sms") or bool(settings.SMS_GATEWAY)


def send_soon(start) -> Thread | None:
    """Send the code of a LoginStart in a thread of its own; nothing to send when nobody has this address."""
    if not start.address or (start.kind == "phone" and not may_text()):
        return None
    with translation.override(start.language or settings.LANGUAGE_CODE):
        send = _by_mail(_letter(start)) if start.kind == "email" else _text(start)
    thread = Thread(target=send, name="sign-in code")
    thread.start()
    return thread


def _words(start) -> dict:
    return {"code": start.code, "shop_name": settings.SHOP_NAME, "minutes": MINUTES}


def _letter(start) -> EmailMultiAlternatives:
    words = _words(start)
    subject = _("%(code)s is your %(shop_name)s code") % words
    letter = EmailMultiAlternatives(subject, render_to_string("portal/code.txt", words), to=[start.address])
    letter.attach_alternative(render_to_string("portal/code_mail.html", words), "text/html")
    return letter


def _text(start) -> Callable:
    """The last line binds the code to this site, so that a phone fills it in here and nowhere else."""
    words = _words(start)
    host = settings.SITE_URL.partition("://")[2].partition(":")[0]
    body = _("%(code)s is your %(shop_name)s code. It works once, for %(minutes)s minutes.") % words
    text = f"{body}\n\n@{host} #{start.code}"
    if delivery.operations.can_answer("sms"):
        return partial(
            delivery.operations.send_now,
            channel="sms",
            recipient=start.address,
            text=text,
            key=f"code-{start.login_id}",
        )
    subject = _("%(code)s is your %(shop_name)s code") % words
    return _by_mail(EmailMessage(subject, text, to=[_gateway(start.address)]))


def _by_mail(letter: EmailMessage) -> Callable:
    letter.extra_headers["Auto-Submitted"] = "auto-generated"
    return partial(at_once.send, letter, what="A sign-in code")


def _gateway(number: str) -> str:
    return f"{number.lstrip('+')}@{settings.SMS_GATEWAY}"


def where_to_read(address: str) -> dict:
    """For the demo's page: the inbox with the message in it, whatever was typed."""
    if not settings.DEMO:
        return {}
    to = address
    if kind_of(address) == "phone":
        try:
            to = _gateway(normalise.phone(address))
        except ValueError:
            return {}
    return {"inbox_url": f"{reverse('demo:inbox')}?{urlencode({'to': to})}"}
