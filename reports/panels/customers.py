"""Members who come, stay and leave; what they are worth and how likely they are to go."""

from collections import Counter
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from insights import queries as scored
from members.models import Member
from reports import charts
from reports.calendar import midnight, months_until
from reports.panels import behind
from reports.panels.registry import panel, rows_of
from reports.panels.tables import Column, Table, summed

GROUP = "customers"
ACTIVE_DAYS, MONTHS = behind.ACTIVE_DAYS, behind.COHORT_MONTHS

# What a member did is one whole number: a bit for each month's end at which they were active. One walk over the purchases, one row for
# each way to have lived, however many members there are.
_LIVES = """
SELECT mask, first, count(*)
  FROM (SELECT bit_or((%(masks)s::int[])[1 + width_bucket(purchased_at, %(bounds)s::timestamptz[])]) AS mask,
               width_bucket(min(purchased_at), %(ends)s::timestamptz[]) AS first
          FROM sales_purchase WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at <= %(at)s GROUP BY member_id) AS lived
 WHERE mask > 0 GROUP BY 1, 2
"""


def _asked_of_lives(at) -> dict:
    """The ends of months, and for each stretch between bounds the ends at which a purchase in it makes its buyer active."""
    days = months_until(at, MONTHS + 1)
    ends = [midnight(day) for day in days]
    begins = [midnight(day - timedelta(days=ACTIVE_DAYS)) for day in days]
    bounds = sorted({*ends, *begins})
    masks = [
        sum(1 << place for place, (begin, end) in enumerate(zip(begins, ends, strict=True)) if begin <= bound < end)
        for bound in bounds
    ]
    return {"ends": ends, "bounds": bounds, "masks": [0, *masks], "at": at}


def _month(lives: list[tuple], place: int) -> tuple[int, int, int, int]:
    """Active, new, back and lost members at one month's end."""
    now, was = 1 << place, 1 << (place - 1)
    active = sum(n for mask, _first, n in lives if mask & now)
    new = sum(n for mask, first, n in lives if mask & now and not mask & was and first >= place)
    back = sum(n for mask, first, n in lives if mask & now and not mask & was and first < place)
    return active, new, back, sum(n for mask, _first, n in lives if mask & was and not mask & now)


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
    people=behind.ACTIVE,
)  # fmt: skip
def new_and_lost(at):
    lives, months = rows_of(_LIVES, _asked_of_lives(at)), months_until(at, MONTHS + 1)
    rows = tuple((months[place - 1], *_month(lives, place)) for place in range(1, MONTHS + 1))
    columns = (
        Column("month", _("Month"), "month"), Column("active", _("Active")), Column("new", _("New")), Column("back", pgettext("after an absence", "Back")),
        Column("lost", _("Lost")),
    )  # fmt: skip
    return Table(columns, rows, at, "active") if any(row[1] for row in rows) else None


_COHORTS = """
SELECT mask, count(*)
  FROM (SELECT bit_or(1 << (width_bucket(purchased_at, %(begins)s::timestamptz[]) - 1)) AS mask
          FROM sales_purchase WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at >= %(since)s AND purchased_at <= %(at)s
         GROUP BY member_id) AS bought
 GROUP BY 1
"""


def _cohorts(lives: list[tuple]) -> Counter:
    """Members by the month of their first purchase and by each month, later or the same, in which they bought."""
    found = Counter()
    for mask, n in lives:
        first = (mask & -mask).bit_length() - 1
        for place in range(first, mask.bit_length()):
            if mask >> place & 1:
                found[first, place - first] += n
    return found


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
    people=behind.COHORT,
)  # fmt: skip
def retention(at):
    months = months_until(at, MONTHS + 1)
    begins = [midnight(month) for month in months]
    found = _cohorts(rows_of(_COHORTS, {"begins": begins, "since": begins[0], "at": at}))
    columns = (
        Column("cohort", _("First purchase"), "month"), Column("later", _("Months later"), "number"),
        Column("members", _("Members")), Column("share", _("Of the cohort"), "percent"),
    )  # fmt: skip
    rows = tuple((months[first], later, n, n / found[first, 0]) for (first, later), n in sorted(found.items()))
    return Table(columns, rows, at, "members") if rows else None


@panel(
    "stages",
    gettext_lazy("Members by life-cycle stage"),
    gettext_lazy("Active members by the stage they stand in now: each is held against their own usual gap between purchases."),
    chart=lambda table: charts.bars(
        [{"name": name, "value": n or 0} for name, n in table.rows], title=_("Members"), label=_("Members by life-cycle stage")
    ),
    group=GROUP,
    people=behind.STAGE,
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
    people=behind.RFM,
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
    people=behind.VALUE,
)  # fmt: skip
def value(at):
    return _tenths("value", "money", at)


@panel(
    "churn",
    gettext_lazy("Risk of leaving"),
    gettext_lazy("The probability that a member leaves, in ten equal groups of members from the safest."),
    chart=_tenths_chart(gettext_lazy("Risk of leaving, mean of each tenth"), 1), group=GROUP,
    people=behind.CHURN,
)  # fmt: skip
def churn(at):
    return _tenths("churn", "percent", at)
