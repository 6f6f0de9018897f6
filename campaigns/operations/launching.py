"""From draft to sent: schedule, launch, finish. Each verb may be called twice and acts once."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from campaigns import budgets, checks, eligibility, timing
from campaigns.bulk import in_bulk
from campaigns.models import Campaign, FrozenContent, Recipient, Short, Wave
from campaigns.operations import listening, paging, repeating
from campaigns.operations.planning import plan
from campaigns.operations.refusing import STARTABLE, Blocked, CannotLaunch, Status, locked, refuse
from delivery import operations as delivery
from delivery import queries as outbox
from loyalty import operations as loyalty
from members.models import Member
from recommender import operations as recommender
from recommender import queries as recommended

WAITING = ("pending", "claimed", "attempting")
MONEY_OFF = ("percent", "amount", "product", "shipping")


# -- schedule ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def schedule(*, campaign: Campaign, launch_at, at) -> Campaign:
    """Launch at a later moment, business time. Raises Blocked while a check fails, CannotLaunch for a wrong moment.

    In the members' own time zones, `launch_at` says the date and the time of day; it goes off when the first of them get there.
    """
    campaign = locked(campaign)
    if campaign.status not in STARTABLE:
        refuse(campaign, _("scheduled"))
    if campaign.timing != Campaign.Timing.ONCE:
        raise CannotLaunch(_("A campaign that repeats or waits for an event has no single time: go live instead."))
    if launch_at < at:
        raise CannotLaunch(_("The launch must not lie in the past; choose a later time or launch now."))
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    if campaign.is_local:
        shown = launch_at.astimezone(timing.zone(campaign.time_zone, otherwise=settings.TIME_ZONE))
        campaign.occurs_on, campaign.local_time = shown.date(), shown.time().replace(tzinfo=None)
        launch_at = max(at, timing.moment(campaign.occurs_on, campaign.local_time, timing.ZoneInfo(timing.FIRST_ZONE)))
    campaign.launch_at, campaign.status = launch_at, Status.SCHEDULED
    campaign.save()
    return campaign


@transaction.atomic
def unschedule(*, campaign: Campaign, at) -> Campaign:
    """Back to the drawing board, before it fired."""
    campaign = locked(campaign)
    if campaign.status != Status.SCHEDULED:
        refuse(campaign, _("unscheduled"))
    campaign.launch_at, campaign.status = None, Status.DRAFT
    if campaign.series_id is None:
        campaign.occurs_on = None
    campaign.save()
    return campaign


# -- launch ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def launch(*, campaign: Campaign, at) -> Campaign:
    """Go live. Once: plan if need be, and hand every message to delivery; the outcome window opens now.

    A campaign that repeats waits for its next date; one that is triggered listens from now on. Raises Blocked, CannotLaunch.
    """
    campaign = locked(campaign)
    if campaign.launched_at:
        return campaign
    if campaign.status not in (*STARTABLE, Status.PLANNED):
        refuse(campaign, _("launched"))
    if campaign.timing == Campaign.Timing.RECURRING:
        return repeating.start(campaign, at=at)
    if campaign.timing == Campaign.Timing.TRIGGERED:
        return listening.start(campaign, at=at)
    campaign = plan(campaign=campaign, at=at)
    campaign.launched_at, campaign.status = at, Status.SENDING
    campaign.outcome_ends_at = at + timedelta(days=campaign.outcome_days)
    campaign.save()
    send_part(campaign, wave=1, at=at)
    return campaign


def send_part(campaign, *, wave: int, at):
    """Hand the recipients of one part to delivery, with their offers; what it may cost at most is noted under the budget."""
    mine = Recipient.objects.filter(campaign=campaign, wave=wave, visit=1)
    commit_cost(campaign, mine.count())
    if not campaign.is_rehearsal:  # a rehearsal's offers are read, never honoured: no real point moves for it
        entitle(campaign, mine, cause=campaign.cause, begin=at, end=campaign.outcome_ends_at)
    for frozen in FrozenContent.objects.filter(variant__campaign=campaign).select_related("variant"):
        enqueue(campaign, frozen, mine, cause=campaign.cause, at=at)
    Wave.objects.filter(campaign=campaign, number=wave).update(sent_at=at)


def commit_cost(campaign, members: int):
    """Note what these members may cost at most. The database refuses what goes beyond the budget."""
    cost = members * budgets.cost_of(campaign, list(campaign.variants.all()))
    if cost:
        Campaign.objects.filter(pk=campaign.pk).update(committed_minor=F("committed_minor") + cost)


def entitle(campaign, recipients, *, cause, begin, end):
    """Give the offers that each of the recipients is shown. What money off adds up to stays within the campaign's budget."""
    variants = {variant.pk: variant for variant in campaign.variants.all()}
    shown = dict(recipients.values_list("member_id", "variant_id"))
    given = recommended.decisions(cause).filter(member__in=recipients.values("member"))
    capped = {"budget": campaign.cause, "budget_minor": campaign.budget_minor}
    loyalty.entitle(
        loyalty.EntitlementIn(
            member_id, category_id, benefit, amount, begin, end, f"{cause}:{category_id}",
            **(capped if campaign.budget_minor and benefit in MONEY_OFF else {}),
        )
        for member_id, slot, position, category_id, benefit, amount in given.values_list(
            "member_id", "slot", "position", "category_id", "benefit", "amount"
        )
        if variants[shown[member_id]].shows(slot, position)
    )  # fmt: skip


def enqueue(campaign, frozen, recipients, *, cause, at):
    """Hand what is said in one language by one way to delivery, or put it onto the members' pages."""
    if frozen.channel == Short.PORTAL:
        paging.put(campaign, frozen, recipients, cause=cause, at=at)
        return
    reachable = Member.objects.active().filter(eligibility.can_be_sent(frozen.channel, at)).values("pk")
    rows = recipients.filter(variant=frozen.variant, language=frozen.language)
    rows = rows.exclude(~Q(member__in=reachable))  # NOT IN is hashed once; IN would be joined, and may be joined badly
    with in_bulk():
        delivery.enqueue(
            messages=rows.annotate(content=Value(frozen.content), due_at=Coalesce("send_at", Value(at))),
            cause=cause,
            channel=frozen.channel,
            at=at,
            priority=campaign.priority,
            late_max=timedelta(hours=campaign.message_hours_max) if campaign.message_hours_max else None,
        )


@transaction.atomic
def finish(*, campaign: Campaign, at) -> Campaign:
    """Call the campaign sent once no message of it waits and no part is still to come; note which offers were really shown."""
    campaign = locked(campaign)
    if campaign.status != Status.SENDING or is_unfinished(campaign):
        return campaign
    messages = outbox.messages(campaign.cause)
    if messages.filter(state__in=WAITING).exists() or paging.coming(campaign, at=at).exists():
        return campaign
    recommender.record_sent(messages=messages.filter(state="sent"))
    recommender.record_exposures(
        cause=campaign.cause,
        members=paging.shown(paging.of(campaign), at=at).values("member_id"),
        channel=Short.PORTAL,
        at=at,
    )
    campaign.status = Status.SENT
    campaign.save()
    return campaign


def is_unfinished(campaign) -> bool:
    """Whether members still wait for a winner or a later part."""
    if campaign.choice == Campaign.Choice.WINNER:
        return campaign.winner_id is None
    return campaign.waves.filter(sent_at=None).exists()
