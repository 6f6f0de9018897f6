"""What is asked of purchases: how often, how much, when last and first, of what and where, in any window."""

from datetime import date, datetime, time, timedelta

from django.utils.timezone import make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import (
    AT_LEAST,
    DAYS,
    DAYS_MAX,
    ONLY,
    Condition,
    Field,
    Invalid,
    Rows,
    compared,
    days_words,
    money,
    name_of,
    newer_or_older,
    tell_day,
    tell_money,
    tell_number,
    window,
)  # fmt: skip
from sales.models import Category, Product, Store

_MEMBERS = "p.member_id IS NOT NULL"
_WITHIN = "p.purchased_at > %(since)s AND p.purchased_at <= %(until)s"
_ANY, _SALES = "", "p.kind = 1"


def _purchases(found: str, given: dict, *, only: str, since: datetime | None) -> dict:
    """What is added up of the purchases in a window, in the one pass that all such questions share."""
    return {
        "source": f"sales_purchase p WHERE {_MEMBERS}", "given": given, "found": f"{found} {ONLY}", "member": "p.member_id",
        "only": only, "span": (since, given["until"]), "is_merged": True,
    }  # fmt: skip


def category_choices() -> list[tuple[str, str]]:
    """Departments and categories, then types, by name; each carries its lineage to tell namesakes apart."""
    rows = Category.objects.select_related("parent__parent").order_by("level", "path")
    return [(str(row.pk), " › ".join(_lineage(row))) for row in rows]


def _lineage(category) -> list[str]:
    names = []
    while category is not None:
        names.insert(0, category.name)
        category = category.parent
    return names


def category_name(category) -> str:
    found = Category.objects.select_related("parent__parent").filter(pk=category).first()
    return found.name if found else "?"


def below(category: int) -> dict:
    """The ids of a node of the product tree and of all below it, as a parameter."""
    path = Category.objects.values_list("path", flat=True).get(pk=category)
    below = Category.objects.filter(path__startswith=f"{path} > ").values_list("pk", flat=True)
    return {"categories": [category, *below]}


def _stores():
    return [(str(store.pk), str(store)) for store in Store.objects.order_by("name", "pk")]


# -- when, how often, how much -----------------------------------------------------------------------------------------


def _last(at, op, days):
    given = window(at, days)
    rows = _purchases("max(p.purchased_at)", given, only=_SALES, since=given["since"] if op == "newer" else None)
    return Rows(**rows, test=f"{rows['found']} {'>' if op == 'newer' else '<='} %(since)s")


def _last_words(op, days):
    if op == "newer":
        return _("Last purchase within the last %(days)s") % {"days": days_words(days)}
    return _("Last purchase more than %(days)s ago") % {"days": days_words(days)}


def _first(at, op, days):
    rows = _purchases("min(p.purchased_at)", window(at, days), only=_SALES, since=None)
    return Rows(**rows, test=f"{rows['found']} {'>' if op == 'newer' else '<='} %(since)s")


def _first_words(op, days):
    if op == "newer":
        return _("First purchase within the last %(days)s") % {"days": days_words(days)}
    return _("First purchase more than %(days)s ago") % {"days": days_words(days)}


def _count(at, op, count, days):
    given = window(at, days)
    return compared(_purchases("count(*)", given, only=_SALES, since=given["since"]), op, count)


def _count_words(op, count, days):
    shown = {"count": count, "days": days_words(days)}
    if op == "at_least":
        return _("At least %(count)s purchases in the last %(days)s") % shown
    return _("At most %(count)s purchases in the last %(days)s") % shown


# Added up as floating point, which is exact for whole numbers below 2⁵³ (90 trillion units of a currency) and costs a third less
# than numeric for a million members.
_SPENT = "sum(p.total_minor::float8)"


def _amount(at, op, amount, days):
    given = window(at, days)
    return compared(_purchases(_SPENT, given, only=_ANY, since=given["since"]), op, amount * 100)


def _amount_words(op, amount, days):
    shown = {"amount": money(amount * 100), "days": days_words(days)}
    if op == "at_least":
        return _("Spent at least %(amount)s in the last %(days)s, refunds taken off") % shown
    return _("Spent at most %(amount)s in the last %(days)s, refunds taken off") % shown


# -- of what and where -------------------------------------------------------------------------------------------------

_LINES = """sales_purchase p JOIN sales_purchaseline l ON l.purchase_id = p.id JOIN sales_product r ON r.id = l.product_id
    WHERE p.kind = 1 AND p.member_id IS NOT NULL"""


def _category(at, op, category, days):
    source = f"{_LINES} AND {_WITHIN} AND r.category_id = ANY(%(categories)s)"
    given = window(at, days) | below(category)
    return Rows(
        source, given, member="p.member_id", found="max(p.purchased_at)", is_absent=op == "not_bought", is_merged=True
    )


def _category_words(op, category, days):
    shown = {"category": category_name(category), "days": days_words(days)}
    if op == "bought":
        return _("Bought %(category)s in the last %(days)s") % shown
    return _("Did not buy %(category)s in the last %(days)s") % shown


def _measures():
    return [("times", _("purchases")), ("amount", _("whole currency units spent")), ("pieces", _("pieces or units"))]


_MEASURED = {"times": "count(DISTINCT p.id)", "amount": "sum(l.total_minor) / 100", "pieces": "sum(l.quantity)"}
_FILTERS = {
    "category": "r.category_id = ANY(%(categories)s)", "product": "r.code = %(product)s", "brand": "r.brand = %(brand)s",
    "store": "p.store_id = %(store)s",
}  # fmt: skip


def _bought(within, *, op, number, measure, **of):
    """Lines of sales in a window, of a category, product and brand and in a store, where these are said."""
    said = {name: value for name, value in of.items() if value != ""}
    given = within | {name: value for name, value in said.items() if name != "category"}
    if "category" in said:
        given |= below(said["category"])
    source = " AND ".join([f"{_LINES} AND {_WITHIN}", *(_FILTERS[name] for name in said)])
    rows = {
        "source": source,
        "given": given,
        "member": "p.member_id",
        "found": f"COALESCE({_MEASURED[measure]}, 0)",
        "is_merged": True,
    }
    return compared(rows, op, number)


def _things(at, *, op, number, measure, days, until, **of):
    return _bought(window(at, days, until), op=op, number=number, measure=measure, **of)


def _dated(at, *, op, number, measure, first, last, **of):
    """Whole days in the shop's time zone; what lies after the moment of asking has not happened."""
    since = make_aware(datetime.combine(date.fromisoformat(first), time())) - timedelta(microseconds=1)
    until = make_aware(datetime.combine(date.fromisoformat(last) + timedelta(days=1), time())) - timedelta(
        microseconds=1
    )
    return _bought({"since": since, "until": min(until, at)}, op=op, number=number, measure=measure, **of)


def _of_words(category, product, brand, store) -> str:
    of = [
        _("of category “%(name)s”") % {"name": category_name(category)} if category != "" else "",
        _("of product “%(name)s”") % {"name": product} if product else "",
        _("of brand “%(name)s”") % {"name": brand} if brand else "",
        _("in store “%(name)s”") % {"name": name_of(_stores(), store, "")} if store else "",
    ]
    return ", ".join(part for part in of if part) or _("of anything, anywhere")


def _measured_words(op, number, measure) -> str:
    many = {
        "times": _("%(n)s purchases"), "amount": _("%(n)s whole currency units spent"), "pieces": _("%(n)s pieces or units"),
    }[measure] % {"n": f"{number:,}"}  # fmt: skip
    return (_("At least %(many)s") if op == "at_least" else _("At most %(many)s")) % {"many": many}


def _things_words(op, number, measure, days, until, **of):
    shown = {"many": _measured_words(op, number, measure), "what": _of_words(**of), "days": days_words(days)}
    if until:
        shown["until"] = days_words(until)
        return _("%(many)s %(what)s, between %(days)s and %(until)s ago") % shown
    return _("%(many)s %(what)s, in the last %(days)s") % shown


def _dated_words(op, number, measure, first, last, **of):
    shown = {"many": _measured_words(op, number, measure), "what": _of_words(**of), "first": first, "last": last}
    return _("%(many)s %(what)s, from %(first)s to %(last)s") % shown


def _begins_before(given: dict) -> dict:
    if given["until"] >= given["days"]:
        raise Invalid(_("A window begins longer ago than it ends."))
    return given


def _first_before_last(given: dict) -> dict:
    if given["first"] > given["last"]:
        raise Invalid(_("The first day must not come after the last."))
    return given


def _brands():
    found = Product.objects.exclude(brand="").order_by("brand").values_list("brand", flat=True).distinct()
    return [(brand, brand) for brand in found]


_MEASURE = (
    AT_LEAST,
    Field("number", gettext_lazy("how many"), "number", 1),
    Field("measure", gettext_lazy("of what is counted"), "choice", "times", _measures),
)
_OF = (
    Field("category", gettext_lazy("category"), "category", "", category_choices, is_optional=True),
    Field("product", gettext_lazy("product code"), "product", "", is_optional=True),
    Field("brand", gettext_lazy("brand"), "choice", "", _brands, is_optional=True),
    Field("store", gettext_lazy("store"), "choice", "", _stores, is_optional=True),
)

CONDITIONS = (
    Condition(
        "last_purchase", gettext_lazy("Last purchase"),
        (Field("op", gettext_lazy("when"), "choice", "older", newer_or_older), DAYS), _last, _last_words, tell_day,
    ),
    Condition(
        "first_purchase", gettext_lazy("First purchase"),
        (Field("op", gettext_lazy("when"), "choice", "newer", newer_or_older), DAYS), _first, _first_words, tell_day,
    ),
    Condition(
        "purchase_count", gettext_lazy("Number of purchases"),
        (AT_LEAST, Field("count", gettext_lazy("purchases"), "number", 2), DAYS), _count, _count_words, tell_number,
    ),
    Condition(
        "purchase_amount", gettext_lazy("Amount spent"),
        (AT_LEAST, Field("amount", gettext_lazy("amount in whole currency units"), "number", 100), DAYS), _amount, _amount_words,
        tell_money,
    ),
    Condition(
        "bought_category", gettext_lazy("Bought from a category"),
        (
            Field(
                "op", gettext_lazy("whether"), "choice", "bought", lambda: [("bought", _("bought")), ("not_bought", _("did not buy"))],
            ),
            Field("category", gettext_lazy("category"), "category", "", category_choices),
            DAYS,
        ),
        _category, _category_words, tell_day,
    ),
    Condition(
        "bought", gettext_lazy("Bought what, where, how often, how much"),
        (*_MEASURE, *_OF, DAYS, Field("until", gettext_lazy("and at least so many days ago"), "number", 0, high=DAYS_MAX)),
        _things, _things_words, tell_number, _begins_before,
    ),
    Condition(
        "bought_between", gettext_lazy("Bought between two dates"),
        (*_MEASURE, *_OF, Field("first", gettext_lazy("first day"), "date"), Field("last", gettext_lazy("last day"), "date")),
        _dated, _dated_words, tell_number, _first_before_last,
    ),
)  # fmt: skip
