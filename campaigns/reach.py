"""Before a campaign goes out: exactly how many it would be sent to, how many a difference would need, and when that is known."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Count, FloatField, OuterRef, StdDev, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from campaigns import audiences, budgets, eligibility
from campaigns.models import Campaign
from insights import lift
from members.models import Member
from sales.models import Purchase

DETECTABLE = 0.1


@dataclass(frozen=True)
class Reach:
    """What a launch at this moment would mean: members drawn, skipped by reason, and those that chance shares out."""

    audience: int
    skipped: dict[str, int]
    eligible: int
    held_out: int
    cost_minor: int

    @property
    def sent(self) -> int:
        """About: whom exactly chance holds out is known when it is drawn."""
        return self.eligible - self.held_out


def reach(campaign: Campaign, *, at) -> Reach:
    """Count without writing anything. Raises audiences.Invalid."""
    variants = list(campaign.variants.all())
    drawn = audiences.compile(campaign.audience.conditions, at=at)
    left, skipped, total = drawn, {}, drawn.count()
    everybody, before = Member.objects.active(), total
    reasons = eligibility.held_by_control(everybody, at=at) | eligibility.skipped(variants, everybody, at=at)
    for reason, members in reasons.items():
        left = left.exclude(pk__in=members.order_by().values("pk"))
        now = left.count()
        skipped[reason], before = before - now, now
    share = campaign.holdout_percent / 100
    afford = budgets.affordable(campaign, variants)
    if afford is not None and before * (1 - share) > afford:
        within = round(afford / (1 - share))
        skipped[budgets.OVER_BUDGET], before = before - within, within
    held = round(before * share)
    cost = (before - held) * budgets.cost_of(campaign, variants)
    return Reach(total, {reason: n for reason, n in skipped.items() if n}, before, held, cost)


@dataclass(frozen=True)
class Power:
    """Whether the campaign can see a difference: members per arm needed for 10 %, those of its smaller side, and what it can see.

    `variant` and `variants_needed` are the same for two variants compared with each other; None with one variant only.
    """

    audience: int
    smallest_arm: int
    needed: int | None
    detectable: float | None = None
    variant: int | None = None
    days: int = 0

    @property
    def sentence(self) -> str:
        return _(
            "Detecting 10 %% needs about %(needed)s members per arm; the smaller side will have about %(have)s. "
            "Expect a wide interval."
        ) % {"needed": f"{self.needed:,}", "have": f"{self.smallest_arm:,}"}

    @property
    def is_enough(self) -> bool:
        return self.needed is not None and self.smallest_arm >= self.needed


def power_of(campaign: Campaign, *, at) -> Power | None:
    """From what the audience spent in a window of the same length just before; None without a holdout."""
    if not campaign.holdout_percent or campaign.audience is None:
        return None
    before = Purchase.objects.filter(
        member=OuterRef("pk"), purchased_at__gt=at - timedelta(days=campaign.outcome_days), purchased_at__lte=at
    )
    spent = before.order_by().values("member").annotate(n=Sum("total_minor")).values("n")
    members = audiences.compile(campaign.audience.conditions, at=at)
    rows = members.annotate(spent=Coalesce(Subquery(spent), 0, output_field=FloatField()))
    found = rows.aggregate(n=Count("pk"), mean=Avg("spent"), sd=StdDev("spent", sample=True))
    mean, sd, size = found["mean"] or 0, found["sd"] or 0, found["n"]
    held = round(size * campaign.holdout_percent / 100)
    variants = campaign.variants.count()
    return Power(
        size, min(held, size - held), lift.members_needed(mean, sd, DETECTABLE),
        lift.effect_detectable(mean, sd, held, size - held),
        (size - held) // variants if variants > 1 else None, campaign.outcome_days,
    )  # fmt: skip
