"""Which past mails everybody may read: a marketer's choice, mail by mail."""

from datetime import date

from django.db import transaction

from delivery import contents
from delivery.models import ArchivedMail


class CannotArchive(ValueError):
    """The content has no page that could be shown to everybody."""


@transaction.atomic
def archive(*, content: str, cause: str, sent_on: date) -> ArchivedMail:
    """Show a frozen e-mail to everybody, with nobody's values in it. Safe to repeat. Raises CannotArchive."""
    try:
        handler, frozen = contents.resolve(content)
    except contents.UnknownContent as error:
        raise CannotArchive(content) from error
    if not isinstance(handler, contents.EmailContent):
        raise CannotArchive(content)
    shown, _made = ArchivedMail.objects.update_or_create(
        content=content,
        defaults={
            "cause": cause, "language": frozen.language, "sent_on": sent_on, "subject": handler.public_subject(frozen)[:300],
        },
    )  # fmt: skip
    return shown


def unarchive(*, cause: str) -> int:
    """Show the mails of this cause no longer; answers how many were taken away."""
    return ArchivedMail.objects.filter(cause=cause).delete()[0]
