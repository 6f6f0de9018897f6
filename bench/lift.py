"""A lift report over a million assignments and twenty million purchases, beside hand-written SQL for the same sums.

The running sums of the campaign are brought up to date first, as the beat does in the background, and then some more purchases come in,
so that the report has a rest to read; the report without them is timed beside it.

The first run generates the shop (several minutes and about 8 GB under var/); later runs reuse it. `make bench ONLY=lift` takes the
whole size; without a name, and where the shop was not made yet, a twentieth of it.
"""

import statistics
import sys
import time

from django.db import connection
from django.db.models import F

from bench import _shop as shop
from campaigns import figures, outcomes
from campaigns.models import Campaign
from campaigns.tallies import keeping
from campaigns.tallies.models import TallyMark

MEMBERS, PURCHASES = 1_000_000, 20_000_000
SECONDS_MAX, RATIO_MAX, ROUNDS = 2.0, 1.5, 5
_REST = 5_000
"""Purchases that are not folded in when the report is read: more than come in between two runs of the chore."""

# What somebody who knows the schema would type for these figures, once, by hand.
BY_HAND = """
SELECT a.arm_id, CASE WHEN l.orders = 0 THEN 0 WHEN l.orders < 4 THEN 1 ELSE 2 END AS segment, count(*),
       {sums}
  FROM experiments_assignment a
  JOIN campaigns_baseline l ON l.assignment_id = a.id
  LEFT JOIN (SELECT member_id, least(sum(total_minor), {cap})::float8 AS spend, count(*) FILTER (WHERE kind = 1)::float8 AS orders,
                    count(DISTINCT (purchased_at AT TIME ZONE 'America/New_York')::date)::float8 AS visits
               FROM sales_purchase WHERE purchased_at >= '{begin}' AND purchased_at < '{end}' GROUP BY member_id) b USING (member_id)
  LEFT JOIN (SELECT w.member_id, sum(points) FILTER (WHERE debit_account = 1)::float8 AS earned, sum(points) FILTER (WHERE credit_account = 2)::float8 AS spent
               FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
              WHERE t.occurred_at >= '{begin}' AND t.occurred_at < '{end}' AND (debit_account IN (1, 2) OR credit_account IN (2, 4)) GROUP BY 1) m USING (member_id)
 WHERE a.experiment_id = {experiment} AND a.skipped_reason = ''
 GROUP BY 1, 2
"""
_X = {
    "spend": "coalesce(b.spend, 0)", "orders": "coalesce(b.orders, 0)", "visits": "coalesce(b.visits, 0)",
    "buyers": "(b.orders > 0)::int::float8", "earned": "coalesce(m.earned, 0)", "spent": "coalesce(m.spent, 0)",
    "spend_before": "least(l.spend_minor, {before_cap})::float8", "orders_before": "l.orders::float8", "visits_before": "l.visits::float8",
}  # fmt: skip
_PAIRS = [
    *[(name, name) for name in _X], ("spend", "spend_before"), ("orders", "orders_before"), ("visits", "visits_before"),
    ("buyers", "orders_before"), ("spend", "orders"), ("spend", "orders_before"), ("orders", "spend_before"), ("spend_before", "orders_before"),
]  # fmt: skip


def run(report):
    is_whole = "lift" in sys.argv[1:]
    members, purchases = (MEMBERS, PURCHASES) if is_whole else (MEMBERS // 20, PURCHASES // 20)
    with shop.shop(members=members, purchases=purchases):
        _measure(report, members, purchases)


def _measure(report, members, purchases):
    campaign = Campaign.objects.get(name="Bench")
    subject = outcomes.of_campaign(campaign)
    by_hand = _by_hand(subject)
    ours, theirs = [], []
    plain, summing = _plain(subject), _sum_up(subject)
    for round_ in range(ROUNDS + 1):
        for case, times in (
            (lambda: figures.read(subject, until=shop.NOW, is_final=True, planned_end=shop.NOW), ours),
            (lambda: _ask(by_hand), theirs),
        ):
            begun = time.perf_counter()
            found = case()
            if round_:
                times.append(time.perf_counter() - begun)
        if not round_:
            assert sum(row[2] for row in found) == members, "the hand-written statement counts everybody assigned"
    seconds, hand = statistics.median(ours), statistics.median(theirs)
    note = f"{members:,} assignments, {purchases:,} purchases, window of {shop.WINDOW_DAYS} days, median of {ROUNDS}"
    report("lift report, warm (s)", round(seconds, 2), f"≤ {SECONDS_MAX}", seconds <= SECONDS_MAX, note)
    ratio = seconds / hand
    report(
        "lift report ÷ hand-written SQL", round(ratio, 2), f"≤ {RATIO_MAX}", ratio <= RATIO_MAX, f"by hand {hand:.2f} s"
    )
    report(
        "lift report that reads every purchase, once, ÷ hand-written SQL", round(plain / hand, 2), f"≤ {RATIO_MAX}",
        plain / hand <= RATIO_MAX, f"{plain:.2f} s; beginning the running sums took {summing:.2f} s, in the background",
    )  # fmt: skip


def _plain(subject) -> float:
    """Seconds of a report without running sums, the second time."""
    keeping.drop(subject.experiment.pk)
    for _ in range(2):
        begun = time.perf_counter()
        figures.read(subject, until=shop.NOW, is_final=True, planned_end=shop.NOW)
    return time.perf_counter() - begun


def _sum_up(subject) -> float:
    """Seconds that the chore takes for the first fold; `_REST` of the purchases are left to the report."""
    said, begun = "", 0.0
    while said != "begun":
        begun = time.perf_counter()
        said = keeping.keep(subject, end=shop.NOW)
        if said == "noted":
            TallyMark.objects.update(next_purchase_id=F("next_purchase_id") - _REST)
    return time.perf_counter() - begun


def _by_hand(subject) -> str:
    columns = {name: text.format(before_cap=subject.plan.before_cap_minor) for name, text in _X.items()}
    sums = [f"sum({text})" for text in columns.values()] + [f"sum({columns[a]} * {columns[b]})" for a, b in _PAIRS]
    return BY_HAND.format(
        sums=", ".join(sums),
        cap=subject.plan.spend_cap_minor,
        experiment=subject.experiment.pk,
        begin=shop.LAUNCH,
        end=shop.NOW,
    )


def _ask(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
