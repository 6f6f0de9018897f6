"""Rules under trial: what a rule changed, measured against the members who do not get it, as a campaign is measured.

Everybody assigned counts from the moment the rule was in force for them (intention to treat), whether or not they bought
anything it applies to. The figures are read when the page is; their mathematics is that of a campaign's report.
"""

from dataclasses import asdict

from django.conf import settings
from django.db import connection
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import verdicts
from experiments import queries as assigned
from insights.lift import ArmStats, CannotCompare, difference, members_needed, sample_ratio
from loyalty.models import RuleTrial
from members import clock
from members.access import Role, staff_only
from reports import lift

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)
METRICS = ("spend", "orders", "buyers")

_PER_ARM = """
WITH assigned AS MATERIALIZED (
    SELECT a.member_id, a.arm_id, greatest(a.assigned_at, %(starts_at)s) AS since
      FROM experiments_assignment a WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = ''
), bought AS (
    SELECT p.member_id, sum(p.total_minor) AS spend, count(*) FILTER (WHERE p.kind = 1) AS orders, sum(w.points) AS points
      FROM assigned a JOIN sales_purchase p ON p.member_id = a.member_id AND p.purchased_at >= a.since AND p.purchased_at < %(until)s
      LEFT JOIN loyalty_award w ON w.purchase_id = p.id
     GROUP BY 1
), outcome AS (
    SELECT a.arm_id, coalesce(b.spend, 0)::float8 AS spend, coalesce(b.orders, 0)::float8 AS orders,
           (coalesce(b.orders, 0) > 0)::int::float8 AS buyers, coalesce(b.points, 0)::bigint AS points
      FROM assigned a LEFT JOIN bought b USING (member_id)
)
SELECT arm_id, count(*), sum(spend), sum(spend * spend), sum(orders), sum(orders * orders), sum(buyers), sum(buyers * buyers), sum(points)::bigint
  FROM outcome GROUP BY arm_id
"""


def figures_of(trial: RuleTrial, *, at) -> dict:
    """The figures in the shape of a campaign's report: arms, comparisons with their doubt, the sample-ratio check."""
    arms = list(trial.experiment.arms.all())
    sums, points = _sums(trial, arms, at)
    held, given = (next(arm for arm in arms if arm.is_holdout is flag) for flag in (True, False))
    comparisons = [_compared(metric, sums[metric][held.name], sums[metric][given.name]) for metric in METRICS]
    control = sums["spend"][held.name]
    ratio = sample_ratio(assigned.eligible_counts(trial.experiment), {arm.name: arm.share for arm in arms})
    return {
        "currency": settings.CURRENCY,
        "primary": "spend",
        "arms": [{"name": arm.name, "is_holdout": arm.is_holdout, "share": arm.share, "n": sums["spend"][arm.name].n, "points": points[arm.name]} for arm in arms],
        "means": {metric: [sums[metric][arm.name].mean for arm in arms] for metric in METRICS},
        "comparisons": comparisons,
        "sample_ratio": asdict(ratio),
        "members_needed": members_needed(control.mean, control.sd, 0.1),
    }  # fmt: skip


def _sums(trial: RuleTrial, arms: list, at) -> tuple[dict, dict]:
    """Metric → arm's name → its three sums, and points earned by arm. One statement; an empty arm is there with zeros."""
    names = {arm.pk: arm.name for arm in arms}
    found = {metric: {name: ArmStats(name, 0, 0.0, 0.0) for name in names.values()} for metric in METRICS}
    points = dict.fromkeys(names.values(), 0)
    with connection.cursor() as cursor:
        cursor.execute(
            _PER_ARM,
            {"experiment": trial.experiment_id, "starts_at": trial.starts_at, "until": max(at, trial.starts_at)},
        )
        for arm_id, n, *rest in cursor.fetchall():
            name = names[arm_id]
            points[name] = rest[-1]
            for i, metric in enumerate(METRICS):
                found[metric][name] = ArmStats(name, n, rest[2 * i], rest[2 * i + 1])
    return found, points


def _compared(metric: str, control: ArmStats, treated: ArmStats) -> dict:
    named = {"metric": metric, "control": [control.name], "treated": [treated.name]}
    try:
        return named | asdict(difference(control, treated))
    except CannotCompare:
        return named | {"cannot": True, "n_control": control.n, "n_treated": treated.n}


class _Read:
    """What campaigns.verdicts reads of a report."""

    def __init__(self, figures: dict):
        self.figures = figures


@readers
@require_GET
def rule_trials(request):
    at = clock.now()
    rows = [
        (trial, verdicts.of(_Read(figures_of(trial, at=at))))
        for trial in RuleTrial.objects.select_related("rule_set", "experiment")
    ]
    return render(request, "reports/rule_trials.html", {"rows": rows})


@readers
@require_GET
def rule_trial(request, pk):
    trial = get_object_or_404(RuleTrial.objects.select_related("rule_set", "experiment"), pk=pk)
    at = clock.now()
    figures = figures_of(trial, at=at)
    is_hidden = figures["sample_ratio"]["verdict"] == "red"
    context = {
        "trial": trial,
        "at": at,
        "figures": figures,
        "verdict": verdicts.of(_Read(figures)),
        "said": _("%(held)s members held out, %(given)s with the rule.")
        % {
            "held": f"{figures['comparisons'][0]['n_control']:,}",
            "given": f"{figures['comparisons'][0]['n_treated']:,}",
        },
        "metrics": [verdicts.metric_words(metric) for metric in METRICS],
        "arms": _arms(figures),
        "comparisons": [] if is_hidden else lift.comparisons(figures),
        "interval_chart": "" if is_hidden else lift.interval_chart(figures),
    }
    return render(request, "reports/rule_trial.html", context)


def _arms(figures: dict) -> list[dict]:
    return [
        {
            "name": verdicts.arm_words([arm["name"]]), "share": verdicts.percent(arm["share"], is_signed=False), "n": arm["n"],
            "points": arm["points"],
            "metrics": [lift.value_words(metric, figures["means"][metric][n], figures["currency"]) for metric in METRICS],
        }
        for n, arm in enumerate(figures["arms"])
    ]  # fmt: skip
