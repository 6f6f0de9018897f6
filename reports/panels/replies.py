"""How fast the first reply comes, by the way a case came in."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from care.models import Case
from reports.panels.registry import panel, rows_of
from reports.panels.tables import Column, Table, summed

DAYS = 91

_HOURS = "extract(epoch FROM first_replied_at - opened_at) / 3600.0"
_BY_CHANNEL = f"""
SELECT channel, count(*), count(first_replied_at),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY {_HOURS}) FILTER (WHERE first_replied_at IS NOT NULL),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY {_HOURS}) FILTER (WHERE first_replied_at IS NOT NULL),
       count(*) FILTER (WHERE coalesce(first_replied_at, %(at)s) > reply_due_at)
  FROM care_case
 WHERE opened_at > %(at)s - %(days)s * interval '1 day' AND opened_at <= %(at)s
 GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608 - ours


@panel(
    "first_replies",
    gettext_lazy("First reply, by channel"),
    gettext_lazy(
        "Cases opened in the last 91 days by the way they came in: how many had a first reply, after how many hours (the middle one, and 19 of 20), and how many were late."
    ),
    group="service",
)
def first_replies(at):
    names = dict(Case.Channel.choices)
    columns = (
        Column("channel", _("Channel"), "text"), Column("cases", _("Cases")), Column("replied", _("Replied to")),
        Column("hours", _("Median hours to reply"), "number"), Column("hours_95", _("Hours for 19 of 20"), "number"), Column("late", _("Late")),
    )  # fmt: skip
    rows = tuple(
        (str(names.get(channel, channel)), n, replied, _rounded(median), _rounded(most), late)
        for channel, n, replied, median, most, late in rows_of(_BY_CHANNEL, {"at": at, "days": DAYS})
    )
    total = summed(columns, rows, label=_("Total"))
    return Table(columns, rows, at, total=(*total[:3], None, None, total[5])) if rows else None


def _rounded(hours) -> float | None:
    return None if hours is None else round(float(hours), 2)
