"""The programme's figures. A rehearsal writes no purchase and no point, so none of them can hold one."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, Sum

from loyalty import queries as loyalty
from members.models import Member
from reports import calendar, readings
from reports.asking import rows_of, zone_at
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


_WEEKS = """
SELECT week, sum(total)::bigint, sum(sales)::bigint, count(*) FILTER (WHERE sales > 0 AND member_id IS NOT NULL)
  FROM (SELECT width_bucket(purchased_at, %(begins)s::timestamptz[]) AS week, member_id, sum(total_minor) AS total,
               count(*) FILTER (WHERE kind = 1) AS sales
          FROM sales_purchase WHERE purchased_at > %(since)s AND purchased_at <= %(at)s GROUP BY 1, 2) AS bought
 GROUP BY 1 ORDER BY 1
"""


def weekly(*, at) -> list[Week]:
    """The weeks of the last year, oldest first; a week without a purchase is absent."""
    mondays = calendar.weeks_until(at, WEEKS + 1)
    given = {"begins": [calendar.midnight(day) for day in mondays], "since": at - timedelta(weeks=WEEKS), "at": at}
    return [Week(mondays[place - 1], *figures) for place, *figures in rows_of(_WEEKS, given)]


@dataclass(frozen=True)
class Repeat:
    """Members who bought in the last year, and those of them who came on a second day."""

    buyers: int
    returned: int

    @property
    def rate(self) -> float | None:
        return self.returned / self.buyers if self.buyers else None


_REPEAT = """
SELECT count(*), count(*) FILTER (WHERE (last AT TIME ZONE %(zone)s)::date > (first AT TIME ZONE %(zone)s)::date)
  FROM (SELECT min(purchased_at) AS first, max(purchased_at) AS last FROM sales_purchase
         WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at > %(since)s AND purchased_at <= %(at)s GROUP BY member_id) AS bought
"""


def repeat_rate(*, at) -> Repeat:
    [found] = rows_of(_REPEAT, zone_at(at, since=at - YEAR))
    return Repeat(*found)


def stages() -> dict[str, int]:
    """Active members per life-cycle stage, in the order a member goes through them."""
    counted = dict(Member.objects.active().order_by().values_list("lifecycle_stage").annotate(n=Count("pk")))
    return {stage: counted.get(stage, 0) for stage in Member.LifecycleStage.values}


def _tiles(at) -> dict:
    """What stands on the first page and takes long to count."""
    repeat = repeat_rate(at=at)
    return {
        "members": sum(stages().values()), "outstanding": loyalty.programme_totals(at=at).outstanding,
        "has_purchases": Purchase.objects.exists(), "repeat": repeat.rate,
    }  # fmt: skip


TILES = readings.Question("tiles:", _tiles)
readings.KINDS["tiles"] = lambda _rest: TILES


def history():
    """Imported campaigns with the households they reached and those that redeemed."""
    from campaigns.models import Campaign  # late: only the overview reads it

    redeemed = Count("historical_responses", filter=Q(historical_responses__redemptions__gt=0))
    rows = Campaign.objects.filter(kind=Campaign.Kind.HISTORICAL).annotate(
        redeemed=redeemed, redemptions=Sum("historical_responses__redemptions"), reached=F("audience_size")
    )
    return rows.order_by("launched_at", "pk")
