"""Questions about purchases: what a desk, a portal and a refund need."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from members.queries import ids_of
from sales.models import Category, Margin, Product, Purchase, PurchaseLine, Source
from sales.refunds import Sold


@dataclass(frozen=True)
class ReceiptLine:
    """A line with its product, and what refunds took back of it (quantity, and minor units; both positive)."""

    line_no: int
    product: Product
    quantity: Decimal
    unit: str
    total_minor: int
    refunded_quantity: Decimal
    refunded_minor: int

    @property
    def left_quantity(self) -> Decimal:
        return self.quantity - self.refunded_quantity

    @property
    def left_minor(self) -> int:
        return self.total_minor - self.refunded_minor

    @property
    def is_refunded(self) -> bool:
        """Whether nothing is left to give back."""
        return not self.left_quantity and not self.left_minor


def purchases_of(member_id: int, *, limit: int = 20, before=None) -> list[Purchase]:
    """A member's purchases before a moment, newest first, each with `.receipt_lines` and `.refunded_minor`. Three queries."""
    purchases = Purchase.objects.filter(member__in=ids_of(member_id), kind=Purchase.Kind.SALE).select_related(
        "store", "source"
    )
    if before is not None:
        purchases = purchases.filter(purchased_at__lt=before)
    return _with_lines(list(purchases.order_by("-purchased_at", "-pk")[:limit]))


def purchase_moments(member_ids: Iterable[int] | None, *, since: datetime) -> Iterator[tuple[int, datetime]]:
    """(member, moment) of the sales since then; None: the latest 20,000 of everybody."""
    found = Purchase.objects.filter(kind=Purchase.Kind.SALE, purchased_at__gte=since, member__isnull=False)
    if member_ids is None:
        found = found.order_by("-purchased_at", "-pk")[:20_000]
    else:
        found = found.filter(member__in=list(member_ids))
    yield from found.values_list("member_id", "purchased_at")


def purchase(public_id) -> Purchase | None:
    """A purchase or refund by its public id, with `.receipt_lines` and `.refunded_minor`; None when there is none."""
    found = _with_lines(list(Purchase.objects.filter(public_id=public_id).select_related("store", "source", "member")))
    return found[0] if found else None


def purchase_by_key(source_code: str, client_key: str) -> Purchase | None:
    """The purchase a client knows by its own key."""
    return Purchase.objects.filter(source__code=source_code, client_key=client_key).first()


def by_number(number: str) -> list[Purchase]:
    """Sales whose receipt has this number (a till's own key, or our public id), of whatever source; newest first."""
    sources = list(Source.objects.values_list("pk", flat=True))  # so that the unique index of (source, key) is asked
    found = Q(source__in=sources, client_key=number)
    with contextlib.suppress(ValueError):
        found |= Q(public_id=UUID(number))
    sold = Purchase.objects.filter(found, kind=Purchase.Kind.SALE).select_related("store")
    return list(sold.order_by("-purchased_at", "-pk")[:20])


def receipts(*, source_code: str = "", member_id: int | None = None):
    """Purchases and refunds of one source or one member, newest first, as a QuerySet with what a list of them shows."""
    found = Purchase.objects.select_related("store", "member", "award").order_by("-purchased_at", "-pk")
    if source_code:
        found = found.filter(source__code=source_code)
    return found if member_id is None else found.filter(member__in=ids_of(member_id))


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


def by_receipt_number(number: str) -> Purchase | None:
    """A sale by what its receipt says: the key its source gave it, or its public id. None for refunds and unknown numbers."""
    found = Purchase.objects.select_related("store", "source", "member").filter(kind=Purchase.Kind.SALE)
    by_key = found.filter(source__in=Source.objects.values("pk"), client_key=number).order_by("-purchased_at", "-pk")
    try:
        public_id = UUID(number)
    except ValueError:
        return by_key.first()
    return by_key.first() or found.filter(public_id=public_id).first()


def refundable(purchase: Purchase) -> list[tuple[int, Decimal, int]]:
    """What is left to refund of each line: (line_no, quantity, total in minor units), lines taken back whole left out."""
    if purchase.kind == Purchase.Kind.REFUND:
        return []
    left = refundable_many([purchase.pk])[purchase.pk]
    return [(line.line_no, line.quantity, line.total_minor) for line in left if line.quantity or line.total_minor]


def refundable_many(purchase_ids: Iterable[int]) -> dict[int, list[Sold]]:
    """What is left to refund of each line, by purchase. Two queries for any number."""
    ids = list(purchase_ids)
    refunded = _refunded(ids)
    left = {id_: [] for id_ in ids}
    lines = PurchaseLine.objects.filter(purchase__in=ids).order_by("purchase", "line_no")
    for id_, line_no, code, quantity, minor in lines.values_list(
        "purchase", "line_no", "product__code", "quantity", "total_minor"
    ):
        back_quantity, back_minor = refunded[id_].get(line_no, (Decimal(0), 0))
        left[id_].append(Sold(line_no, code, quantity - back_quantity, minor - back_minor))
    return left


def _with_lines(purchases: list[Purchase]) -> list[Purchase]:
    ids = [one.pk for one in purchases]
    refunded = _refunded(ids)
    lines = defaultdict(list)
    for line in PurchaseLine.objects.filter(purchase__in=ids).select_related("product__category").order_by("line_no"):
        back_quantity, back_minor = refunded[line.purchase_id].get(line.line_no, (Decimal(0), 0))
        lines[line.purchase_id].append(
            ReceiptLine(
                line.line_no, line.product, line.quantity, line.unit, line.total_minor, back_quantity, back_minor
            )
        )
    for one in purchases:
        one.receipt_lines = lines[one.pk]
        one.refunded_minor = sum(line.refunded_minor for line in one.receipt_lines)
    return purchases


def _refunded(purchase_ids: list[int]) -> dict[int, dict[int, tuple[Decimal, int]]]:
    """What refunds took back of each line: purchase → line number → (quantity, minor units), both positive."""
    refunded = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.refunds_id, l.refunds_line_no, -sum(l.quantity), -sum(l.total_minor)
                 FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id
                WHERE p.refunds_id = ANY (%s) AND l.refunds_line_no IS NOT NULL
                GROUP BY 1, 2""",
            [purchase_ids],
        )
        for purchase_id, line_no, quantity, minor in cursor:
            refunded[purchase_id][line_no] = (quantity, int(minor))
    return refunded


def products_by_tag() -> list[tuple[str, int]]:
    """Every tag that products carry, with how many do, in the order of the alphabet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tag, count(*) FROM sales_product p, unnest(p.tags) AS tag WHERE p.tags <> '{}' GROUP BY tag ORDER BY tag"
        )
        return cursor.fetchall()


def tagged(tag: str) -> QuerySet[Product]:
    """The products that carry a tag, by code."""
    return Product.objects.filter(tags__contains=[tag]).select_related("category").order_by("code")


def margins() -> dict[int, int]:
    """Of each category whose margin is stated, its own or that of the nearest above it: percent of the price that is kept, by id."""
    stated, found = dict(Margin.objects.values_list("category", "percent")), {}
    if not stated:
        return {}
    for pk, parent in Category.objects.order_by("level", "pk").values_list("pk", "parent"):
        percent = stated.get(pk, found.get(parent))
        if percent is not None:
            found[pk] = percent
    return found
