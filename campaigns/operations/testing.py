"""A test: the real message to a colleague, through delivery, in the words that a member would read."""

import logging
import uuid

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Value
from django.utils.translation import gettext as _

from delivery import operations as delivery
from delivery.tasks import STALE_S, deliver
from emails.fields import CODE, PERSONAL, READ_AS
from members import queries as members
from members.models import Member
from push.queries import is_subscribed

LOG = logging.getLogger(__name__)


class NotSent(Exception):
    """A test did not leave; the message says why."""


@transaction.atomic
def send_test(*, template, values: dict, user, at, read_as: int = 0) -> str:
    """Send a draft of an e-mail to a colleague. Answers the cause under which delivery knows it. Raises NotSent.

    `read_as`: the member through whose eyes it is read; their name is put in at the moment of sending and stored nowhere.
    0: the names among `values`, which are nobody's.
    """
    from emails import operations as emails  # late: freezing brings the MJML compiler with it

    if not user.email:
        raise NotSent(_("Your account has no e-mail address."))
    try:
        frozen = emails.freeze_test(template=template, site_url=settings.SITE_URL)
    except emails.CannotRead as reason:
        raise NotSent(str(reason)) from reason
    kept = {name: value for name, value in values.items() if not read_as or name == CODE or name not in PERSONAL}
    cause = f"test:{frozen.pk}:{uuid.uuid4()}"
    delivery.enqueue(
        messages=get_user_model().objects.filter(pk=user.pk).annotate(
            user_id=models.F("pk"), values=Value(kept | {READ_AS: read_as}, output_field=models.JSONField())
        ),
        cause=cause, channel="email", at=at, content=f"{frozen._meta.label}:{frozen.pk}", purpose="transactional",
    )  # fmt: skip
    transaction.on_commit(_hurry, robust=True)
    return cause


@transaction.atomic
def send_push_test(*, template, language: str, values: dict, user, at) -> str:
    """Push a draft to the browsers of whoever asks: those of the membership they hold with their own address. Raises NotSent.

    The names in it are their own, put in at the moment of sending; the other values are those given.
    """
    from push import operations as push

    me = user.email and members.by_identifier("email", user.email)
    if not me or not is_subscribed(me.pk):
        raise NotSent(
            _("Join the programme with %(address)s and allow messages in the portal: the test comes to that browser.")
            % {"address": user.email or _("your own address")}
        )
    try:
        frozen = push.freeze_test(template=template, language=language, site_url=settings.SITE_URL)
    except push.CannotFreeze as reason:
        raise NotSent(str(reason)) from reason
    kept = {name: value for name, value in values.items() if name not in PERSONAL}
    cause = f"test:push:{frozen.pk}:{uuid.uuid4()}"
    delivery.enqueue(
        messages=Member.objects.filter(pk=me.pk).annotate(
            member_id=models.F("pk"), values=Value(kept, output_field=models.JSONField())
        ),
        cause=cause, channel="push", at=at, content=f"{frozen._meta.label}:{frozen.pk}", purpose="transactional",
    )  # fmt: skip
    transaction.on_commit(_hurry, robust=True)
    return cause


def _hurry():
    """Somebody sits and waits. Without a worker's queue the next sweep sends it all the same."""
    try:
        deliver.apply_async(expires=STALE_S, retry=False)
    except Exception:  # noqa: BLE001 -- whatever the broker says, the message is written down
        LOG.info("the test waits for the next sweep")
