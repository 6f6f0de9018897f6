"""News from the floor."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from members.personal_data import Section, rows_of
from members.signals import personal_data_asked
from sales.models import Purchase, PurchaseLine


@receiver(personal_data_asked)
def tell(member_id, **_news):
    purchases = Purchase.objects.filter(member_id=member_id).order_by("purchased_at", "pk")
    lines = PurchaseLine.objects.filter(purchase__member_id=member_id).order_by(
        "purchase__purchased_at", "purchase_id", "line_no"
    )
    return [
        Section(
            "purchases",
            _("Purchases and refunds"),
            rows_of(
                purchases,
                receipt="public_id", purchased_at="purchased_at", store="store__name", total_minor="total_minor",
                currency="currency", refunds_receipt="refunds__public_id",
            ),
        ),
        Section(
            "purchase_lines",
            _("What you bought"),
            rows_of(
                lines,
                receipt="purchase__public_id", line="line_no", product="product__name", product_code="product__code",
                category="product__category__path", quantity="quantity", unit="unit", total_minor="total_minor",
            ),
        ),
    ]  # fmt: skip
