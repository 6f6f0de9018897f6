"""Pause, resume, cancel: one row stops a million messages within one chunk, and a resume says what becomes of the past-due."""

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import Campaign, Entry
from campaigns.operations import paging, repeating
from campaigns.operations.refusing import CannotLaunch, Status, locked, refuse
from delivery import operations as delivery
from delivery import queries as outbox

SEND, RESCHEDULE, DROP = "send", "reschedule", "drop"
DROPPED = "too_late"


@transaction.atomic
def pause(*, campaign: Campaign, at) -> Campaign:
    """Stop within one chunk of every worker. A running series draws no date, a triggered campaign handles nobody."""
    campaign = locked(campaign)
    if campaign.status == Status.PAUSED:
        return campaign
    if campaign.status not in (Status.SENDING, Status.LIVE):
        refuse(campaign, _("paused"))
    for one in (campaign, *campaign.occurrences.filter(status=Status.SENDING)):
        delivery.pause(cause=one.cause, at=at)
        paging.hold_back(one, at=at)
    campaign.status = Status.PAUSED
    campaign.save()
    return campaign


@transaction.atomic
def resume(*, campaign: Campaign, at, past_due: str = SEND, until=None) -> Campaign:
    """Go on. What fell due meanwhile is sent now, postponed until a moment, or dropped, as `past_due` says."""
    campaign = locked(campaign)
    if campaign.status in (Status.SENDING, Status.LIVE):
        return campaign
    if campaign.status != Status.PAUSED:
        refuse(campaign, _("resumed"))
    if past_due == RESCHEDULE and (until is None or until <= at):
        raise CannotLaunch(_("Say when the past-due messages shall go: a moment that is still to come."))
    for one in (campaign, *campaign.occurrences.filter(status=Status.SENDING)):
        _settle(one, at, past_due, until)
        delivery.resume(cause=one.cause)
    if past_due != SEND and campaign.next_at and campaign.next_at <= at:
        campaign.next_at = repeating.first_after(campaign, at)  # dates that passed are not made up for
    campaign.status = Status.SENDING if campaign.timing == Campaign.Timing.ONCE else Status.LIVE
    campaign.save()
    return campaign


def _settle(campaign, at, past_due, until):
    paging.bring_back(campaign, at=at, until=until if past_due == RESCHEDULE else None, drops=past_due == DROP)
    waiting = campaign.entries.filter(state=Entry.State.WAITING, due_at__lte=at)
    if past_due == DROP:
        delivery.drop_due(cause=campaign.cause, at=at)
        waiting.update(state=Entry.State.SKIPPED, skip_reason=DROPPED, handled_at=at)
        return
    moment = until if past_due == RESCHEDULE else at
    waiting.update(due_at=moment)
    if past_due == RESCHEDULE:
        delivery.postpone_due(cause=campaign.cause, at=at, due_at=until)


def past_due(campaign: Campaign, *, at) -> int:
    """How many members wait for something that is due already: what a resume asks about."""
    causes = (campaign, *campaign.occurrences.filter(status=Status.SENDING))
    messages = sum(
        outbox.past_due(one.cause, at=at).order_by().values("member_id").distinct().count() for one in causes
    )
    return messages + campaign.entries.filter(state=Entry.State.WAITING, due_at__lte=at).count()


@transaction.atomic
def cancel(*, campaign: Campaign, at) -> Campaign:
    """Stop for good. What was sent stays sent, and is still measured if anybody was reached."""
    campaign = locked(campaign)
    if campaign.status == Status.CANCELLED:
        return campaign
    if campaign.status in (Status.SENT, Status.MEASURED):
        refuse(campaign, _("cancelled"))
    for one in (campaign, *campaign.occurrences.filter(status__in=(Status.SENDING, Status.PAUSED))):
        delivery.cancel(cause=one.cause, at=at)
        paging.hold_back(one, at=at)
        one.entries.filter(state=Entry.State.WAITING).update(
            state=Entry.State.SKIPPED, skip_reason="cancelled", handled_at=at
        )
        Campaign.objects.filter(pk=one.pk).update(status=Status.CANCELLED, next_at=None)
    campaign.refresh_from_db()
    return campaign
