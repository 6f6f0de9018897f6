"""What a point is worth. The past keeps its values: a change is a new row from a day on."""

from datetime import date, datetime

from django.utils.translation import gettext as _

from loyalty.models import Currency, PointValue
from loyalty.operations.errors import LedgerRefusal


class CannotValue(LedgerRefusal):
    """A value that reaches back before the one in force, or of a currency that is money already."""


def set_point_value(
    *,
    currency: str,
    money: str,
    minor_per_1000: int,
    effective_from: date,
    note: str,
    by_user_id: int | None,
    at: datetime,
) -> PointValue:
    """Say what a thousand points are worth in minor units of money from a day on. Raises CannotValue.

    The day may not lie before the newest value's: figures that went into the books stay explained.
    """
    known = Currency.objects.filter(code=currency).first()
    if known is None or currency.startswith("cashback:"):
        raise CannotValue(_("Choose a currency of points; cashback is money already."))
    if minor_per_1000 < 0:
        raise CannotValue(_("A point is worth nothing or more."))
    newest = PointValue.objects.filter(currency=known).order_by("-effective_from", "-pk").first()
    if newest and effective_from < newest.effective_from:
        raise CannotValue(
            _("A value is set from %(day)s already. Choose that day or a later one; the past keeps its values.")
            % {"day": newest.effective_from.isoformat()}
        )
    return PointValue.objects.create(
        currency=known, money=money, minor_per_1000=minor_per_1000, effective_from=effective_from,
        note=note.strip()[:200], by_user_id=by_user_id, created_at=at,
    )  # fmt: skip
