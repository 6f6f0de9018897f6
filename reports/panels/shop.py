"""Stores, products, weeks, and what staff did."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from members.languages import reads_chinese
from reports import charts, programme
from reports.panels import behind
from reports.panels.registry import panel, rows_of, zone_at
from reports.panels.tables import Column, Table, summed

GROUP = "shop"
DAYS = behind.SHOP_DAYS
TOP = 50


@panel(
    "weeks",
    gettext_lazy("Sales per week"),
    gettext_lazy("Sales less refunds by calendar week from Monday, last 52 weeks; the first and the last week are incomplete and not drawn."),
    chart=lambda table: charts.weeks(
        [{"week": row[0].isoformat(), "value": row[1] / 100} for row in table.rows[1:-1] if row[1] is not None], title=_("Sales"), label=_("Sales per week")
    ),
    group=GROUP,
    people=behind.WEEK,
)  # fmt: skip
def weeks(at):
    rows = tuple((one.week, one.total_minor, one.purchases, one.members) for one in programme.weekly(at=at))
    columns = (
        Column("week", _("Week from"), "date"), Column("sales", _("Sales"), "money"), Column("purchases", _("Purchases")),
        Column("members", _("Members")),
    )  # fmt: skip
    total = summed(columns, rows, label=_("Total"))
    return Table(columns, rows, at, "members", (*total[:3], None)) if rows else None


# One line for each store and member first: to count different members of each store then sorts nothing.
_STORES = """
SELECT s.code, s.name, sum(b.total)::bigint, sum(b.sales)::bigint, count(b.member_id), (sum(b.gross) / nullif(sum(b.sales), 0))::bigint
  FROM (SELECT store_id, member_id, sum(total_minor) AS total, count(*) FILTER (WHERE kind = 1) AS sales, sum(total_minor) FILTER (WHERE kind = 1) AS gross
          FROM sales_purchase WHERE purchased_at > %(at)s - %(days)s * interval '1 day' AND purchased_at <= %(at)s GROUP BY 1, 2) AS b
  JOIN sales_store s ON s.id = b.store_id GROUP BY s.id ORDER BY 3 DESC, s.code
"""


@panel(
    "stores",
    gettext_lazy("Stores"),
    gettext_lazy("The last 91 days: sales less refunds, purchases, different members, and the mean of a sale, by store."),
    chart=lambda table: charts.bars(
        [{"name": row[1], "value": (row[2] or 0) / 100} for row in table.rows[:20]], title=_("Sales"), label=_("Sales by store, the largest twenty")
    ),
    group=GROUP,
    people=behind.STORE,
)  # fmt: skip
def stores(at):
    columns = (
        Column("code", pgettext("of a thing", "Code"), "text"), Column("store", _("Store"), "text"), Column("sales", _("Sales"), "money"),
        Column("purchases", _("Purchases")), Column("members", _("Members")), Column("mean", _("Mean sale"), "money"),
    )  # fmt: skip
    rows = tuple(rows_of(_STORES, zone_at(at, days=DAYS)))
    total = summed(columns, rows, label=_("Total"))
    return Table(columns, rows, at, "members", (*total[:1], None, *total[2:4], None, None)) if rows else None


_PRODUCTS = f"""
SELECT {behind.TYPE_NAME}, sum(l.total_minor)::bigint,
       count(DISTINCT p.id), count(DISTINCT p.member_id)
  FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product r ON r.id = l.product_id
  JOIN sales_category c ON c.id = r.category_id
 WHERE p.purchased_at > %(at)s - %(days)s * interval '1 day' AND p.purchased_at <= %(at)s
 GROUP BY c.id ORDER BY 2 DESC, c.id LIMIT %(top)s
"""  # noqa: S608 - of constants


@panel(
    "products",
    gettext_lazy("Product types"),
    gettext_lazy("The fifty product types that sold most in the last 91 days, refunds taken off."),
    chart=lambda table: charts.bars(
        [{"name": row[0], "value": (row[1] or 0) / 100} for row in table.rows[:15]], title=_("Sales"), label=_("Sales by product type, the largest fifteen")
    ),
    group=GROUP,
    people=behind.TYPE,
)  # fmt: skip
def products(at):
    columns = (
        Column("type", _("Product type"), "text"), Column("sales", _("Sales"), "money"), Column("purchases", _("Purchases")),
        Column("members", _("Members")),
    )  # fmt: skip
    rows = tuple(rows_of(_PRODUCTS, zone_at(at, days=DAYS, top=TOP, chinese=reads_chinese())))
    return Table(columns, rows, at, "members") if rows else None


_STAFF = """
SELECT u.email, coalesce(g.acts, 0), coalesce(g.points, 0)::bigint, coalesce(c.closed, 0), coalesce(t.done, 0)
  FROM members_user u
  LEFT JOIN (SELECT by_user_id, count(*) AS acts, sum(points) AS points FROM loyalty_transfer
              WHERE by_user_id IS NOT NULL AND reason IN ('goodwill', 'correction') AND occurred_at > %(at)s - %(days)s * interval '1 day' AND occurred_at <= %(at)s
              GROUP BY 1) g ON g.by_user_id = u.id
  LEFT JOIN (SELECT owner_id, count(*) AS closed FROM care_case WHERE closed_at > %(at)s - %(days)s * interval '1 day' AND closed_at <= %(at)s GROUP BY 1) c ON c.owner_id = u.id
  LEFT JOIN (SELECT owner_id, count(*) AS done FROM care_task WHERE done_at > %(at)s - %(days)s * interval '1 day' AND done_at <= %(at)s GROUP BY 1) t ON t.owner_id = u.id
 WHERE u.is_staff AND (g.acts > 0 OR c.closed > 0 OR t.done > 0) ORDER BY 4 DESC, 2 DESC, u.email
"""


@panel(
    "staff",
    gettext_lazy("Work of staff"),
    gettext_lazy("The last 91 days, by person: points given or corrected by hand, cases closed, tasks done."),
    group="service",
)
def staff(at):
    columns = (
        Column("person", _("Person"), "text"), Column("acts", _("Corrections")), Column("points", _("Points moved"), "points"),
        Column("cases", _("Cases closed")), Column("tasks", _("Tasks done")),
    )  # fmt: skip
    rows = tuple(rows_of(_STAFF, zone_at(at, days=DAYS)))
    return Table(columns, rows, at, total=summed(columns, rows, label=_("Total"))) if rows else None
