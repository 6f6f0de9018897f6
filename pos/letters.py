"""The code a member is sent when they agree to spending and have no app at hand."""

import logging
from smtplib import SMTPException
from threading import Thread

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

import members.operations
import members.queries

logger = logging.getLogger(__name__)


def send_code(person, here) -> str:
    """Send it and return what the session keeps to ask for it. Raises ValueError for a member without an address."""
    held = members.queries.identifiers(person).get("email")
    if held is None:
        raise ValueError(_("No e-mail address is known. Ask for their card or the code in their app."))
    start = members.operations.start_login(identifier=held.value)
    letter = _letter(start, here)
    Thread(target=_send, args=[letter], name="spending code").start()
    return str(start.login_id)


def _letter(start, here) -> EmailMultiAlternatives:
    with translation.override(start.language or settings.LANGUAGE_CODE):
        words = {"code": start.code, "shop_name": settings.SHOP_NAME, "store": here.store.name, "minutes": 10}
        subject = _("%(code)s: tell it to the cashier of %(shop_name)s") % words
        return EmailMultiAlternatives(
            subject,
            render_to_string("pos/code.txt", words),
            to=[start.address],
            headers={"Auto-Submitted": "auto-generated"},
        )


def _send(letter: EmailMultiAlternatives):
    try:
        letter.send()
    except (OSError, SMTPException) as reason:
        logger.error("A spending code could not be sent to the relay %s: %s", settings.EMAIL_HOST, reason)  # noqa: TRY400
