"""Points, tiers, and what all of marketing changed."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from campaigns import programme_lift, verdicts
from loyalty import liability
from loyalty import queries as loyalty
from reports import charts
from reports.panels import behind
from reports.panels.registry import panel, rows_of, zone_at
from reports.panels.tables import Column, Table, summed


def _bars(x: str, y: str, title):
    def draw(table: Table) -> str:
        rows = [
            {"name": str(name), "value": value or 0}
            for name, value in zip(table.values(x), table.values(y), strict=True)
        ]
        return charts.bars(rows[:20], title=str(title), label=str(title))

    return draw


@panel(
    "earn_and_burn",
    gettext_lazy("Points earned and spent"),
    gettext_lazy(
        "Points of the main currency by month of the transfer: issued, redeemed, expired and taken back. "
        "Closing is opening and everything in between; it equals the ledger to the point."
    ),
    chart=lambda table: charts.lines(
        [
            {"x": month.isoformat(), "value": value, "series": label}
            for code, label in (("issued", _("Issued")), ("redeemed", _("Redeemed")))
            for month, value in zip(table.values("month"), table.values(code), strict=True)
        ],
        title=_("Points"), label=_("Points issued and redeemed by month"),
    ),
)  # fmt: skip
def earn_and_burn(at):
    points = next((one for one in liability.currencies() if one.code == "points"), None)
    months = liability.movements(currency=points, at=at) if points else []
    if not months:
        return None
    columns = (
        Column("month", _("Month"), "month"), Column("opening", _("Opening"), "points"), Column("issued", _("Issued"), "points"),
        Column("redeemed", _("Redeemed"), "points"), Column("expired", _("Expired"), "points"),
        Column("cancelled", _("Taken back"), "points"), Column("owed_more", _("Owed more"), "points"), Column("closing", _("Closing"), "points"),
    )  # fmt: skip
    rows = tuple(
        (m.month, m.opening, m.issued, m.redeemed, m.expired, m.cancelled, m.owed_more, m.closing) for m in months
    )
    total = summed(columns, rows, label=_("Total"))
    return Table(columns, rows, at, total=(total[0], None, *total[2:7], None))


@panel(
    "tiers",
    gettext_lazy("Members by tier"),
    gettext_lazy("Members with a wallet of points, by the tier they hold now."),
    chart=_bars("tier", "members", gettext_lazy("Members by tier")),
    people=behind.TIER,
)
def tiers(at):
    names = {tier.code: tier.name for tier, _percent in loyalty.ladder()}
    counted = loyalty.members_by_tier()
    columns = (Column("tier", _("Tier"), "text"), Column("members", _("Members")))
    rows = tuple((names.get(code, code), n) for code, n in counted.items())
    return Table(columns, rows, at, "members", summed(columns, rows, label=_("Total"))) if rows else None


_TIER_FLOW = """
SELECT before.code, after.code, count(*) FROM loyalty_tierchange c
  JOIN loyalty_tier after ON after.id = c.to_tier_id LEFT JOIN loyalty_tier before ON before.id = c.from_tier_id
 WHERE c.at > %(at)s - interval '12 months' AND c.at <= %(at)s GROUP BY before.code, before.rank, after.code, after.rank
 ORDER BY coalesce(before.rank, 0), after.rank
"""


@panel(
    "tier_flow",
    gettext_lazy("Tier flow"),
    gettext_lazy("Steps up and down the ladder in the last twelve months, by tier before and after. A member may step more than once."),
    people=behind.STEP,
)  # fmt: skip
def tier_flow(at):
    names = {tier.code: tier.name for tier, _percent in loyalty.ladder()}
    columns = (
        Column("from", pgettext("before a change", "From"), "text"),
        Column("to", pgettext("after a change", "To"), "text"),
        Column("steps", pgettext("how many", "Steps")),
    )
    rows = tuple(
        (names.get(before, before or _("none")), names.get(after, after), n)
        for before, after, n in rows_of(_TIER_FLOW, zone_at(at))
    )
    return Table(columns, rows, at, "steps", summed(columns, rows, label=_("Total"))) if rows else None


@panel(
    "programme_lift",
    gettext_lazy("Programme lift"),
    gettext_lazy(
        "Spend per member of everybody who may be written to, less that of the standing control group, which gets no marketing; "
        "read every day since the group began. The interval holds at every look."
    ),
    chart=lambda table: charts.band(
        [
            {"x": day.isoformat(), "low": low / 100, "estimate": estimate / 100, "high": high / 100}
            for day, estimate, low, high in (row[:4] for row in table.rows)
        ],
        title=_("Per member"), label=_("Programme lift per member by day, with its interval"),
    ),
)  # fmt: skip
def lift_by_day(at):
    last = programme_lift.latest()
    if last is None:
        return None
    rows = []
    for one in programme_lift.history(last.experiment):
        first = verdicts.primary_of(one.figures)
        if first and not first.get("cannot") and first.get("live") and one.figures["sample_ratio"]["verdict"] != "red":
            numbers = (round(value) for value in (first["absolute"], first["live"]["low"], first["live"]["high"]))
            rows.append((one.day, *numbers, first["n_control"], first["n_treated"]))
    columns = (
        Column("day", _("Day"), "date"), Column("difference", _("Difference per member"), "money"),
        Column("low", _("from"), "money"), Column("high", _("to"), "money"), Column("held_out", _("Held out")),
        Column("addressed", _("Addressed")),
    )  # fmt: skip
    return Table(columns, tuple(rows), at) if rows else None
