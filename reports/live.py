"""What happens today, as it happens: a few figures of this business day that the first page asks for again every few seconds.

They are read from the day's own receipts and transfers, by time, and never kept: at a million members a day is fifty thousand receipts.
"""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from members import clock
from reports import calendar
from reports.asking import rows_of
from reports.figures import readers

SECONDS = 3
"""How often a page that is looked at asks again."""

_TODAY = """
SELECT coalesce(sum(total_minor), 0)::bigint, count(*) FILTER (WHERE kind = 1), count(DISTINCT member_id) FILTER (WHERE kind = 1)
  FROM sales_purchase WHERE purchased_at >= %(begin)s AND purchased_at <= %(at)s
"""
_POINTS = """
SELECT coalesce(sum(points) FILTER (WHERE debit_account = 1), 0)::bigint, coalesce(sum(points) FILTER (WHERE credit_account = 2), 0)::bigint
  FROM loyalty_transfer t
 WHERE posted_at >= %(begin)s AND occurred_at >= %(begin)s AND occurred_at <= %(at)s
   AND (SELECT w.currency_id FROM loyalty_wallet w WHERE w.id = t.wallet_id) = 1
"""
# Nothing that happens today was posted before it, and the time of posting is what there is an index of: one that says so little of how many
# rows it will find that a join with the wallets is planned as a walk over all of them. Asked of each transfer, the wallet is one look-up.


def told(at) -> dict:
    """What the tiles need."""
    return {"today": today(at), "at": at, "seconds": SECONDS}


def today(at) -> dict:
    """Sales less refunds, receipts, members who bought; points earned and spent: since midnight of the programme's zone."""
    given = {"begin": calendar.midnight(calendar.today(at)), "at": at}
    [(sales, receipts, members)] = rows_of(_TODAY, given)
    [(earned, spent)] = rows_of(_POINTS, given)
    return {"sales": sales, "receipts": receipts, "members": members, "earned": earned, "spent": spent}


@readers
@require_GET
def now(request):
    """The tiles alone, for the page that has them already."""
    return render(request, "reports/_today.html", told(clock.now()))
