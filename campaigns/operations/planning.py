"""From an audience to who gets what, when: drawn, assigned, frozen and written down. Nothing leaves the house here."""

from datetime import datetime, time, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns import audiences, budgets, checks, eligibility, enclosing, own_hours, plans, timing, values
from campaigns.budgets import Bucket
from campaigns.bulk import in_bulk
from campaigns.models import Campaign, FrozenContent, Recipient, Variant, Wave
from campaigns.operations.refusing import STARTABLE, Blocked, Status, locked, refuse
from experiments import operations as experiments
from experiments import queries as assigned
from experiments.buckets import BUCKETS
from members.models import Member
from recommender import operations as recommender

CHUNK = 2000
HOLDOUT, REST, ADDRESSED = "Holdout", "Rest", "Addressed"
"""Names of arms beside the variants' own: who gets nothing, who waits for the winner, and everybody where shares move."""


@transaction.atomic
def plan(*, campaign: Campaign, at) -> Campaign:
    """Draw the audience, assign it, freeze the words, decide the offers, and write down who gets what. Once.

    Everything is a snapshot of this moment; nothing leaves the house yet. Raises Blocked, CannotLaunch.
    """
    campaign = locked(campaign)
    if campaign.planned_at:
        return campaign
    if campaign.status not in STARTABLE:
        refuse(campaign, _("planned"))
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    variants = list(campaign.variants.select_related("email_template", "push_template"))
    campaign.experiment = experiment_of(campaign, variants)
    campaign.audience_snapshot = audiences.clean(campaign.audience.conditions)
    _assign(campaign, variants, at)
    campaign.audience_size = assigned.arm_members(campaign.experiment).count()
    campaign.planned_at, campaign.status = at, Status.PLANNED
    campaign.save()
    plans.make(experiment=campaign.experiment, starts_at=at, at=at, outcome_days=campaign.outcome_days)
    _decide(campaign, variants, at)
    _first_part(campaign, variants, at)
    return campaign


def experiment_of(campaign, variants):
    """The experiment of a campaign: the holdout first, so that its buckets are the lowest."""
    held = campaign.holdout_percent / 100
    arms = [(HOLDOUT, held, True)] if held else []
    sent = 1 - held
    if campaign.choice == Campaign.Choice.LEARNING:
        arms.append((ADDRESSED, sent, False))
    else:
        part = campaign.test_percent / 100 if campaign.choice == Campaign.Choice.WINNER else 1
        weight = sum(variant.weight for variant in variants)
        arms += [(variant.name, sent * part * variant.weight / weight, False) for variant in variants]
        arms += [(REST, sent * (1 - part), False)] if part < 1 else []
    return experiments.create(name=campaign.name, kind="campaign", arms=arms)


def _assign(campaign, variants, at):
    experiments.keep_control(at=at)  # so that who joined this minute has a place in the standing control group too
    members = audiences.compile(campaign.audience_snapshot, at=at)
    everybody = Member.objects.active()
    skipped = eligibility.held_by_control(everybody, at=at) | eligibility.skipped(variants, everybody, at=at)
    afford = budgets.affordable(campaign, variants)
    if afford is not None:
        left = members
        for one in skipped.values():
            left = left.exclude(pk__in=one.order_by().values("pk"))
        beyond = budgets.beyond(left, experiment=campaign.experiment, afford=afford).values_list("pk", flat=True)
        skipped[budgets.OVER_BUDGET] = Member.objects.filter(pk__in=list(beyond))
    with in_bulk():
        experiments.assign(experiment=campaign.experiment, members=members, at=at, skipped=skipped)


def most_slots(campaign, variants) -> dict[str, int]:
    """Slot → offers of the variant that shows the most: what is decided for everybody, so that arms can be compared."""
    most: dict[str, int] = {}
    for variant in variants:
        for slot, n in variant.slots(campaign).items():
            most[slot] = max(n, most.get(slot, 0))
    return most


def _decide(campaign, variants, at):
    """Offers for everybody eligible: the held-out members' are never shown, and tell what an offer changes."""
    if slots := most_slots(campaign, variants):
        eligible = Member.objects.filter(pk__in=assigned.eligible(campaign.experiment).values("member"))
        recommender.decide(cause=campaign.cause, members=eligible, slots=slots, at=at)


# -- who gets which variant --------------------------------------------------------------------------------------------


def _first_part(campaign, variants, at):
    if campaign.choice == Campaign.Choice.LEARNING:
        shares = shares_by_weight(variants)
        for number in range(1, campaign.parts + 1):
            due = at + timedelta(hours=campaign.part_hours * (number - 1))
            Wave.objects.create(campaign=campaign, number=number, due_at=due, shares=shares if number == 1 else {})
        write_part(campaign, variants, number=1, shares=shares, at=at)
        return
    if campaign.choice == Campaign.Choice.WINNER:
        Wave.objects.create(campaign=campaign, number=1, due_at=at, shares=shares_by_weight(variants))
    for variant in variants:
        in_arm = assigned.eligible(campaign.experiment).filter(arm__name=variant.name, arm__is_holdout=False)
        write_recipients(campaign, variant, in_arm, at=at)


def shares_by_weight(variants) -> dict[str, float]:
    whole = sum(variant.weight for variant in variants)
    return {str(variant.pk): variant.weight / whole for variant in variants}


def write_part(campaign, variants, *, number: int, shares: dict[str, float], at):
    """Write who gets what in one part of a campaign that learns: a member's part and variant are hashes of their own."""
    salt, parts = campaign.experiment.salt, campaign.parts
    rows = assigned.eligible(campaign.experiment).filter(arm__name=ADDRESSED)
    rows = rows.annotate(
        part=Bucket(f"{salt}:part", "member__public_id"), chance=Bucket(f"{salt}:part:{number}", "member__public_id")
    )
    rows = rows.filter(part__gte=BUCKETS * (number - 1) // parts, part__lt=BUCKETS * number // parts)
    cut = 0.0
    for variant in variants:
        share = shares[str(variant.pk)]
        mine = rows.filter(chance__gte=round(cut * BUCKETS), chance__lt=round((cut + share) * BUCKETS))
        write_recipients(campaign, variant, mine, at=at, wave=number, propensity=share)
        cut += share


def write_recipients(campaign, variant, rows, *, at, **facts):
    """Write down the members of `rows` (assignments) as recipients of a variant, with the values of their message."""
    due = _due_at(campaign, variant, at)
    usual = own_hours.usual(at=at) if variant.at_own_hour else []
    cause = facts.pop("cause", campaign.cause)
    for language, _name in settings.LANGUAGES:
        found = list(rows.filter(_speaks(language)).order_by("member_id").values_list("member_id", "member__time_zone"))
        needs = enclosing.needs_of(variant.email_template, language, variant.push_template)
        if found:
            freeze(variant, language)
        for start in range(0, len(found), CHUNK):
            chunk = found[start : start + CHUNK]
            ids = [m for m, _zone in chunk]
            enclosing.enclose(needs=needs, member_ids=ids, cause=cause, at=at)
            told = values.for_members(ids, cause=cause, language=language, at=at, needs=needs)
            own = own_hours.for_members(dict(chunk), at=at, usual=usual) if variant.at_own_hour else {}
            Recipient.objects.bulk_create(
                Recipient(
                    campaign=campaign, variant=variant, member_id=m, language=language,
                    values=_shown(told[m], variant), send_at=due(zone, own.get(m)), **facts,
                )
                for m, zone in chunk
            )  # fmt: skip


def _shown(told: dict, variant) -> dict:
    """The values with the offers this variant shows: more may have been decided, for another variant."""
    for slot in ("buy_again", "new_for_you"):
        if slot in told:
            told[slot] = [offer for place, offer in enumerate(told[slot], 1) if variant.shows(slot, place)]
    return told


def _due_at(campaign, variant, at):
    """(Time zone, the member's own hour if the variant goes by it) → when a member is due; None: as soon as the campaign goes out."""
    is_triggered = campaign.timing == Campaign.Timing.TRIGGERED
    fixed = variant.send_time or (None if is_triggered else campaign.local_time)
    of_shop = timing.zone(campaign.time_zone, otherwise=settings.TIME_ZONE)

    @lru_cache
    def due(name: str, hour: int | None = None) -> datetime | None:
        clock = fixed if hour is None else time(hour)
        if clock is None:
            return None
        is_local = campaign.is_local or hour is not None
        where = timing.zone(name, otherwise=settings.TIME_ZONE) if is_local else of_shop
        if campaign.occurs_on is None:
            return timing.next_at_time(at, clock, where)
        return max(at, timing.moment(campaign.occurs_on, clock, where))

    return due


def _speaks(language):
    """Members of this language; who speaks none of ours reads the first."""
    ours = [code for code, _name in settings.LANGUAGES]
    return Q(member__language=language) | (~Q(member__language__in=ours) if language == ours[0] else Q(pk__in=[]))


def freeze(variant: Variant, language: str):
    """Fix what a variant says in one language on each of its channels. Once: later edits do not reach it."""
    for channel in variant.ways:
        if not FrozenContent.objects.filter(variant=variant, language=language, channel=channel).exists():
            frozen = _frozen(variant, channel, language)
            FrozenContent.objects.get_or_create(
                variant=variant, language=language, channel=channel,
                defaults={"content": f"{frozen._meta.label}:{frozen.pk}"},
            )  # fmt: skip


def _frozen(variant, channel, language):
    from emails import operations as emails  # late: freezing brings the MJML compiler with it
    from push import operations as push

    if channel == "email":
        return emails.freeze(template=variant.email_template, language=language, site_url=settings.SITE_URL)
    return push.freeze(template=variant.push_template, language=language, site_url=settings.SITE_URL)
