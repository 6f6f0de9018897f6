"""What can be asked of a member: each condition with its words, its fields, and the SQL it becomes.

A condition is a Q over Member, true or false for every member, never unknown: that is what lets groups nest and negate.
Windows are whole days before the moment of asking. Add a condition here and the builder, the check and "why" know it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Exists, F, Func, OuterRef, Q, Sum
from django.db.models.fields import BigIntegerField
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.models import Tier, Wallet
from members.models import Consent, Member
from sales.models import Category, Purchase

DAYS_MAX = 3650


class Invalid(ValueError):
    """A condition that cannot be asked; the message says what to change."""


@dataclass(frozen=True)
class Field:
    """One thing to fill in: `kind` is number, date, choice, choices or category; the builder draws it from this alone."""

    name: str
    label: str
    kind: str
    default: object
    choices: Callable[[], list[tuple[str, str]]] = list
    low: int = 0
    high: int = 10**9

    def clean(self, value: object) -> object:
        return _CLEANERS[self.kind](self, value)


@dataclass(frozen=True)
class Condition:
    """A question of one kind: `q` builds its SQL from cleaned parameters, `words` says it to the reader."""

    code: str
    label: str
    fields: tuple[Field, ...]
    q: Callable[..., Q]
    words: Callable[..., str]

    def clean(self, given: dict) -> dict:
        """The parameters, checked and in their own types. Raises Invalid."""
        return {field.name: field.clean(given.get(field.name, field.default)) for field in self.fields}


# -- checking what was filled in ---------------------------------------------------------------------------------------


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


_CLEANERS = {"number": _number, "date": _date, "choice": _choice, "choices": _choices, "category": _category}


# -- answers to choose from --------------------------------------------------------------------------------------------


def category_choices() -> list[tuple[str, str]]:
    """Departments and categories, then types, by name; a type carries its department to tell namesakes apart."""
    rows = Category.objects.select_related("parent__parent").order_by("level", "path")
    return [(str(row.pk), " › ".join(_lineage(row))) for row in rows]


def _lineage(category) -> list[str]:
    names = []
    while category is not None:
        names.insert(0, category.name)
        category = category.parent
    return names


def _tiers():
    return [(tier.code, tier.name) for tier in Tier.objects.order_by("rank")]


def _languages():
    return [(code, str(name)) for code, name in settings.LANGUAGES]


def _more_or_less():
    return [("at_least", _("at least")), ("at_most", _("at most"))]


def _labels(choices, chosen) -> str:
    names = dict(choices)
    return _(" or ").join(str(names.get(one, one)) for one in chosen)


def _days(count: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", count) % {"n": count}


# -- the questions -----------------------------------------------------------------------------------------------------


def _sales():
    return Purchase.objects.filter(kind=Purchase.Kind.SALE)


def _of_member(rows):
    return Exists(rows.filter(member=OuterRef("pk")))


def _stage_q(at, stages):
    return Q(lifecycle_stage__in=stages)


def _stage_words(stages):
    return _("Life-cycle stage is %(stages)s") % {"stages": _labels(Member.LifecycleStage.choices, stages)}


def _last_purchase_q(at, op, days):
    until = _sales().filter(purchased_at__lte=at)
    recent = Q(_of_member(until.filter(purchased_at__gt=at - timedelta(days=days))))
    return recent if op == "newer" else Q(_of_member(until)) & ~recent


def _last_purchase_words(op, days):
    if op == "newer":
        return _("Last purchase within the last %(days)s") % {"days": _days(days)}
    return _("Last purchase more than %(days)s ago") % {"days": _days(days)}


def _in_window(at, days):
    return Purchase.objects.filter(
        member__isnull=False, purchased_at__gt=at - timedelta(days=days), purchased_at__lte=at
    )


def _purchase_count_q(at, op, count, days):
    per_member = (
        _in_window(at, days).filter(kind=Purchase.Kind.SALE).order_by().values("member").annotate(n=Count("pk"))
    )
    return _compare(per_member, "n", op, count)


def _purchase_count_words(op, count, days):
    shown = {"count": count, "days": _days(days)}
    if op == "at_least":
        return _("At least %(count)s purchases in the last %(days)s") % shown
    return _("At most %(count)s purchases in the last %(days)s") % shown


def _purchase_amount_q(at, op, amount, days):
    per_member = _in_window(at, days).order_by().values("member").annotate(n=Sum("total_minor"))
    return _compare(per_member, "n", op, amount * 100)


def _purchase_amount_words(op, amount, days):
    shown = {"amount": f"{Decimal(amount):,} {settings.CURRENCY}", "days": _days(days)}
    if op == "at_least":
        return _("Spent at least %(amount)s in the last %(days)s, refunds taken off") % shown
    return _("Spent at most %(amount)s in the last %(days)s, refunds taken off") % shown


def _compare(per_member, column, op, value):
    """Who reaches the value; or, for “at most”, everybody but who exceeds it: a member without a row counts as zero."""
    if op == "at_most":
        return ~Q(pk__in=per_member.filter(**{f"{column}__gt": value}).values("member"))
    reached = Q(pk__in=per_member.filter(**{f"{column}__gte": value}).values("member"))
    return reached if value > 0 else reached | ~Q(pk__in=per_member.values("member"))


def _category_q(at, op, category, days):
    path = Category.objects.values_list("path", flat=True).get(pk=category)
    nodes = Category.objects.filter(Q(pk=category) | Q(path__startswith=f"{path} > "))
    within = _sales().filter(purchased_at__gt=at - timedelta(days=days), purchased_at__lte=at, member__isnull=False)
    buyers = within.filter(lines__product__category__in=nodes)
    bought = Q(pk__in=buyers.order_by().values("member"))
    return bought if op == "bought" else ~bought


def _category_words(op, category, days):
    found = Category.objects.select_related("parent__parent").filter(pk=category).first()
    shown = {"category": found.name if found else "?", "days": _days(days)}
    if op == "bought":
        return _("Bought %(category)s in the last %(days)s") % shown
    return _("Did not buy %(category)s in the last %(days)s") % shown


POINTS = "points"


def _wallets():
    """The points wallets of members."""
    return Wallet.objects.filter(currency__code=POINTS, member__isnull=False)


def _balance_q(at, op, points):
    return _compare(_wallets().values("member").annotate(n=F("available")), "n", op, points)


def _balance_words(op, points):
    if op == "at_least":
        return _("Has at least %(points)s points") % {"points": f"{points:,}"}
    return _("Has at most %(points)s points") % {"points": f"{points:,}"}


class PointsExpiring(Func):
    """Σ of the lots whose last day lies between two dates, out of the wallet's two arrays."""

    template = (
        "(SELECT COALESCE(SUM(lot.points), 0) FROM unnest(%(expressions)s) AS lot (expires_on, points)"
        " WHERE lot.expires_on BETWEEN %%s AND %%s)"
    )
    output_field = BigIntegerField()

    def __init__(self, first: date, last: date):
        super().__init__(F("lot_expires_on"), F("lot_points"))
        self.first, self.last = first, last

    def as_sql(self, compiler, connection, **context):
        sql, params = super().as_sql(compiler, connection, **context)
        return sql, [*params, self.first, self.last]


def points_expiring(first: date, last: date):
    """An expression over Wallet: the points that expire from `first` to `last`, both included."""
    return PointsExpiring(first, last)


def _expiring_q(at, points, days):
    today = at.date()
    expiring = _wallets().values("member").annotate(n=points_expiring(today, today + timedelta(days=days)))
    return _compare(expiring, "n", "at_least", points)


def _expiring_words(points, days):
    return _("At least %(points)s points expire within %(days)s") % {"points": f"{points:,}", "days": _days(days)}


def _tier_q(at, tiers):
    return Q(pk__in=_wallets().filter(tier__code__in=tiers).values("member"))


def _tier_words(tiers):
    return _("Tier is %(tiers)s") % {"tiers": _labels(_tiers(), tiers)}


def _reachable_q(at, channel):
    return Q(pk__in=Member.objects.reachable(channel=channel, at=at).order_by().values("pk"))


def _reachable_words(channel):
    return _("Agreed to offers by %(channel)s") % {"channel": _labels(Consent.Channel.choices, [channel])}


def _language_q(at, languages):
    return Q(language__in=languages)


def _language_words(languages):
    return _("Language is %(languages)s") % {"languages": _labels(_languages(), languages)}


def _joined_q(at, op, date):
    return Q(joined_at__date__gte=date) if op == "since" else Q(joined_at__date__lt=date)


def _joined_words(op, date):
    return (
        _("Joined on or after %(date)s") % {"date": date}
        if op == "since"
        else _("Joined before %(date)s") % {"date": date}
    )


_AT_LEAST = Field("op", gettext_lazy("comparison"), "choice", "at_least", _more_or_less)
_DAYS = Field("days", gettext_lazy("days"), "number", 90, low=1, high=DAYS_MAX)

CONDITIONS = {
    condition.code: condition
    for condition in (
        Condition(
            "lifecycle_stage",
            gettext_lazy("Life-cycle stage"),
            (Field("stages", gettext_lazy("stages"), "choices", ["at_risk"], lambda: Member.LifecycleStage.choices),),
            _stage_q,
            _stage_words,
        ),
        Condition(
            "last_purchase",
            gettext_lazy("Last purchase"),
            (
                Field(
                    "op", gettext_lazy("when"), "choice", "older",
                    lambda: [("older", _("longer ago than")), ("newer", _("within the last"))],
                ),
                _DAYS,
            ),
            _last_purchase_q,
            _last_purchase_words,
        ),
        Condition(
            "purchase_count",
            gettext_lazy("Number of purchases"),
            (_AT_LEAST, Field("count", gettext_lazy("purchases"), "number", 2), _DAYS),
            _purchase_count_q,
            _purchase_count_words,
        ),
        Condition(
            "purchase_amount",
            gettext_lazy("Amount spent"),
            (_AT_LEAST, Field("amount", gettext_lazy("amount in whole currency units"), "number", 100), _DAYS),
            _purchase_amount_q,
            _purchase_amount_words,
        ),
        Condition(
            "bought_category",
            gettext_lazy("Bought from a category"),
            (
                Field(
                    "op", gettext_lazy("whether"), "choice", "bought",
                    lambda: [("bought", _("bought")), ("not_bought", _("did not buy"))],
                ),
                Field("category", gettext_lazy("category"), "category", "", category_choices),
                _DAYS,
            ),
            _category_q,
            _category_words,
        ),
        Condition(
            "points_balance",
            gettext_lazy("Points balance"),
            (_AT_LEAST, Field("points", gettext_lazy("points"), "number", 100)),
            _balance_q,
            _balance_words,
        ),
        Condition(
            "points_expiring",
            gettext_lazy("Points about to expire"),
            (
                Field("points", gettext_lazy("at least this many points"), "number", 1, low=1),
                Field("days", gettext_lazy("within days"), "number", 30, low=0, high=DAYS_MAX),
            ),
            _expiring_q,
            _expiring_words,
        ),
        Condition("tier", gettext_lazy("Tier"), (Field("tiers", gettext_lazy("tiers"), "choices", [], _tiers),), _tier_q, _tier_words),
        Condition(
            "reachable",
            gettext_lazy("Agreed to a channel"),
            (Field("channel", gettext_lazy("channel"), "choice", "email", lambda: Consent.Channel.choices),),
            _reachable_q,
            _reachable_words,
        ),
        Condition(
            "language",
            gettext_lazy("Language"),
            (Field("languages", gettext_lazy("languages"), "choices", ["en"], _languages),),
            _language_q,
            _language_words,
        ),
        Condition(
            "joined",
            gettext_lazy("Joined"),
            (
                Field(
                    "op", gettext_lazy("when"), "choice", "since",
                    lambda: [("since", _("on or after")), ("before", _("before"))],
                ),
                Field("date", gettext_lazy("date"), "date", ""),
            ),
            _joined_q,
            _joined_words,
        ),
    )
}  # fmt: skip
