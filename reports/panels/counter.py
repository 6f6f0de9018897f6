"""What is done at the till, by person: never counted for who serves themselves."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import members.queries
from reports.panels.registry import panel, rows_of
from reports.panels.tables import Column, Table, summed

DAYS = 91

# Accesses are written by the real clock. Who was enrolled came again if they bought on two days at least.
_BOARD = """
WITH acts AS (
    SELECT a.user_id, a.member_id, a.act FROM members_access a
     WHERE a.door = 'pos' AND a.act IN ('enrolled', 'awarded', 'voided')
       AND a.at > %(at)s - %(days)s * interval '1 day' AND a.at <= %(at)s
       AND NOT (a.user_id, a.member_id) IN (SELECT * FROM unnest(%(users)s::bigint[], %(themselves)s::bigint[]))
), brought AS (
    SELECT DISTINCT e.user_id, e.member_id FROM acts e WHERE e.act = 'enrolled'
), again AS (
    SELECT b.user_id, count(*) AS members, count(*) FILTER (WHERE days.n >= 2) AS stayed
      FROM brought b LEFT JOIN LATERAL (
          SELECT count(DISTINCT p.purchased_at::date) AS n FROM sales_purchase p WHERE p.member_id = b.member_id AND p.kind = 1 AND p.purchased_at <= %(at)s
      ) days ON true GROUP BY 1
), sold AS (
    SELECT user_id, count(*) FILTER (WHERE act = 'awarded') AS sales, count(*) FILTER (WHERE act = 'voided') AS voided FROM acts GROUP BY 1
)
SELECT u.email, coalesce(g.members, 0), coalesce(g.stayed, 0), s.sales, s.voided
  FROM sold s JOIN members_user u ON u.id = s.user_id LEFT JOIN again g ON g.user_id = s.user_id
 ORDER BY 3 DESC, 2 DESC, 4 DESC, u.email
"""


@panel(
    "counter",
    gettext_lazy("At the till, by person"),
    gettext_lazy(
        "The last 91 days: members enrolled, how many of them bought on two days or more, sales recorded, and own sales taken back. Nobody's own account counts."
    ),
    group="service",
)
def counter(at):
    own = sorted(members.queries.own_accounts())
    given = {
        "at": at,
        "days": DAYS,
        "users": [user for user, _member in own],
        "themselves": [member for _user, member in own],
    }
    columns = (
        Column("person", _("Person"), "text"), Column("enrolled", _("Members enrolled")), Column("stayed", _("Came again")),
        Column("sales", _("Sales recorded")), Column("voided", _("Own sales taken back")),
    )  # fmt: skip
    rows = tuple(rows_of(_BOARD, given))
    return Table(columns, rows, at, total=summed(columns, rows, label=_("Total"))) if rows else None
