"""A receipt whose points never came: paid without the card, claimed later by its number and its total.

The purchase itself is never edited. It is taken back as nobody's and recorded anew as the member's, at its own time and under
the rules of that day, in one transaction: so the points explain themselves, a later refund takes them back, and sales stay as
they were. The key of the new purchase names the old one, so a receipt is claimed once, whoever comes first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty import fraud
from loyalty.models import Tender
from loyalty.operations.errors import KeyReused, LedgerRefusal
from loyalty.operations.purchases import Recorded, record_purchase
from loyalty.operations.refunds import refund
from sales import queries as sales
from sales.lines import Line

SOURCE = "claims"
OPEN_FOR = timedelta(days=60)
CLAIMS_MAX, CLAIMS_WITHIN = 5, timedelta(days=30)


class CannotClaim(LedgerRefusal):
    """A receipt that gives this member nothing; the text says why."""


class ReceiptNotFound(CannotClaim):
    """No receipt that could be given: somebody has to look."""


@dataclass(frozen=True)
class _Found:
    purchase: object
    lines: list[Line]


def claim_receipt(*, member_id: int, receipt: str, total_minor: int, at: datetime) -> Recorded:
    """Give a member the points of a purchase that was recorded for nobody. `receipt`: its number as printed.

    Raises ReceiptNotFound (unknown, too old, partly refunded, another total), CannotClaim (given before, too many lately),
    fraud.TooManyAttempts.
    """
    actor = f"member:{member_id}"
    fraud.check_code_attempts(actor=actor, at=at)
    found = _find(receipt.strip(), total_minor, member_id, at)
    fraud.note_code_attempt(actor=actor, code=f"receipt:{receipt}", was_right=found is not None, at=at)
    if found is None:
        raise ReceiptNotFound(_("We did not find this receipt by itself. A colleague will look for it."))
    claimed = sales.receipts(source_code=SOURCE, member_id=member_id).filter(recorded_at__gt=at - CLAIMS_WITHIN)
    if claimed.count() >= CLAIMS_MAX:
        raise CannotClaim(
            _("You have claimed many receipts lately. Show your card when you pay: then points come at once.")
        )
    return _give(found, member_id, at)


def _find(number: str, total_minor: int, member_id: int, at: datetime) -> _Found | None:
    """The one purchase of this number and total that may still be given to somebody."""
    for purchase in sales.by_number(number):
        if purchase.total_minor != total_minor or not at - OPEN_FOR <= purchase.purchased_at <= at:
            continue
        if purchase.member_id is not None or sales.purchase_by_key(SOURCE, _key(purchase)):
            raise CannotClaim(_("The points of this receipt were given already. Look into your history."))
        lines = sales.purchase(purchase.public_id).receipt_lines
        is_whole = not any(line.refunded_minor or line.refunded_quantity for line in lines)
        if is_whole and not Tender.objects.filter(purchase_id=purchase.pk).exists():
            return _Found(purchase, [Line(one.product.code, one.quantity, one.total_minor, one.unit) for one in lines])
    return None


def _key(purchase) -> str:
    return f"claim:{purchase.pk}"


@transaction.atomic
def _give(found: _Found, member_id: int, at: datetime) -> Recorded:
    purchase = found.purchase
    try:
        recorded = record_purchase(
            source=SOURCE, client_key=_key(purchase), store_code=purchase.store.code, purchased_at=purchase.purchased_at,
            currency=purchase.currency, lines=found.lines, member_id=member_id,
        )  # fmt: skip
    except KeyReused:
        raise CannotClaim(_("The points of this receipt were given already. Look into your history.")) from None
    refund(
        source=SOURCE, client_key=f"moved:{purchase.pk}", purchase_id=purchase.pk, lines=sales.refundable(purchase),
        refunded_at=at,
    )  # fmt: skip
    return recorded
