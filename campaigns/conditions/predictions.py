"""What is asked of the scores that insights foretell, and of likeness to another audience."""

from datetime import timedelta

from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions import likeness
from campaigns.conditions.asking import (
    AT_LEAST,
    DAYS_MAX,
    Condition,
    Field,
    Rows,
    compared,
    days_words,
    labels,
    money,
    name_of,
    tell_day,
    tell_money,
    tell_number,
    tell_percent,
)  # fmt: skip
from campaigns.conditions.people import audience_choices
from campaigns.conditions.purchases import category_choices, category_name
from insights.models import ScoreKind

_LIVE = "SELECT id FROM insights_scorerun WHERE kind = %(kind)s AND subject = '' AND status = 'live'"


def _scores(kind: str, found: str = "s.value", **given) -> dict:
    """Today's scores of a kind; one a member, but for replenishment."""
    return {
        "source": f"insights_score s WHERE s.run_id = ({_LIVE})", "given": {"kind": kind, **given}, "found": found,
        "member": "s.member_id", "is_single": True,
    }  # fmt: skip


# -- RFM ---------------------------------------------------------------------------------------------------------------


def _fifths():
    return [
        ("1", _("1, the lowest fifth")), ("2", "2"), ("3", "3"), ("4", "4"), ("5", _("5, the highest fifth")),
    ]  # fmt: skip


_CELL = {"recency": "s.value::int / 100", "frequency": "s.value::int / 10 % 10", "money": "s.value::int % 10"}


def _rfm(at, **fifths):
    given = {name: [int(one) for one in chosen] for name, chosen in fifths.items()}
    test = " AND ".join(f"{digit.replace('%', '%%')} = ANY(%({name})s)" for name, digit in _CELL.items())
    return Rows(**_scores(ScoreKind.RFM, "s.value::int", **given), test=test)


def _rfm_words(recency, frequency, money):
    shown = {name: _(" or ").join(one) for name, one in (("r", recency), ("f", frequency), ("m", money))}
    return _("RFM cell: recency %(r)s, frequency %(f)s, money %(m)s") % shown


# -- values and probabilities ------------------------------------------------------------------------------------------


def _value(at, op, amount):
    return compared(_scores(ScoreKind.VALUE), op, amount * 100)


def _value_words(op, amount):
    if op == "at_least":
        return _("Expected to spend at least %(amount)s soon") % {"amount": money(amount * 100)}
    return _("Expected to spend at most %(amount)s soon") % {"amount": money(amount * 100)}


def _expected(at, op, count):
    return compared(_scores(ScoreKind.PURCHASES), op, count)


def _expected_words(op, count):
    if op == "at_least":
        return _("At least %(count)s purchases expected") % {"count": count}
    return _("At most %(count)s purchases expected") % {"count": count}


def _alive(at, op, percent):
    return compared(_scores(ScoreKind.ALIVE), op, percent / 100)


def _alive_words(op, percent):
    if op == "at_least":
        return _("Still a customer with a probability of at least %(percent)s %%") % {"percent": percent}
    return _("Still a customer with a probability of at most %(percent)s %%") % {"percent": percent}


def _churn(at, op, percent):
    return compared(_scores(ScoreKind.CHURN), op, percent / 100)


def _churn_words(op, percent):
    if op == "at_least":
        return _("Risk of leaving at least %(percent)s %%") % {"percent": percent}
    return _("Risk of leaving at most %(percent)s %%") % {"percent": percent}


def _drivers():
    return [
        (one.value, one.label) for one in (ScoreKind.PRICE_DRIVEN, ScoreKind.SERVICE_DRIVEN, ScoreKind.BRAND_DRIVEN)
    ]


def _driven(at, driver, percent):
    return compared(_scores(driver), "at_least", (100 - percent) / 100)


def _driven_words(driver, percent):
    return _("%(driver)s: the strongest %(percent)s %%") % {"driver": labels(_drivers(), [driver]), "percent": percent}


# -- dates foretold ----------------------------------------------------------------------------------------------------


def _due():
    return [("soon", _("within the next")), ("overdue", _("overdue for more than"))]


def _on(rows: dict, at, when: str, days: int) -> Rows:
    today = localtime(at).date()
    if when == "overdue":
        return Rows(**rows | {"given": rows["given"] | {"day": today - timedelta(days=days)}}, test='s."on" < %(day)s')
    given = {"today": today, "day": today + timedelta(days=days)}
    return Rows(**rows | {"given": rows["given"] | given}, test='s."on" BETWEEN %(today)s AND %(day)s')


def _next_purchase(at, op, days):
    return _on(_scores(ScoreKind.NEXT_PURCHASE, 's."on"'), at, op, days)


def _next_words(op, days):
    if op == "soon":
        return _("Next purchase expected within %(days)s") % {"days": days_words(days)}
    return _("Next purchase overdue for more than %(days)s") % {"days": days_words(days)}


def _needed(at, category, days):
    today = localtime(at).date()
    given = {"kind": ScoreKind.REPLENISHMENT, "today": today, "day": today + timedelta(days=days)}
    source = f"""insights_score s WHERE s.run_id = ({_LIVE}) AND s."on" BETWEEN %(today)s AND %(day)s"""
    if category != "":
        source, given = f"{source} AND s.category_id = %(category)s", given | {"category": category}
    return Rows(source, given, found='min(s."on")', member="s.member_id")


def _needed_words(category, days):
    name = category_name(category) if category != "" else _("any product type")
    return _("Needs %(category)s again within %(days)s") % {"category": name, "days": days_words(days)}


# -- likeness ----------------------------------------------------------------------------------------------------------


def _alike(at, audience, count):
    return likeness.nearest(int(audience), count, at=at)


def _alike_words(audience, count):
    shown = {"count": f"{count:,}", "name": name_of(audience_choices(), audience, "?")}
    return _("Among the %(count)s members who buy most like “%(name)s”, without its own") % shown


_PERCENT = Field("percent", gettext_lazy("per cent"), "number", 50, low=0, high=100)
_ALL_FIFTHS = ["1", "2", "3", "4", "5"]

CONDITIONS = (
    Condition(
        "rfm", gettext_lazy("RFM cell"),
        (
            Field("recency", gettext_lazy("recency"), "choices", ["4", "5"], _fifths),
            Field("frequency", gettext_lazy("frequency"), "choices", _ALL_FIFTHS, _fifths),
            Field("money", gettext_lazy("money"), "choices", _ALL_FIFTHS, _fifths),
        ),
        _rfm, _rfm_words, tell_number,
    ),
    Condition(
        "value", gettext_lazy("Value expected"),
        (AT_LEAST, Field("amount", gettext_lazy("amount in whole currency units"), "number", 100)), _value, _value_words, tell_money,
    ),
    Condition(
        "purchases_expected", gettext_lazy("Purchases expected"), (AT_LEAST, Field("count", gettext_lazy("purchases"), "number", 2)),
        _expected, _expected_words, tell_number,
    ),
    Condition("alive", gettext_lazy("Still a customer"), (AT_LEAST, _PERCENT), _alive, _alive_words, tell_percent),
    Condition("churn", gettext_lazy("Risk of leaving"), (AT_LEAST, _PERCENT), _churn, _churn_words, tell_percent),
    Condition(
        "next_purchase", gettext_lazy("Next purchase"),
        (
            Field("op", gettext_lazy("when"), "choice", "soon", _due),
            Field("days", gettext_lazy("days"), "number", 7, low=0, high=DAYS_MAX),
        ),
        _next_purchase, _next_words, tell_day,
    ),
    Condition(
        "replenishment", gettext_lazy("Product needed again"),
        (
            Field("category", gettext_lazy("category"), "category", "", category_choices, is_optional=True),
            Field("days", gettext_lazy("within days"), "number", 7, low=0, high=DAYS_MAX),
        ),
        _needed, _needed_words, tell_day,
    ),
    Condition(
        "driven_by", gettext_lazy("Looks for price, service or brands"),
        (Field("driver", gettext_lazy("driver"), "choice", "price_driven", _drivers), Field("percent", gettext_lazy("per cent"), "number", 20, low=1, high=100)),
        _driven, _driven_words, tell_percent,
    ),
    Condition(
        "alike", gettext_lazy("Members like those of an audience"),
        (
            Field("audience", gettext_lazy("audience"), "choice", "", audience_choices),
            Field("count", gettext_lazy("how many"), "number", 1000, low=1),
        ),
        _alike, _alike_words, tell_number,
    ),
)  # fmt: skip
