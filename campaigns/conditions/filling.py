"""Checking what was filled in: one cleaner for each kind of field. The builder knows the same kinds."""

from datetime import date

from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from campaigns.conditions.asking import Invalid
from sales.models import Category, Product

TEXT_MAX = 200


def clean(field, value: object) -> object:
    """The value in its own type; an optional field that is left empty is an empty text. Raises Invalid."""
    if field.is_optional and value in ("", None):
        return ""
    return _CLEANERS[field.kind](field, value)


def _number(field, value):
    try:
        number = int(str(value))
    except ValueError:
        raise Invalid(_("“%(label)s” needs a whole number.") % {"label": field.label}) from None
    if not field.low <= number <= field.high:
        raise Invalid(
            _("“%(label)s” must lie between %(low)s and %(high)s.")
            % {"label": field.label, "low": field.low, "high": field.high}
        )
    return number


def _date(field, value):
    try:
        found = value if isinstance(value, date) else parse_date(str(value))
    except ValueError:
        found = None
    if found is None:
        raise Invalid(_("“%(label)s” needs a date such as 2026-01-31.") % {"label": field.label})
    return found.isoformat()


def _choice(field, value):
    if str(value) not in dict(field.choices()):
        raise Invalid(_("Choose one of the answers for “%(label)s”.") % {"label": field.label})
    return str(value)


def _choices(field, value):
    given = [value] if isinstance(value, str) else list(value or [])
    allowed = dict(field.choices())
    if not given or any(str(one) not in allowed for one in given):
        raise Invalid(_("Choose at least one answer for “%(label)s”.") % {"label": field.label})
    return [str(one) for one in given]


def _category(field, value):
    number = _number(field, value or 0)
    if not Category.objects.filter(pk=number).exists():
        raise Invalid(_("Choose a product category."))
    return number


def _product(field, value):
    if not Product.objects.filter(code=str(value)).exists():
        raise Invalid(_("No product has the code “%(code)s”.") % {"code": value})
    return str(value)


def _text(field, value):
    text = str(value or "").strip()
    if not field.is_optional and not text:
        raise Invalid(_("Fill in “%(label)s”.") % {"label": field.label})
    if len(text) > TEXT_MAX or "\x00" in text:
        raise Invalid(_("“%(label)s” is too long.") % {"label": field.label})
    return text


_CLEANERS = {
    "number": _number, "date": _date, "choice": _choice, "choices": _choices, "category": _category,
    "product": _product, "text": _text,
}  # fmt: skip
