"""Before a campaign goes out: exactly how many it would be sent to, whom it would leave out and why, and what it may cost."""

from dataclasses import dataclass

from campaigns import audiences, budgets, eligibility
from campaigns.models import Campaign
from members.models import Member


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
