"""The list of refused orders: which wait, letting one go, and tidying up."""

from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from api.models import RefusedOrder
from sales.models import Purchase

KEPT = timedelta(days=30)
"""How long a closed row is kept, for who asks what became of an order."""


def _arrived() -> Q:
    """Rows whose order is recorded by now; both tables call orders 1 and refunds 2.

    Where the number itself is the trouble, the purchase that has it is another one.
    """
    recorded = Purchase.objects.filter(
        source=OuterRef("source"), client_key=OuterRef("client_key"), kind=OuterRef("kind")
    )
    return ~Q(code="key_used") & ~Q(client_key="") & Q(Exists(recorded))


def waiting() -> QuerySet[RefusedOrder]:
    """Orders that are refused still, the latest first."""
    rows = RefusedOrder.objects.filter(closed_at=None).exclude(_arrived())
    return rows.select_related("source").order_by("-last_at", "-pk")


def by_source() -> list[tuple[int, str, int]]:
    """(id, name, orders) of each source with orders that wait."""
    rows = waiting().order_by().values_list("source", "source__name", "source__code").annotate(n=Count("pk"))
    return sorted(((id_, name or code, n) for id_, name, code, n in rows), key=lambda row: (-row[2], row[1]))


def by_code() -> list[tuple[str, int]]:
    """(error, orders), the most first."""
    rows = waiting().order_by().values_list("code").annotate(n=Count("pk"))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def let_go(*, pk: int, by_user_id: int, at: datetime) -> bool:
    """Take one off the list; when it is refused once more, it stands there again. False when it was closed already."""
    return bool(
        RefusedOrder.objects.filter(pk=pk, closed_at=None).update(
            closed_at=at, outcome=RefusedOrder.Outcome.LET_GO, closed_by=by_user_id
        )
    )


def let_go_lately(limit: int = 10) -> QuerySet[RefusedOrder]:
    """What was let go last, with who did it."""
    rows = RefusedOrder.objects.filter(outcome=RefusedOrder.Outcome.LET_GO).select_related("source", "closed_by")
    return rows.order_by("-closed_at", "-pk")[:limit]


def tidy(*, at: datetime) -> tuple[int, int]:
    """Close what has arrived and remove what was closed long ago. Returns how many of each."""
    closed = RefusedOrder.objects.filter(_arrived(), closed_at=None).update(
        closed_at=at, outcome=RefusedOrder.Outcome.ARRIVED
    )
    removed, _by_model = RefusedOrder.objects.filter(closed_at__lt=at - KEPT).delete()
    return closed, removed
