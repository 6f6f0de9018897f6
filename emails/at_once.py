"""A letter that somebody waits for and that must not be stored: a code. It leaves past the outbox, and again while it is good."""

import logging
import time
from collections.abc import Sequence
from smtplib import SMTPException, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)
PAUSES_S = (1, 5, 15, 45, 120, 240)
"""Between one try and the next: about seven of the ten minutes that a code is good for."""


def send(letter: EmailMessage, *, what: str, pauses_s: Sequence[float] = PAUSES_S) -> bool:
    """Hand a letter to the relay, trying again while it is not taken; False when it was refused for good or never taken.

    Each try goes out under the same Message-ID, so that a letter taken twice is known for one. Blocks: call it in a thread of its own.
    """
    letter.extra_headers.setdefault("Message-ID", letter.message()["Message-ID"])
    for pause_s in (*pauses_s, None):
        try:
            letter.send()
        except (OSError, SMTPException) as reason:
            if pause_s is None or _is_final(reason):
                logger.error("%s could not be sent to the relay %s: %s", what, settings.EMAIL_HOST, reason)  # noqa: TRY400 (its words say enough)
                return False
            letter.connection = None  # a broken one must not be tried again
            time.sleep(pause_s)
        else:
            return True
    return False


def _is_final(reason: Exception) -> bool:
    """A 5xx: the same letter will be refused again. A refused recipient says it for each address."""
    if isinstance(reason, SMTPResponseException):
        return reason.smtp_code >= 500
    refused = getattr(reason, "recipients", None)
    return bool(refused) and all(code >= 500 for code, _words in refused.values())
