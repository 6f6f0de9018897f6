"""What is kept of a member's spend, in SQL: at one margin for all, and where a category's own margin is stated, at that.

A plan fixes both before there is an outcome. By how much a category's margin is beyond the one for all is counted line by line, in
hundredths of a minor unit, so the sums are whole numbers; where no category has a margin of its own no line is looked at.
"""

import json

from django.db.models import Count, Max, Q

from sales.models import Product

BEYOND = """
stated AS MATERIALIZED (
    SELECT key::bigint AS category_id, value::bigint - %(margin)s AS beyond FROM jsonb_each_text(%(margins)s::jsonb)
), beyond AS (
    SELECT p.member_id, sum(l.total_minor * m.beyond)::bigint AS hundredths
      FROM sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id
      JOIN sales_product r ON r.id = l.product_id JOIN stated m ON m.category_id = r.category_id {mine}
     WHERE p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s AND p.member_id IS NOT NULL {which}
     GROUP BY p.member_id
)"""
"""Two CTEs, the second of (member_id, hundredths). `mine` may join the assigned members, `which` narrow the purchases p."""


def kept(*, spend: str, capped: str, beyond: str | None) -> str:
    """The expression of what is kept, in minor units: of the whole `spend` cut to the plan's cap in proportion, as `capped` is of it."""
    if beyond is None:
        return f"{capped} * %(margin)s / 100"
    whole = f"({spend} * %(margin)s + {beyond})::float8 / 100"
    return f"CASE WHEN {spend} > %(cap)s THEN %(cap)s::float8 / {spend} ELSE 1 END * {whole}"


def given(subject) -> dict:
    """The parameters of these: a plan that states no margin keeps everything, which is revenue."""
    plan = subject.plan
    return {
        "margin": 100 if plan is None or plan.margin_percent is None else plan.margin_percent,
        "margins": json.dumps(subject.margins),
    }


def unplaced(product_id_max: int | None = None) -> tuple[int, int]:
    """The newest product, or the one given, and how many up to it belong to no category: fewer later, and sums by category are stale."""
    products = Product.objects.all() if product_id_max is None else Product.objects.filter(pk__lte=product_id_max)
    found = products.aggregate(newest=Max("pk"), unplaced=Count("pk", filter=Q(category=None)))
    return product_id_max or found["newest"] or 0, found["unplaced"]
