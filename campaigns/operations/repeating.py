"""A campaign that repeats: it waits for its next date, and on each date a campaign of its own is made and launched.

Every date is a row, unique in its series, so two beats make it once. Each draws its audience, its chance and its budget anew.
"""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import checks, timing
from campaigns.models import Campaign, Fire
from campaigns.operations.drafting import copy
from campaigns.operations.refusing import Blocked, CannotLaunch, Status


def rule_of(campaign) -> timing.Rule:
    return timing.Rule(
        campaign.repeat, tuple(campaign.weekdays), campaign.month_day, campaign.starts_on, campaign.ends_on
    )


def zone_of(campaign):
    return timing.zone(campaign.time_zone, otherwise=settings.TIME_ZONE)


def drawn_at(campaign, day):
    return timing.drawn_at(day, campaign.local_time, zone_of(campaign), is_local=campaign.is_local)


def upcoming(campaign, *, first, last):
    """The dates of a series from `first` to `last`, each with the moment its audience is drawn."""
    return [(day, drawn_at(campaign, day)) for day in timing.dates(rule_of(campaign), first=first, last=last)]


def start(campaign, *, at) -> Campaign:
    if problems := checks.blocking(campaign, at=at):
        raise Blocked(problems)
    campaign.next_at = first_after(campaign, at)
    if campaign.next_at is None:
        raise CannotLaunch(_("The rule names no date to come: change how often it repeats, or until when."))
    campaign.launched_at, campaign.status = at, Status.LIVE
    campaign.save()
    return campaign


def first_after(campaign, at):
    day = timing.next_date(rule_of(campaign), after=at.astimezone(zone_of(campaign)).date() - timedelta(days=1))
    while day is not None and drawn_at(campaign, day) < at:
        day = timing.next_date(rule_of(campaign), after=day)
    return drawn_at(campaign, day) if day else None


def occur(campaign, *, at) -> Campaign | None:
    """Make and launch the campaign of the date that has come; None when its series is over. The caller holds its lock.

    A date found too late is written down as missed and not sent.
    """
    from campaigns.operations.launching import launch  # late: launching starts series

    day = day_of(campaign)
    campaign.next_at = _next(campaign, day)
    if campaign.next_at is None:
        campaign.status = Status.SENT
    due = drawn_at(campaign, day)
    campaign.save()
    made = copy(
        campaign, name=f"{campaign.name[:105]} · {day:%Y-%m-%d}", timing=Campaign.Timing.ONCE, series=campaign, occurs_on=day,
        is_local=campaign.is_local, local_time=campaign.local_time, launch_at=due,
    )  # fmt: skip
    is_late = at > due + timedelta(hours=campaign.late_hours_max)
    outcome, detail = (Fire.Outcome.TOO_LATE, f"{(at - due).total_seconds() / 3600:.1f} h") if is_late else ("", "")
    if not is_late:
        try:
            made, outcome = launch(campaign=made, at=at), Fire.Outcome.LAUNCHED
        except CannotLaunch as reason:
            outcome, detail = Fire.Outcome.BLOCKED, str(reason)
    if outcome != Fire.Outcome.LAUNCHED:
        Campaign.objects.filter(pk=made.pk).update(status=Status.MISSED)
    Fire.objects.create(campaign=made, due_at=due, fired_at=at, outcome=outcome, detail=detail)
    return made


def day_of(campaign):
    """The date whose moment `next_at` is."""
    near = campaign.next_at.astimezone(zone_of(campaign)).date()
    days = (near + timedelta(days=n) for n in range(-2, 3))
    return next(day for day in days if drawn_at(campaign, day) == campaign.next_at)


def _next(campaign, day):
    following = timing.next_date(rule_of(campaign), after=day)
    return drawn_at(campaign, following) if following else None
