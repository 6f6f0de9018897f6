"""Trend cards: which categories, stores and brands moved more than the shop did, tested against noise."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from insights.trends import BRAND, CATEGORY, DAYS, STORE, trends
from reports import charts
from reports.panels.registry import panel
from reports.panels.tables import Column, Table
from sales.models import Category, Store

WEEKS = DAYS // 7
SHOWN = 12
KINDS = {CATEGORY: gettext_lazy("Category"), STORE: gettext_lazy("Store"), BRAND: gettext_lazy("Brand")}


def _chart(table) -> str:
    """The change of each trend that was found; nothing is drawn of noise."""
    name, change, verdict = (table.place(code) for code in ("name", "change", "verdict"))
    found = [row for row in table.rows if row[verdict] in (_("Rising"), _("Falling")) and row[change] is not None]
    rows = [{"name": row[name], "value": 100 * row[change]} for row in found]
    return charts.bars(rows, title=_("Beside the whole shop, %"), label=_("Trends that are more than noise")) if rows else ""  # fmt: skip


def _verdict(one) -> str:
    if not one.is_judged:
        return _("Too little to say")
    if not one.is_found:
        return _("No more than noise")
    return _("Rising") if one.is_rising else _("Falling")


@panel(
    "sales_trends",
    gettext_lazy("Trends"),
    gettext_lazy(
        "Sales a week of categories, stores and brands, the last eight weeks against the eight before, of the same members: those who had joined before. What the whole shop did in between is taken off, so that a season is no trend. Each is tested against chance and all together are one family (Holm): where nothing moves, at most one look in twenty shows anything."
    ),
    chart=_chart,
    group="shop",
)
def sales_trends(at):
    found = trends(at=at)
    columns = (
        Column("kind", _("What"), "text"), Column("name", pgettext("of a thing", "Name"), "text"), Column("verdict", _("Trend"), "text"),
        Column("before", _("A week before"), "money"), Column("now", _("A week now"), "money"), Column("change", _("Beside the shop"), "percent"),
        Column("low", _("from"), "percent"), Column("high", _("to"), "percent"), Column("members", _("Members")),
        Column("p", _("p (Holm)"), "number"),
    )  # fmt: skip
    names = _names(found[:SHOWN])
    rows = tuple(
        (
            str(KINDS[one.kind]), names[one.kind, one.key], _verdict(one), round(one.before / WEEKS), round(one.now / WEEKS),
            one.change, one.low, one.high, one.members, one.p_value,
        )
        for one in found[:SHOWN]
    )  # fmt: skip
    return Table(columns, rows, at, "members") if rows else None


def _names(found) -> dict[tuple[str, str], str]:
    """What each group is called, in the reader's language; a brand is called by its own name."""
    ids = {kind: [int(one.key) for one in found if one.kind == kind] for kind in (CATEGORY, STORE)}
    named = {CATEGORY: Category.objects.in_bulk(ids[CATEGORY]), STORE: Store.objects.in_bulk(ids[STORE])}
    told = {(kind, str(pk)): str(one) for kind, rows in named.items() for pk, one in rows.items()}
    return {(one.kind, one.key): told.get((one.kind, one.key), one.key) for one in found}
