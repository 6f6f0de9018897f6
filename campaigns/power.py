"""Whether a campaign could see a difference, before it starts: members needed per arm, those each arm has, and the day of the answer."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Avg, Count, FloatField, OuterRef, StdDev, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from campaigns import audiences, happenings, timing
from campaigns.models import Campaign
from insights import lift
from sales.models import Purchase

DETECTABLE = 0.1
LOOKED_BACK_DAYS = 14
"""How often something happens to members is read off the last two weeks."""
DAYS_MAX = 730
"""An answer later than this is none: the shop will be another one by then."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: how many members it gets, by each date of a series, or in two weeks of a trigger."""

    name: str
    members: int
    is_holdout: bool = False


@dataclass(frozen=True)
class Power:
    """What a campaign of these members could show.

    `needed`: members per arm for a difference of 10 %, four times in five; None where nobody bought. `arms`: the held-out members and
    each variant. `detectable`: the relative difference that all variants together could show. `begins_on`: when the first members are
    sent it, `ends_on`: when the report of as many as are needed, or as there are, is final; None where there will not be enough.
    """

    audience: int
    needed: int | None
    arms: tuple[Arm, ...]
    detectable: float | None
    begins_on: date
    ends_on: date | None

    @property
    def smallest_arm(self) -> int:
        """Of the two sides of the comparison that everything rests on: held out, and sent."""
        held = sum(arm.members for arm in self.arms if arm.is_holdout)
        return min(held, sum(arm.members for arm in self.arms) - held)

    @property
    def has_variants(self) -> bool:
        return sum(not arm.is_holdout for arm in self.arms) > 1

    @property
    def is_enough(self) -> bool:
        return self.needed is not None and self.smallest_arm >= self.needed

    @property
    def sentence(self) -> str:
        return _(
            "Detecting 10 %% needs about %(needed)s members per arm; the smaller side will have about %(have)s. "
            "Expect a wide interval."
        ) % {"needed": f"{self.needed:,}", "have": f"{self.smallest_arm:,}"}


def power_of(campaign: Campaign, *, at) -> Power | None:
    """From what the audience spent in a window of the same length just before; None without a holdout. Raises audiences.Invalid."""
    if not campaign.holdout_percent or campaign.audience is None:
        return None
    size, mean, sd = _spent(campaign, at)
    members = _happen_to(campaign, at) if campaign.timing == Campaign.Timing.TRIGGERED else size
    arms = _arms(campaign, members)
    held = arms[0].members
    needed = lift.members_needed(mean, sd, DETECTABLE)
    found = Power(
        size,
        needed,
        arms,
        lift.effect_detectable(mean, sd, held, members - held),
        _begins_on(campaign, at),
        ends_on=None,
    )
    return Power(**vars(found) | {"ends_on": _ends_on(campaign, found)})


def _spent(campaign, at) -> tuple[int, float, float]:
    """(members, mean, standard deviation) of the spend per member of the audience, in as many days as will be read."""
    before = Purchase.objects.filter(
        member=OuterRef("pk"), purchased_at__gt=at - timedelta(days=campaign.outcome_days), purchased_at__lte=at
    )
    spent = before.order_by().values("member").annotate(n=Sum("total_minor")).values("n")
    members = audiences.compile(campaign.audience.conditions, at=at)
    rows = members.annotate(spent=Coalesce(Subquery(spent), 0, output_field=FloatField()))
    found = rows.aggregate(n=Count("pk"), mean=Avg("spent"), sd=StdDev("spent", sample=True))
    return found["n"], found["mean"] or 0.0, found["sd"] or 0.0


def _happen_to(campaign, at) -> int:
    """To how many members of the audience it happened in the last two weeks; each counts once, as in the report."""
    settled = happenings.clean(campaign.trigger, campaign.trigger_settings)
    asked = happenings.happened(campaign.trigger, settled, after=at - timedelta(days=LOOKED_BACK_DAYS), until=at)
    if not asked:
        return 0
    meant, given = audiences.statement(campaign.audience.conditions, at=at)
    statement, own = asked
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(DISTINCT e.member_id) FROM ({statement}) e (member_id, key, occurred_at) WHERE e.member_id IN ({meant})",  # noqa: S608 - our own texts
            given | own,
        )
        return cursor.fetchone()[0]


def _arms(campaign, members: int) -> tuple[Arm, ...]:
    held = round(members * campaign.holdout_percent / 100)
    variants = list(campaign.variants.all())
    weights = sum(one.weight for one in variants) or 1
    compared = members - held
    if campaign.choice == Campaign.Choice.WINNER:
        compared = round(compared * campaign.test_percent / 100)
    arms = [Arm("Holdout", held, is_holdout=True)]
    arms += [Arm(one.name, round(compared * one.weight / weights)) for one in variants]
    rest = members - held - compared
    return (*arms, Arm("Rest", rest)) if rest else tuple(arms)


# -- the day of the answer ---------------------------------------------------------------------------------------------


def _begins_on(campaign, at) -> date:
    zone = timing.zone(campaign.time_zone, otherwise=settings.TIME_ZONE)
    begins = campaign.launch_at or at
    if campaign.timing == Campaign.Timing.RECURRING:
        days = _coming(campaign, at)
        return days[0] if days else at.astimezone(zone).date()
    return begins.astimezone(zone).date()


def _ends_on(campaign, found: Power) -> date | None:
    window = timedelta(days=campaign.outcome_days)
    if campaign.timing == Campaign.Timing.ONCE:
        return found.begins_on + window + timedelta(days=_days_of_sending(campaign))
    if not found.needed or not found.smallest_arm:
        return None
    times = found.needed / found.smallest_arm
    if campaign.timing == Campaign.Timing.TRIGGERED:
        days = math.ceil(times * LOOKED_BACK_DAYS)
        return found.begins_on + timedelta(days=days) + window if days <= DAYS_MAX else None
    coming = _coming(campaign, found.begins_on)
    return coming[math.ceil(times) - 1] + window if math.ceil(times) <= len(coming) else None


def _days_of_sending(campaign) -> int:
    """How many days after the first the last member is sent it."""
    hours = {
        Campaign.Choice.WINNER: campaign.decide_hours,
        Campaign.Choice.LEARNING: campaign.part_hours * (campaign.parts - 1),
    }.get(campaign.choice, 0)
    return math.ceil(hours / 24)


def _coming(campaign, since) -> list[date]:
    """The dates of a series from a day, or from a moment, on: those that an answer may be awaited for."""
    from campaigns.operations import repeating  # late: going live asks the checks, and they ask for this

    if not (campaign.repeat and campaign.local_time):
        return []
    first = since if not hasattr(since, "astimezone") else since.astimezone(repeating.zone_of(campaign)).date()
    days = repeating.upcoming(campaign, first=first, last=first + timedelta(days=DAYS_MAX))
    return [day for day, drawn in days if first is since or drawn >= since]
