"""The letter that carries a sign-in code. It goes out after the page has been answered, so that the time of the answer
tells nobody whether an address belongs to a member.
"""

import logging
from smtplib import SMTPException
from threading import Thread

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

logger = logging.getLogger(__name__)


def send_soon(start) -> Thread | None:
    """Send the code of a LoginStart in a thread of its own; nothing to send when nobody has this address."""
    if not start.address or start.kind != "email":
        return None
    letter = _letter(start)
    thread = Thread(target=_send, args=[letter], name="sign-in code")
    thread.start()
    return thread


def _letter(start) -> EmailMultiAlternatives:
    with translation.override(start.language or settings.LANGUAGE_CODE):
        words = {"code": start.code, "shop_name": settings.SHOP_NAME, "minutes": 10}
        subject = _("%(code)s is your %(shop_name)s code") % words
        letter = EmailMultiAlternatives(subject, render_to_string("portal/code.txt", words), to=[start.address])
        letter.attach_alternative(render_to_string("portal/code_mail.html", words), "text/html")
        letter.extra_headers["Auto-Submitted"] = "auto-generated"
        return letter


def _send(letter: EmailMultiAlternatives):
    try:
        letter.send()
    except (OSError, SMTPException) as reason:
        logger.error("A sign-in code could not be sent to the relay %s: %s", settings.EMAIL_HOST, reason)  # noqa: TRY400
