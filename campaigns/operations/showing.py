"""The archive: a campaign's mail shown to everybody, because a marketer chose to."""

from django.db import transaction
from django.utils.translation import gettext as _

import delivery.operations
from campaigns.operations.refusing import CannotLaunch
from campaigns.running import FrozenContent


@transaction.atomic
def show_in_archive(*, campaign, at) -> int:
    """Let everybody read the campaign's e-mail, of the winner or else of its first variant, in each language it went out in.

    Raises CannotLaunch where nothing was sent yet, or no e-mail.
    """
    found = FrozenContent.objects.filter(variant__campaign=campaign, channel="email").order_by("variant_id", "language")
    chosen = campaign.winner_id or found.values_list("variant_id", flat=True).first()
    if campaign.launched_at is None or campaign.is_rehearsal or chosen is None:
        raise CannotLaunch(_("Only an e-mail that went out can be shown in the archive."))
    for frozen in found.filter(variant=chosen):
        delivery.operations.archive(content=frozen.content, cause=campaign.cause, sent_on=campaign.launched_at.date())
    return found.filter(variant=chosen).count()


def take_from_archive(*, campaign, at) -> int:
    """Show it no longer."""
    return delivery.operations.unarchive(cause=campaign.cause)
