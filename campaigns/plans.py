"""How an experiment will be read, and what its members did before: written once, before there is an outcome to look at."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from campaigns.bulk import in_bulk
from campaigns.models import AnalysisPlan, Baseline
from insights.lift.capping import ACTIVE_MIN, CAP_QUANTILE
from loyalty import liability
from sales import queries as sales

COVARIATE_DAYS = 84
"""Twelve whole weeks, so that no weekday counts more than another."""
CAP_DAYS_WITHOUT_END = 28

_BASELINES = f"""
INSERT INTO {Baseline._meta.db_table} (assignment_id, spend_minor, orders, visits)
SELECT a.id, coalesce(b.spend, 0), coalesce(b.orders, 0), coalesce(b.visits, 0)
  FROM experiments_assignment a
  LEFT JOIN (
      SELECT a.id, sum(p.total_minor) AS spend, count(*) FILTER (WHERE p.kind = 1) AS orders,
             count(DISTINCT (p.purchased_at AT TIME ZONE %(zone)s)::date) FILTER (WHERE p.kind = 1) AS visits
        FROM experiments_assignment a
        JOIN sales_purchase p ON p.member_id = a.member_id
         AND p.purchased_at >= greatest(a.assigned_at, %(starts_at)s) - %(back)s AND p.purchased_at < greatest(a.assigned_at, %(starts_at)s)
       WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND p.purchased_at >= %(starts_at)s - %(back)s
       GROUP BY a.id
  ) AS b USING (id)
 WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND a.assigned_at <= %(at)s
   AND NOT EXISTS (SELECT 1 FROM {Baseline._meta.db_table} known WHERE known.assignment_id = a.id)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - table names of our own; every value is a parameter

_CAP = """
SELECT percentile_disc(%(quantile)s) WITHIN GROUP (ORDER BY spend)
  FROM (SELECT sum(p.total_minor) AS spend
          FROM experiments_assignment a JOIN sales_purchase p ON p.member_id = a.member_id
         WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s
         GROUP BY p.member_id) AS spent
 WHERE spend > 0
HAVING count(*) >= %(active_min)s
"""


@transaction.atomic
def make(*, experiment, starts_at, at, outcome_days: int | None = None) -> AnalysisPlan:
    """Fix how an experiment is read: windows, caps and prices of this moment; and note its members' baselines. Once."""
    known = AnalysisPlan.objects.filter(experiment=experiment).first()
    if known:
        return known
    window = timedelta(days=outcome_days or CAP_DAYS_WITHOUT_END)
    back = timedelta(days=COVARIATE_DAYS)
    until = min(starts_at, at)
    value = liability.value_at(at.date(), "points")
    plan = AnalysisPlan.objects.create(
        experiment=experiment, made_at=at, outcome_days=outcome_days, covariate_days=COVARIATE_DAYS,
        spend_cap_minor=_cap(experiment, until - window, until), before_cap_minor=_cap(experiment, until - back, until),
        point_minor_per_1000=value.minor_per_1000 if value else None, margin_percent=settings.MARGIN_PERCENT, margins=sales.margins(),
        send_minor_per_1000=settings.SEND_COST_PER_1000,
    )  # fmt: skip
    note_baselines(experiment=experiment, starts_at=starts_at, at=at)
    return plan


def _cap(experiment, begin, end) -> int | None:
    """What all but one buyer in a thousand spent less than, in a window of the same length before."""
    with in_bulk(), connection.cursor() as cursor:
        window = {"begin": begin, "end": end, "quantile": CAP_QUANTILE, "active_min": ACTIVE_MIN}
        cursor.execute(_CAP, window | {"experiment": experiment.pk})
        found = cursor.fetchone()
        return found[0] if found else None


@transaction.atomic
def note_baselines(*, experiment, starts_at, at) -> int:
    """Write what members assigned up to `at` did in the days before they were concerned. Repeatable; how many are new."""
    with in_bulk(), connection.cursor() as cursor:
        cursor.execute(
            _BASELINES,
            {
                "zone": settings.TIME_ZONE, "back": timedelta(days=COVARIATE_DAYS), "starts_at": starts_at, "at": at,
                "experiment": experiment.pk,
            },
        )  # fmt: skip
        return cursor.rowcount
