"""Members who come, stay and leave; what they are worth and how likely they are to go."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from insights import queries as scored
from members.models import Member
from reports import charts
from reports.panels.registry import panel, rows_of, zone_at
from reports.panels.tables import Column, Table, summed

GROUP = "customers"
ACTIVE_DAYS = 91

_MONTHS = """
WITH months AS (
    SELECT (m AT TIME ZONE %(zone)s) AS ends, (m - interval '1 month')::date AS month
      FROM generate_series(date_trunc('month', %(at)s AT TIME ZONE %(zone)s) - interval '12 months',
                           date_trunc('month', %(at)s AT TIME ZONE %(zone)s), interval '1 month') AS m
), bought AS MATERIALIZED (
    SELECT DISTINCT member_id, purchased_at::date AS day FROM sales_purchase
     WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at <= %(at)s
), is_active AS MATERIALIZED (
    SELECT DISTINCT m.month, m.ends, b.member_id FROM months m
      JOIN bought b ON b.day < m.ends AND b.day >= m.ends - %(days)s * interval '1 day'
), firsts AS (SELECT member_id, min(day) AS day FROM bought GROUP BY member_id)
SELECT coalesce(now.month, (was.month + interval '1 month')::date),
       count(now.member_id), count(*) FILTER (WHERE now.member_id IS NOT NULL AND was.member_id IS NULL AND f.day >= now.month),
       count(*) FILTER (WHERE now.member_id IS NOT NULL AND was.member_id IS NULL AND f.day < now.month),
       count(*) FILTER (WHERE now.member_id IS NULL)
  FROM is_active now FULL JOIN is_active was ON was.member_id = now.member_id AND (was.month + interval '1 month')::date = now.month
  LEFT JOIN firsts f ON f.member_id = now.member_id
 GROUP BY 1 ORDER BY 1
"""


@panel(
    "new_and_lost",
    gettext_lazy("New and lost members"),
    gettext_lazy(
        "Active: bought in the 91 days before the month's end. New: active for the first time. Back: active again after a pause. "
        "Lost: active at the end of the month before, and no longer. New and back less lost is the change in active."
    ),
    chart=lambda table: charts.lines(
        [
            {"x": month.isoformat(), "value": value, "series": label}
            for code, label in (("active", _("Active")), ("new", _("New")), ("lost", _("Lost")))
            for month, value in zip(table.values("month"), table.values(code), strict=True)
        ],
        title=_("Members"), label=_("Active, new and lost members by month"),
    ),
    group=GROUP,
)  # fmt: skip
def new_and_lost(at):
    found = rows_of(_MONTHS, zone_at(at, days=ACTIVE_DAYS))
    rows = tuple(found[1:-1])  # the first has no month before it, the last is the echo of the one that runs
    columns = (
        Column("month", _("Month"), "month"), Column("active", _("Active")), Column("new", _("New")), Column("back", pgettext("after an absence", "Back")),
        Column("lost", _("Lost")),
    )  # fmt: skip
    return Table(columns, rows, at, "active") if any(row[1] for row in rows) else None


_COHORTS = """
WITH bought AS (
    SELECT DISTINCT member_id, date_trunc('month', purchased_at AT TIME ZONE %(zone)s)::date AS month FROM sales_purchase
     WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at <= %(at)s AND purchased_at > %(at)s - interval '13 months'
), firsts AS (SELECT member_id, min(month) AS cohort FROM bought GROUP BY member_id)
SELECT cohort, (extract(year FROM age(month, cohort)) * 12 + extract(month FROM age(month, cohort)))::int AS later, count(*)
  FROM bought JOIN firsts USING (member_id) GROUP BY 1, 2 ORDER BY 1, 2
"""


@panel(
    "retention",
    gettext_lazy("Retention by cohort"),
    gettext_lazy(
        "Members by the month of their first purchase in the last thirteen months, and the share of them who bought in each "
        "month after it. The month that runs is incomplete."
    ),
    chart=lambda table: charts.heatmap(
        [
            {"x": later, "y": f"{month:%Y-%m}", "value": share}
            for month, later, _n, share in table.rows if share is not None
        ],
        x=_("Months later"), y=_("First purchase"), label=_("Share of each cohort that bought again, by months since"),
    ),
    group=GROUP,
)  # fmt: skip
def retention(at):
    found = rows_of(_COHORTS, zone_at(at))
    sizes = {cohort: n for cohort, later, n in found if later == 0}
    columns = (
        Column("cohort", _("First purchase"), "month"), Column("later", _("Months later"), "number"),
        Column("members", _("Members")), Column("share", _("Of the cohort"), "percent"),
    )  # fmt: skip
    rows = tuple((cohort, later, n, n / sizes[cohort]) for cohort, later, n in found)
    return Table(columns, rows, at, "members") if rows else None


@panel(
    "stages",
    gettext_lazy("Members by life-cycle stage"),
    gettext_lazy("Active members by the stage they stand in now: each is held against their own usual gap between purchases."),
    chart=lambda table: charts.bars(
        [{"name": name, "value": n or 0} for name, n in table.rows], title=_("Members"), label=_("Members by life-cycle stage")
    ),
    group=GROUP,
)  # fmt: skip
def stages(at):
    counted = dict(
        rows_of("SELECT lifecycle_stage, count(*) FROM members_member WHERE status = 'active' GROUP BY 1", {})
    )
    columns = (Column("stage", _("Stage"), "text"), Column("members", _("Members")))
    rows = tuple((str(label), counted.get(stage, 0)) for stage, label in Member.LifecycleStage.choices)
    return Table(columns, rows, at, "members", summed(columns, rows, label=_("Total")))


_RFM = """
SELECT (s.value::int / 100), (s.value::int / 10) %% 10, count(*), avg(s.value::int %% 10)
  FROM insights_score s WHERE s.run_id = %(run)s GROUP BY 1, 2 ORDER BY 1, 2
"""


@panel(
    "rfm",
    gettext_lazy("RFM map"),
    gettext_lazy(
        "Members by how lately (5: latest fifth) and how often (5: most often) they bought; money is the mean fifth of what they spent."
    ),
    chart=lambda table: charts.heatmap(
        [{"x": f, "y": str(r), "value": n} for r, f, n, _m in table.rows if n is not None],
        x=pgettext("somebody buys", "How often"), y=_("How lately"), label=_("Members by recency and frequency"), text=",d",
    ),
    group=GROUP,
)  # fmt: skip
def rfm(at):
    run = scored.live("rfm")
    rows = tuple((r, f, n, float(m)) for r, f, n, m in rows_of(_RFM, {"run": run.pk})) if run else ()
    columns = (
        Column("recency", _("How lately"), "text"), Column("frequency", pgettext("somebody buys", "How often"), "text"), Column("members", _("Members")),
        Column("money", _("Money, mean fifth"), "number"),
    )  # fmt: skip
    return Table(columns, rows, run.at, "members", summed(columns, rows, label=_("Total"))) if rows else None


_TENTHS = """
SELECT tenth, count(*), min(value), avg(value), max(value)
  FROM (SELECT value, ntile(10) OVER (ORDER BY value, id) AS tenth FROM insights_score WHERE run_id = %(run)s) AS cut
 GROUP BY tenth ORDER BY tenth
"""


def _tenths(kind: str, unit: str, at):
    """The live scores of a kind in ten equal groups of members, from the lowest; None while no model serves."""
    run = scored.live(kind)
    found = rows_of(_TENTHS, {"run": run.pk}) if run else []
    cell = round if unit == "money" else float
    rows = tuple((tenth, n, cell(low), cell(mean), cell(high)) for tenth, n, low, mean, high in found)
    columns = (
        Column("tenth", _("Tenth of members"), "text"), Column("members", _("Members")), Column("low", _("from"), unit),
        Column("mean", _("Mean"), unit), Column("high", _("to"), unit),
    )  # fmt: skip
    return Table(columns, rows, run.at, "members") if rows else None


def _tenths_chart(title, by):
    def draw(table):
        rows = [{"name": str(tenth), "value": (mean or 0) / by} for tenth, _n, _low, mean, _high in table.rows]
        return charts.bars(rows, title=str(title), label=str(title))

    return draw


@panel(
    "value",
    gettext_lazy("Value expected of members"),
    gettext_lazy("What each member is expected to spend within the model's horizon, in ten equal groups of members."),
    chart=_tenths_chart(gettext_lazy("Value expected, mean of each tenth"), 100), group=GROUP,
)  # fmt: skip
def value(at):
    return _tenths("value", "money", at)


@panel(
    "churn",
    gettext_lazy("Risk of leaving"),
    gettext_lazy("The probability that a member leaves, in ten equal groups of members from the safest."),
    chart=_tenths_chart(gettext_lazy("Risk of leaving, mean of each tenth"), 1), group=GROUP,
)  # fmt: skip
def churn(at):
    return _tenths("churn", "percent", at)
