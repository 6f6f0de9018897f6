"""The code a member is sent when they agree to spending and have no app at hand."""

from functools import partial
from threading import Thread

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

import members.operations
import members.queries
from emails import at_once


def send_code(person, here) -> str:
    """Send it and return what the session keeps to ask for it. Raises ValueError for a member without an address."""
    held = members.queries.identifiers(person).get("email")
    if held is None:
        raise ValueError(_("No e-mail address is known. Ask for their card or the code in their app."))
    start = members.operations.start_login(identifier=held.value)
    letter = _letter(start, here)
    Thread(target=partial(at_once.send, letter, what="A spending code"), name="spending code").start()
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
