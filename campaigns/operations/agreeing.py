"""Asking for a yes, and saying it: to exactly the version that was read."""

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import Campaign, CampaignRules
from campaigns.operations.refusing import STARTABLE, CannotLaunch, locked, refuse


@transaction.atomic
def submit(*, campaign: Campaign, by, at) -> Campaign:
    """Ask an approver to look at a draft. Repeatable."""
    campaign = locked(campaign)
    if campaign.status not in STARTABLE:
        refuse(campaign, _("submitted"))
    campaign.submitted_by, campaign.submitted_at = by, at
    campaign.save()
    return campaign


@transaction.atomic
def approve(*, campaign: Campaign, by, at, version: int | None = None) -> Campaign:
    """Say yes to a draft as it stands. Raises CannotLaunch where the house wants somebody else, or it has changed since."""
    campaign = locked(campaign)
    if campaign.status not in STARTABLE:
        refuse(campaign, _("approved"))
    if version is not None and version != campaign.version:
        raise CannotLaunch(_("It was changed while you read it; look again before you approve."))
    authors = {campaign.submitted_by_id, campaign.edited_by_id}
    if CampaignRules.current().approval == CampaignRules.Approval.SOMEBODY_ELSE and by.pk in authors:
        raise CannotLaunch(_("Somebody other than the author has to approve this campaign."))
    campaign.approved_by, campaign.approved_at, campaign.approved_version = by, at, campaign.version
    campaign.save()
    return campaign


@transaction.atomic
def send_back(*, campaign: Campaign, by, at) -> Campaign:
    """Take a yes, or a request for one, back."""
    campaign = locked(campaign)
    if campaign.status not in STARTABLE:
        refuse(campaign, _("sent back"))
    campaign.submitted_at = campaign.approved_at = campaign.approved_version = None
    campaign.save()
    return campaign
