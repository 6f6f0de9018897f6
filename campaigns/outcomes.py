"""What came of an experiment, counted by PostgreSQL: one statement gives the sums of every metric per arm and segment.

Campaigns, points rules under trial and the standing control group are read by the same statement. Everybody assigned and not
skipped counts, whatever became of their message (intention to treat). Purchases count from the start to the end of the window,
refunds taken off; a member's spend above the plan's cap is read as the cap. An offer counts as redeemed when its product type
was bought, by held-out members too: they were decided an offer that they never saw. Opens decide nothing and are not here.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from campaigns import margins, metrics
from campaigns.models import AnalysisPlan
from campaigns.tallies import reading
from insights.lift import Aggregates

# ruff: noqa: S608 - statements are joined from the constants of this package alone; every value is a parameter

#: Metric → its unit. The first is primary, fixed before any launch.
METRICS = {name: measure.unit for name, measure in metrics.BY_NAME.items()}
#: By purchases in the time before: none, one to three, four and more. Fixed, and known before anybody was assigned.
SEGMENTS = ("none", "few", "many")
DAYS_IN_A_WORD = 60


@dataclass(frozen=True)
class Subject:
    """What is read: an experiment, from when, the cause its offers and messages bear, and how its members came.

    `is_staggered`: members are concerned from their own assignment on, as with rules, not all from one launch.
    """

    experiment: object
    begin: datetime
    plan: AnalysisPlan | None
    cause: str = ""
    has_offers: bool = False
    rehearsal_of: int | None = None
    is_staggered: bool = False

    @property
    def measures(self) -> tuple[metrics.Measure, ...]:
        has_margin = self.plan is not None and (self.plan.margin_percent is not None or self.margins)
        return metrics.told(*[metrics.MARGIN] * bool(has_margin), *[metrics.OFFERS] * self.has_offers)

    @property
    def margins(self) -> dict[str, int]:
        """By category, where the plan has a margin for it."""
        return self.plan.margins if self.plan else {}


def of_campaign(campaign) -> Subject:
    """A launched campaign as a subject; of a triggered one, each member counts from the moment they were let in."""
    plan = AnalysisPlan.objects.filter(experiment=campaign.experiment_id).first()
    is_triggered = campaign.timing == "triggered"
    return Subject(
        campaign.experiment, campaign.launched_at, plan, cause=campaign.cause,
        has_offers=bool(campaign.offer_slots) and not is_triggered, rehearsal_of=campaign.pk if campaign.is_rehearsal else None,
        is_staggered=is_triggered,
    )  # fmt: skip


_ASSIGNED = """
assigned AS {kept} (
    SELECT a.member_id, a.arm_id, greatest(a.assigned_at, %(begin)s) AS since,
           coalesce(least(b.spend_minor, %(before_cap)s), 0)::float8 AS spend_before, coalesce(b.orders, 0)::float8 AS orders_before,
           coalesce(b.visits, 0)::float8 AS visits_before, (coalesce(b.orders, 0) > 0)::int::float8 AS buyers_before
      FROM experiments_assignment a LEFT JOIN campaigns_baseline b ON b.assignment_id = a.id
     WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND a.assigned_at < %(end)s
)"""

_BOUGHT = """
bought AS (
    SELECT p.member_id, sum(p.total_minor)::bigint AS whole, least(sum(p.total_minor), %(cap)s)::float8 AS spend, (count(*) FILTER (WHERE p.kind = 1))::float8 AS orders,
           {visits}::float8 AS visits
      FROM sales_purchase p {mine}
     WHERE p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s AND p.member_id IS NOT NULL {since}
     GROUP BY p.member_id
)"""
_DAY = "((p.purchased_at AT TIME ZONE %(zone)s)::date - (%(begin)s::timestamptz AT TIME ZONE %(zone)s)::date)"
_FEW_DAYS = f"coalesce(bit_count((bit_or(1::bigint << {_DAY}) FILTER (WHERE p.kind = 1))::bit(64)), 0)"
_MANY_DAYS = f"count(DISTINCT {_DAY}) FILTER (WHERE p.kind = 1)"

# 1 is ISSUED, 2 REDEEMED, 4 CANCELLED: points given less those taken back, points spent less those given back. A transfer is
# never posted before it happened, and the posting time is what the table is indexed by.
_MOVED = """
moved AS (
    SELECT w.member_id,
           sum(CASE WHEN t.debit_account = 1 THEN t.points WHEN t.credit_account = 4 THEN -t.points ELSE 0 END)::float8 AS earned,
           sum(CASE WHEN t.credit_account = 2 THEN t.points WHEN t.debit_account = 2 THEN -t.points ELSE 0 END)::float8 AS spent
      FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = 1 {mine}
     WHERE t.posted_at >= %(begin)s AND t.occurred_at >= %(begin)s AND t.occurred_at < %(end)s
       AND (t.debit_account IN (1, 2) OR t.credit_account IN (2, 4)) {since}
     GROUP BY w.member_id
)"""

_LEFT = """
left_us AS (
    SELECT c.member_id FROM members_consent c {mine}
     WHERE c.purpose = 'marketing' AND NOT c.is_granted AND c.at >= %(begin)s AND c.at < %(end)s {since} GROUP BY c.member_id
), spoke_up AS (
    SELECT m.member_id FROM delivery_messageevent e JOIN delivery_message m ON m.id = e.message_id {mine_message}
     WHERE e.kind = 'complained' AND e.at >= %(begin)s AND e.at < %(end)s AND m.member_id IS NOT NULL {since_event} GROUP BY m.member_id
)"""

_REDEEMED = """
redeemed AS (
    SELECT p.member_id, sum(l.quantity)::float8 AS units
      FROM recommender_decision d
      JOIN sales_purchase p ON p.member_id = d.member_id AND p.kind = 1 AND p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s
      JOIN sales_purchaseline l ON l.purchase_id = p.id
      JOIN sales_product r ON r.id = l.product_id AND r.category_id = d.category_id
     WHERE d.cause = %(cause)s
     GROUP BY p.member_id
)"""

_OUTCOME = """
outcome AS (
    SELECT a.arm_id, a.member_id, a.spend_before, a.orders_before, a.visits_before, a.buyers_before,
           CASE WHEN a.orders_before = 0 THEN 0 WHEN a.orders_before < 4 THEN 1 ELSE 2 END AS segment,
           coalesce(b.spend, 0) AS spend, coalesce(b.orders, 0) AS orders, coalesce(b.visits, 0) AS visits,
           (b.orders > 0 AND b.orders IS NOT NULL)::int::float8 AS buyers,
           coalesce(m.earned, 0) AS points_earned, coalesce(m.spent, 0) AS points_spent,
           coalesce({kept}, 0) AS margin, coalesce({kept}, 0) - coalesce(m.earned, 0) * %(point)s AS net,
           (u.member_id IS NOT NULL)::int::float8 AS withdrew, (s.member_id IS NOT NULL)::int::float8 AS complained {offers}
      FROM assigned a LEFT JOIN bought b USING (member_id) LEFT JOIN moved m USING (member_id)
      LEFT JOIN left_us u USING (member_id) LEFT JOIN spoke_up s USING (member_id) {beyond} {redeemed}
)"""

_SIMULATED = """
outcome AS (
    SELECT a.arm_id, a.member_id, a.spend_before, a.orders_before, a.visits_before, a.buyers_before,
           CASE WHEN a.orders_before = 0 THEN 0 WHEN a.orders_before < 4 THEN 1 ELSE 2 END AS segment,
           coalesce(least(o.spend_minor, %(cap)s), 0)::float8 AS spend, coalesce(o.orders, 0)::float8 AS orders,
           coalesce(o.orders, 0)::float8 AS visits, (coalesce(o.orders, 0) > 0)::int::float8 AS buyers,
           0::float8 AS points_earned, 0::float8 AS points_spent, coalesce(least(o.spend_minor, %(cap)s), 0)::float8 * %(margin)s / 100 AS margin,
           coalesce(least(o.spend_minor, %(cap)s), 0)::float8 * %(margin)s / 100 AS net,
           coalesce(o.is_unsubscribed, false)::int::float8 AS withdrew, 0::float8 AS complained,
           coalesce(o.is_redeemed, false)::int::float8 AS redeemers, jsonb_array_length(coalesce(o.redeemed_categories, '[]'))::float8 AS units
      FROM assigned a LEFT JOIN campaigns_rehearsaloutcome o ON o.member_id = a.member_id AND o.campaign_id = %(campaign)s
)"""


def _source(subject: Subject, *, days: float, is_summed: bool = False) -> str:
    """The WITH clause that ends in `outcome`, one row per assigned member. `is_summed`: by the running sums, where they go."""
    if is_summed:
        left_us = _LEFT.format(mine="", since="", mine_message="", since_event="")
        more = {"left_us": ", ".join([left_us, *([_REDEEMED] if subject.has_offers else [])])}
        return reading.source(by_category=bool(subject.margins), **more, **_of_offers(subject))
    assigned = _ASSIGNED.format(kept="MATERIALIZED" if subject.is_staggered else "NOT MATERIALIZED")
    if subject.rehearsal_of:
        return f"WITH {assigned}, {_SIMULATED}"
    mine, since = ("JOIN assigned a ON a.member_id = {}", "AND {} >= a.since") if subject.is_staggered else ("", "")
    visits = _FEW_DAYS if days <= DAYS_IN_A_WORD else _MANY_DAYS
    parts = [
        assigned,
        _BOUGHT.format(visits=visits, mine=mine.format("p.member_id"), since=since.format("p.purchased_at")),
        _MOVED.format(mine=mine.format("w.member_id"), since=since.format("t.occurred_at")),
        _LEFT.format(
            mine=mine.format("c.member_id"), since=since.format("c.at"), mine_message=mine.format("m.member_id"),
            since_event=since.format("e.at"),
        ),
        *([_REDEEMED] if subject.has_offers else []),
        *([margins.BEYOND.format(mine=mine.format("p.member_id"), which=since.format("p.purchased_at"))] if subject.margins else []),
        _OUTCOME.format(**_of_margin(subject), **_of_offers(subject)),
    ]  # fmt: skip
    return "WITH " + ", ".join(parts)


def _of_margin(subject: Subject) -> dict[str, str]:
    """What is kept of a member's spend, and the join it needs."""
    beyond = "coalesce(k.hundredths, 0)" if subject.margins else None
    return {
        "kept": margins.kept(spend="b.whole", capped="b.spend", beyond=beyond),
        "beyond": "LEFT JOIN beyond k USING (member_id)" if subject.margins else "",
    }


def _of_offers(subject: Subject) -> dict[str, str]:
    """What a subject with offers counts besides."""
    if not subject.has_offers:
        return {"offers": "", "redeemed": ""}
    return {
        "offers": ", (r.member_id IS NOT NULL)::int::float8 AS redeemers, coalesce(r.units, 0) AS units",
        "redeemed": "LEFT JOIN redeemed r USING (member_id)",
    }


def _given(subject: Subject, until) -> dict:
    plan = subject.plan
    return {
        "experiment": subject.experiment.pk, "begin": subject.begin, "end": until, "zone": settings.TIME_ZONE,
        "cause": subject.cause, "campaign": subject.rehearsal_of, "cap": plan and plan.spend_cap_minor,
        "before_cap": plan and plan.before_cap_minor, "point": ((plan and plan.point_minor_per_1000) or 0) / 1000,
    } | margins.given(subject)  # fmt: skip


def statement(subject: Subject, *, until) -> tuple[str, dict]:
    """The one statement of a report with its parameters: arm, segment, members, then sums, then sums of products."""
    sums = [f"sum({column})" for column in metrics.columns(subject.measures)]
    sums += [f"sum({a} * {b})" for a, b in metrics.products(subject.measures)]
    days = (until - subject.begin).total_seconds() / 86_400
    mark = reading.mark_for(subject, until=until)
    source = _source(subject, days=days, is_summed=mark is not None)
    asked = f"{source} SELECT arm_id, segment, count(*), {', '.join(sums)} FROM outcome GROUP BY arm_id, segment"
    return asked, _given(subject, until) | (reading.rest_of(mark) if mark else {})


def _fetch(asked: str, given: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(asked, given)
        return cursor.fetchall()


def per_arm(subject: Subject, *, until) -> dict[str, list[Aggregates]]:
    """Arm's name → its aggregates by segment, in the order of SEGMENTS. One statement; who is not there counts as zeros."""
    arms = {arm.pk: arm.name for arm in subject.experiment.arms.all()}
    columns, products = metrics.columns(subject.measures), metrics.products(subject.measures)
    empty = (0, *[0.0] * (len(columns) + len(products)))
    rows = {(arm, segment): held for arm, segment, *held in _fetch(*statement(subject, until=until))}

    def read(arm, segment) -> Aggregates:
        n, *held = rows.get((arm, segment), empty)
        sums = dict(zip(columns, map(float, held), strict=False))
        return Aggregates(arms[arm], n, sums, dict(zip(products, map(float, held[len(columns) :]), strict=True)))

    return {name: [read(arm, segment) for segment in range(len(SEGMENTS))] for arm, name in arms.items()}


def values(subject: Subject, metric: str, *, until) -> list[float]:
    """One value per assigned member, held-out included, for re-randomising."""
    if metric not in metrics.columns(subject.measures):
        raise ValueError(f"There is no metric {metric!r}; there are {', '.join(metrics.columns(subject.measures))}.")
    source = _source(subject, days=(until - subject.begin).total_seconds() / 86_400)
    return [
        row[0] for row in _fetch(f"{source} SELECT {metric} FROM outcome ORDER BY member_id", _given(subject, until))
    ]


_MESSAGES = """
SELECT channel, count(*) FROM delivery_message WHERE (cause = %(cause)s OR starts_with(cause, %(cause)s || ':')) AND state = 'sent' GROUP BY channel
"""


def sent(cause: str) -> dict[str, int]:
    """Messages of a cause that left the house, by channel: what sending cost is counted from."""
    return dict(_fetch(_MESSAGES, {"cause": cause})) if cause else {}
