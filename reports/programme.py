"""The programme's figures. A rehearsal writes no purchase and no point, so none of them can hold one."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate, TruncWeek

from members.models import Member
from sales.models import Purchase

WEEKS = 52
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Week:
    """One calendar week from Monday: sales less refunds in minor units, and the number of purchases."""

    week: object
    total_minor: int
    purchases: int
    members: int


def weekly(*, at) -> list[Week]:
    """The weeks of the last year, oldest first; a week without a purchase is absent."""
    rows = (
        Purchase.objects.filter(purchased_at__gt=at - timedelta(weeks=WEEKS), purchased_at__lte=at)
        .order_by()
        .values(week=TruncWeek("purchased_at"))
        .annotate(
            total=Sum("total_minor"),
            n=Count("pk", filter=Q(kind=Purchase.Kind.SALE)),
            people=Count("member", filter=Q(kind=Purchase.Kind.SALE), distinct=True),
        )
        .order_by("week")
    )
    return [Week(row["week"].date(), row["total"], row["n"], row["people"]) for row in rows]


@dataclass(frozen=True)
class Repeat:
    """Members who bought in the last year, and those of them who came on a second day."""

    buyers: int
    returned: int

    @property
    def rate(self) -> float | None:
        return self.returned / self.buyers if self.buyers else None


def repeat_rate(*, at) -> Repeat:
    bought = Purchase.objects.filter(
        kind=Purchase.Kind.SALE, member__isnull=False, purchased_at__gt=at - YEAR, purchased_at__lte=at
    )
    days = bought.order_by().values("member").annotate(days=Count(TruncDate("purchased_at"), distinct=True))
    found = days.aggregate(buyers=Count("member"), returned=Count("member", filter=Q(days__gte=2)))
    return Repeat(found["buyers"], found["returned"])


def stages() -> dict[str, int]:
    """Active members per life-cycle stage, in the order a member goes through them."""
    counted = dict(Member.objects.active().order_by().values_list("lifecycle_stage").annotate(n=Count("pk")))
    return {stage: counted.get(stage, 0) for stage in Member.LifecycleStage.values}


def history():
    """Imported campaigns with the households they reached and those that redeemed."""
    from campaigns.models import Campaign  # late: only the overview reads it

    redeemed = Count("historical_responses", filter=Q(historical_responses__redemptions__gt=0))
    rows = Campaign.objects.filter(kind=Campaign.Kind.HISTORICAL).annotate(
        redeemed=redeemed, redemptions=Sum("historical_responses__redemptions"), reached=F("audience_size")
    )
    return rows.order_by("launched_at", "pk")
