"""From draft to sent: plan, launch, hold, finish. Each verb may be called twice and acts once."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from campaigns import audiences, checks, eligibility, plans, values
from campaigns.bulk import in_bulk
from campaigns.models import Campaign, FrozenContent, Recipient
from delivery import operations as delivery
from delivery import queries as outbox
from experiments import operations as experiments
from experiments import queries as assigned
from loyalty import operations as loyalty
from members.models import Member
from recommender import operations as recommender
from recommender import queries as recommended

Status = Campaign.Status
CHUNK = 2000
HOLDOUT = "Holdout"
STARTABLE = (Status.DRAFT, Status.SCHEDULED, Status.MISSED)


class CannotLaunch(Exception):
    """The campaign's status does not allow it."""


class Blocked(CannotLaunch):
    """A check stands in the way; `.problems` lists them, each with where to fix it."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__(" ".join(str(problem.message) for problem in problems))


def _locked(campaign) -> Campaign:
    return Campaign.objects.select_for_update().get(pk=campaign.pk)


def _refuse(campaign, verb):
    raise CannotLaunch(
        _("A campaign that is %(status)s cannot be %(verb)s.") % {"status": campaign.get_status_display(), "verb": verb}
    )


# -- schedule ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def schedule(*, campaign: Campaign, launch_at, at) -> Campaign:
    """Launch at a later moment, business time. Raises Blocked while a check fails, CannotLaunch for a wrong moment."""
    campaign = _locked(campaign)
    if campaign.status not in STARTABLE:
        _refuse(campaign, _("scheduled"))
    if launch_at < at:
        raise CannotLaunch(_("The launch must not lie in the past; choose a later time or launch now."))
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    campaign.launch_at, campaign.status = launch_at, Status.SCHEDULED
    campaign.save()
    return campaign


@transaction.atomic
def unschedule(*, campaign: Campaign, at) -> Campaign:
    """Back to the drawing board, before it fired."""
    campaign = _locked(campaign)
    if campaign.status != Status.SCHEDULED:
        _refuse(campaign, _("unscheduled"))
    campaign.launch_at, campaign.status = None, Status.DRAFT
    campaign.save()
    return campaign


# -- plan --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def plan(*, campaign: Campaign, at) -> Campaign:
    """Draw the audience, assign it, freeze the words, decide the offers, and write down who gets what. Once.

    Everything is a snapshot of this moment; nothing leaves the house yet. Raises Blocked, CannotLaunch.
    """
    campaign = _locked(campaign)
    if campaign.planned_at:
        return campaign
    if campaign.status not in STARTABLE:
        _refuse(campaign, _("planned"))
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    campaign.experiment = _experiment(campaign, variants)
    campaign.audience_snapshot = audiences.clean(campaign.audience.conditions)
    _assign(campaign, variants, at)
    campaign.audience_size = assigned.arm_members(campaign.experiment).count()
    campaign.planned_at, campaign.status = at, Status.PLANNED
    campaign.save()
    plans.make(experiment=campaign.experiment, starts_at=at, at=at, outcome_days=campaign.outcome_days)
    _decide(campaign, at)
    for variant in variants:
        _write_recipients(campaign, variant, at)
    return campaign


def _experiment(campaign, variants):
    held = campaign.holdout_percent / 100
    weight = sum(variant.weight for variant in variants)
    arms = [(HOLDOUT, held, True)] if held else []
    arms += [(variant.name, (1 - held) * variant.weight / weight, False) for variant in variants]
    return experiments.create(name=campaign.name, kind="campaign", arms=arms)


def _assign(campaign, variants, at):
    experiments.keep_control(at=at)  # so that who joined this minute has a place in the standing control group too
    members = audiences.compile(campaign.audience_snapshot, at=at)
    everybody = Member.objects.active()
    with in_bulk():
        experiments.assign(
            experiment=campaign.experiment,
            members=members,
            at=at,
            skipped=eligibility.held_by_control(everybody, at=at) | eligibility.skipped(variants, everybody, at=at),
        )


def _decide(campaign, at):
    """Offers for everybody eligible: the held-out members' are never shown, and tell what an offer changes."""
    if campaign.offer_slots:
        eligible = Member.objects.filter(pk__in=assigned.eligible(campaign.experiment).values("member"))
        recommender.decide(cause=campaign.cause, members=eligible, slots=campaign.offer_slots, at=at)


def _write_recipients(campaign, variant, at):
    rows = assigned.eligible(campaign.experiment).filter(arm__name=variant.name, arm__is_holdout=False)
    for language, _name in settings.LANGUAGES:
        ids = list(rows.filter(_speaks(language)).order_by("member_id").values_list("member_id", flat=True))
        if ids:
            _freeze(variant, language)
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            told = values.for_members(chunk, cause=campaign.cause, language=language, at=at)
            Recipient.objects.bulk_create(
                Recipient(campaign=campaign, variant=variant, member_id=m, language=language, values=told[m])
                for m in chunk
            )


def _speaks(language):
    """Members of this language; who speaks none of ours reads the first."""
    ours = [code for code, _name in settings.LANGUAGES]
    return Q(member__language=language) | (~Q(member__language__in=ours) if language == ours[0] else Q(pk__in=[]))


def _freeze(variant, language):
    for channel in variant.channels:
        frozen = _frozen(variant, channel, language)
        FrozenContent.objects.get_or_create(
            variant=variant,
            language=language,
            channel=channel,
            defaults={"content": f"{frozen._meta.label}:{frozen.pk}"},
        )


def _frozen(variant, channel, language):
    from emails import operations as emails  # late: freezing brings the MJML compiler with it
    from push import operations as push

    if channel == "email":
        return emails.freeze(template=variant.email_template, language=language, site_url=settings.SITE_URL)
    return push.freeze(template=variant.push_template, language=language, site_url=settings.SITE_URL)


# -- launch ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def launch(*, campaign: Campaign, at) -> Campaign:
    """Plan if need be, grant the offers, and hand every message to delivery. The outcome window opens now."""
    campaign = _locked(campaign)
    if campaign.launched_at:
        return campaign
    if campaign.status not in (*STARTABLE, Status.PLANNED):
        _refuse(campaign, _("launched"))
    campaign = plan(campaign=campaign, at=at)
    campaign.launched_at, campaign.status = at, Status.SENDING
    campaign.outcome_ends_at = at + timedelta(days=campaign.outcome_days)
    campaign.save()
    if not campaign.is_rehearsal:  # a rehearsal's offers are read, never honoured: no real point moves for it
        _entitle(campaign)
    for frozen in FrozenContent.objects.filter(variant__campaign=campaign).select_related("variant"):
        _enqueue(campaign, frozen, at)
    return campaign


def _entitle(campaign):
    sent = Recipient.objects.filter(campaign=campaign).values("member")
    given = recommended.decisions(campaign.cause).filter(member__in=sent)
    begin, end = campaign.launched_at, campaign.outcome_ends_at
    rows = [
        loyalty.EntitlementIn(member_id, category_id, benefit, amount, begin, end, f"{campaign.cause}:{category_id}")
        for member_id, category_id, benefit, amount in given.values_list(
            "member_id", "category_id", "benefit", "amount"
        )
    ]
    loyalty.entitle(rows)


def _enqueue(campaign, frozen, at):
    reachable = Member.objects.active().filter(eligibility.can_be_sent(frozen.channel, at)).values("pk")
    rows = Recipient.objects.filter(variant=frozen.variant, language=frozen.language)
    rows = rows.exclude(~Q(member__in=reachable))  # NOT IN is hashed once; IN would be joined, and may be joined badly
    with in_bulk():
        delivery.enqueue(
            messages=rows.annotate(content=Value(frozen.content), due_at=Coalesce("send_at", Value(at))),
            cause=campaign.cause,
            channel=frozen.channel,
            at=at,
            priority=campaign.priority,
            late_max=timedelta(hours=campaign.message_hours_max) if campaign.message_hours_max else None,
        )


# -- while it is being sent --------------------------------------------------------------------------------------------


@transaction.atomic
def pause(*, campaign: Campaign, at) -> Campaign:
    campaign = _locked(campaign)
    if campaign.status == Status.PAUSED:
        return campaign
    if campaign.status != Status.SENDING:
        _refuse(campaign, _("paused"))
    delivery.pause(cause=campaign.cause, at=at)
    campaign.status = Status.PAUSED
    campaign.save()
    return campaign


@transaction.atomic
def resume(*, campaign: Campaign, at) -> Campaign:
    campaign = _locked(campaign)
    if campaign.status == Status.SENDING:
        return campaign
    if campaign.status != Status.PAUSED:
        _refuse(campaign, _("resumed"))
    delivery.resume(cause=campaign.cause)
    campaign.status = Status.SENDING
    campaign.save()
    return campaign


@transaction.atomic
def cancel(*, campaign: Campaign, at) -> Campaign:
    """Stop for good. What was sent stays sent, and is still measured if anybody was reached."""
    campaign = _locked(campaign)
    if campaign.status == Status.CANCELLED:
        return campaign
    if campaign.status in (Status.SENT, Status.MEASURED):
        _refuse(campaign, _("cancelled"))
    delivery.cancel(cause=campaign.cause, at=at)
    campaign.status = Status.CANCELLED
    campaign.save()
    return campaign


WAITING = ("pending", "claimed", "attempting")


@transaction.atomic
def finish(*, campaign: Campaign, at) -> Campaign:
    """Call the campaign sent once no message of it waits, and note which offers were really shown."""
    campaign = _locked(campaign)
    if campaign.status != Status.SENDING:
        return campaign
    messages = outbox.messages(campaign.cause)
    if messages.filter(state__in=WAITING).exists():
        return campaign
    for channel in ("email", "push"):
        shown = messages.filter(channel=channel, state="sent").values("member_id")
        recommender.record_exposures(
            cause=campaign.cause, members=Member.objects.filter(pk__in=shown), channel=channel, at=at
        )
    campaign.status = Status.SENT
    campaign.save()
    return campaign
