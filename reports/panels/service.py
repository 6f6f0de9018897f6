"""What members asked and answered, and how good the models are."""

from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from insights.models import ScoreRun
from members.languages import reads_chinese
from recommender.models import RankerVersion
from reports import charts
from reports.panels import behind
from reports.panels.registry import panel, rows_of, zone_at
from reports.panels.tables import Column, Table, summed

GROUP = "service"

_CASES = """
SELECT coalesce(nullif(CASE WHEN %(chinese)s THEN t.name_zh END, ''), t.name_en), count(*), count(*) FILTER (WHERE c.status <> 'closed'),
       count(*) FILTER (WHERE c.first_replied_at > c.reply_due_at OR (c.first_replied_at IS NULL AND c.reply_due_at < %(at)s)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.first_replied_at - c.opened_at) / 3600), count(DISTINCT c.member_id)
  FROM care_case c JOIN care_topic t ON t.id = c.topic_id WHERE c.opened_at > %(at)s - interval '91 days' AND c.opened_at <= %(at)s
 GROUP BY t.id ORDER BY 2 DESC, t.id
"""


@panel(
    "cases",
    gettext_lazy("Cases by topic"),
    gettext_lazy("Cases opened in the last 91 days: how many, still open, replied to too late, and the median hours to the first reply."),
    chart=lambda table: charts.bars(
        [{"name": row[0], "value": row[1] or 0} for row in table.rows], title=_("Cases"), label=_("Cases by topic")
    ),
    group=GROUP,
    people=behind.TOPIC,
)  # fmt: skip
def cases(at):
    columns = (
        Column("topic", _("Topic"), "text"), Column("cases", _("Cases")), Column("open", _("Still open")), Column("late", _("Late")),
        Column("hours", _("Median hours to reply"), "number"), Column("members", _("Members")),
    )  # fmt: skip
    rows = tuple(rows_of(_CASES, zone_at(at, chinese=reads_chinese())))
    total = summed(columns, rows, label=_("Total"))
    return Table(columns, rows, at, "members", (*total[:5], None)) if rows else None


# A store with cases and without purchases stands there too, so that the total is every case that names a store.
_COMPLAINTS = """
SELECT s.name, coalesce(c.cases, 0), coalesce(v.visits, 0), coalesce(c.cases, 0) * 1000.0 / nullif(v.visits, 0), s.code
  FROM sales_store s
  LEFT JOIN (SELECT store_id, count(*) AS visits FROM sales_purchase WHERE kind = 1 AND purchased_at > %(at)s - interval '91 days' AND purchased_at <= %(at)s GROUP BY 1) v ON v.store_id = s.id
  LEFT JOIN (SELECT store_id, count(*) AS cases FROM care_case WHERE opened_at > %(at)s - interval '91 days' AND opened_at <= %(at)s GROUP BY 1) c ON c.store_id = s.id
 WHERE (v.visits > 0 OR c.cases > 0) AND EXISTS (SELECT 1 FROM care_case) ORDER BY coalesce(c.cases * 1000.0 / nullif(v.visits, 0), 0) DESC, s.code
"""


def _to_cases(table, row) -> str:
    """The page of the very cases that a row counts, at the moment the table speaks of; of every store where it is the total."""
    query = ({"store": row[table.place("code")]} if row else {}) | {"at": table.at.isoformat()}
    return f"{reverse('reports:cases')}?{urlencode(query)}"


@panel(
    "complaints",
    gettext_lazy("Cases per 1,000 visits"),
    gettext_lazy("Cases that name a store, per thousand purchases there, last 91 days."),
    chart=lambda table: charts.bars(
        [{"name": row[0], "value": row[3]} for row in table.rows[:20] if row[3]], title=_("Per 1,000"), label=_("Cases per 1,000 visits, the worst twenty stores")
    ) if any(row[3] for row in table.rows) else "",
    group=GROUP,
    leads_to=_to_cases,
)  # fmt: skip
def complaints(at):
    columns = (
        Column("store", _("Store"), "text"), Column("cases", _("Cases")), Column("visits", _("Purchases")),
        Column("rate", _("Per 1,000"), "number"), Column("code", pgettext("of a thing", "Code"), "text"),
    )  # fmt: skip
    found = rows_of(_COMPLAINTS, zone_at(at))
    rows = tuple(
        (name, n, visits, None if rate is None else float(rate), code) for name, n, visits, rate, code in found
    )
    return Table(columns, rows, at, total=summed(columns, rows, label=_("Total"))) if rows else None


_ANSWERS = """
SELECT s.name, date_trunc('month', a.answered_at AT TIME ZONE %(zone)s)::date, s.kind, count(*), avg(a.score),
       (100.0 * (count(*) FILTER (WHERE a.score >= 9) - count(*) FILTER (WHERE a.score <= 6)) / count(*)),
       1.0 * count(*) FILTER (WHERE a.score >= 4) / count(*), count(DISTINCT i.member_id)
  FROM care_answer a JOIN care_invitation i ON i.id = a.invitation_id JOIN care_survey s ON s.id = i.survey_id
 WHERE a.answered_at > %(at)s - interval '13 months' AND a.answered_at <= %(at)s GROUP BY s.id, 2 ORDER BY 1, 2
"""


@panel(
    "surveys",
    gettext_lazy("Satisfaction"),
    gettext_lazy(
        "Answers by survey and month. Net promoter score: share of 9 and 10 less share of 0 to 6. Satisfaction: share of 4 and 5."
    ),
    group=GROUP,
    people=behind.ANSWER,
)
def surveys(at):
    columns = (
        Column("survey", _("Survey"), "text"), Column("month", _("Month"), "month"), Column("answers", _("Answers")),
        Column("mean", _("Mean"), "number"), Column("nps", _("Net promoter score"), "number"), Column("csat", _("Satisfied"), "percent"),
        Column("members", _("Members")),
    )  # fmt: skip
    rows = tuple(
        (
            name,
            month,
            n,
            float(mean),
            float(nps) if kind == "nps" else None,
            float(csat) if kind == "csat" else None,
            members,
        )
        for name, month, kind, n, mean, nps, csat, members in rows_of(_ANSWERS, zone_at(at))
    )
    return Table(columns, rows, at, "members") if rows else None


def _over_time(day: str, series: str, metric: str, title):
    """A chart of one metric over the days on which it was found: the best of each day and series; None of a single day."""

    def draw(table) -> str:
        best: dict[tuple, float] = {}
        places = [table.place(code) for code in (day, series, "metric", "value")]
        for when, name, said, value in ([row[place] for place in places] for row in table.rows):
            if said == metric:
                best[when, name] = max(value, best.get((when, name), value))
        if len({when for when, _name in best}) < 2:
            return ""
        rows = [{"x": when.isoformat(), "series": name, "value": value} for (when, name), value in sorted(best.items())]
        return charts.lines(rows, title=metric.upper(), label=str(title))

    return draw


@panel(
    "recommender_quality",
    gettext_lazy("Recommender quality"),
    gettext_lazy(
        "Every trained ranker with its figures on weeks it had not seen, and whether it serves. Higher is better."
    ),
    chart=_over_time("until", "slot", "ndcg", gettext_lazy("NDCG of the best ranker, by the day it was trained")),
    group="models",
)
def recommender_quality(at):
    rows = tuple(
        (one.trained_until.date(), one.get_slot_display(), one.ranker, one.get_status_display(), name, float(figure), one.verdict)
        for one in RankerVersion.objects.order_by("-trained_until", "-pk")[:60]
        for name, figure in one.metrics.items()
        if isinstance(figure, (int, float)) and not isinstance(figure, bool)
    )  # fmt: skip
    columns = (
        Column("until", _("Trained until"), "date"), Column("slot", _("Slot"), "text"), Column("ranker", _("Ranker"), "text"),
        Column("status", _("Status"), "text"), Column("metric", _("Figure"), "text"), Column("value", _("Value"), "number"),
        Column("verdict", _("Why"), "text"),
    )  # fmt: skip
    return Table(columns, rows, at) if rows else None


@panel(
    "model_quality",
    gettext_lazy("Quality of predictions"),
    gettext_lazy("Every run of a model with its figures, refused ones included, and why its scores are read or not."),
    chart=_over_time("at", "kind", "auc", gettext_lazy("AUC on later weeks, by the day the model was fitted")),
    group="models",
)
def model_quality(at):
    rows = tuple(
        (one.at.date(), one.get_kind_display(), one.model, one.get_status_display(), name, float(figure), one.verdict)
        for one in ScoreRun.objects.order_by("-at", "-pk")[:60]
        for name, figure in one.metrics.items()
        if isinstance(figure, (int, float)) and not isinstance(figure, bool)
    )
    columns = (
        Column("at", _("As of"), "date"), Column("kind", _("Score"), "text"), Column("model", _("Model"), "text"),
        Column("status", _("Status"), "text"), Column("metric", _("Figure"), "text"), Column("value", _("Value"), "number"),
        Column("verdict", _("Why"), "text"),
    )  # fmt: skip
    return Table(columns, rows, at) if rows else None
