"""Questions about purchases."""

from decimal import Decimal

from django.db.models import Sum

from sales.models import Purchase, PurchaseLine


def receipts(*, source_code: str = "", member_id: int | None = None):
    """Purchases and refunds of one source or one member, newest first, as a QuerySet with what a list of them shows."""
    found = Purchase.objects.select_related("store", "member", "award").order_by("-purchased_at", "-pk")
    if source_code:
        found = found.filter(source__code=source_code)
    return found if member_id is None else found.filter(member=member_id)


def receipt(public_id) -> Purchase | None:
    """One purchase or refund with its store, its member, its lines, and what it refunds or was refunded by."""
    return (
        Purchase.objects.select_related("store", "member", "award", "refunds")
        .prefetch_related("lines__product", "refunded_by")
        .filter(public_id=public_id)
        .first()
    )


def told(source_code: str, client_key: str) -> Purchase | None:
    """The act that a source told under this key, if it was stored."""
    return Purchase.objects.filter(source__code=source_code, client_key=client_key).first()


def refundable(purchase: Purchase) -> list[tuple[int, Decimal, int]]:
    """What is left to refund of each line: (line_no, quantity, total in minor units), lines taken back whole left out."""
    if purchase.kind == Purchase.Kind.REFUND:
        return []
    back = {
        line_no: (quantity, total)
        for line_no, quantity, total in PurchaseLine.objects.filter(purchase__refunds=purchase)
        .values_list("refunds_line_no")
        .annotate(Sum("quantity"), Sum("total_minor"))
    }
    left = [
        (
            line.line_no,
            line.quantity + back.get(line.line_no, (0, 0))[0],
            line.total_minor + back.get(line.line_no, (0, 0))[1],
        )
        for line in purchase.lines.all()
    ]
    return [line for line in sorted(left) if line[1] or line[2]]
