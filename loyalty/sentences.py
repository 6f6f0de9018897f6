"""An entry of the ledger in words, for the member, the cashier and the service desk."""

from collections.abc import Sequence
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, get_currency_precision
from django.utils.translation import gettext, ngettext, pgettext

from loyalty import rules
from members.languages import in_readers_language, reads_chinese


def money(minor: int, currency: str, *, whole: bool = False) -> str:
    """“$24.60” in the reader's language; `whole` leaves out cents that are zero."""
    digits = get_currency_precision(currency)
    amount = Decimal(minor).scaleb(-digits)
    if whole and amount == amount.to_integral():
        digits = 0
    locale = Locale.parse("zh_Hans_CN" if reads_chinese() else "en_US")
    pattern = "¤#,##0" + ("." + "0" * digits if digits else "")
    return format_currency(amount, currency, format=pattern, currency_digits=False, locale=locale)


def fraction(micropoints: int) -> str:
    """A part of a point: two digits, or as many as it needs to be seen."""
    exact = f"{micropoints / 1_000_000:.6f}".rstrip("0")
    return exact if len(exact) > 4 else f"{micropoints / 1_000_000:.2f}"


def count(points: int) -> str:
    return ngettext("%(points)s point", "%(points)s points", points) % {"points": f"{points:,}"}


def _joined(parts: list[str]) -> str:
    return pgettext("between the parts of an explanation", ", ").join(parts)


def listed(parts: Sequence[str]) -> str:
    """Parts in a row, as a reader of the language expects them: “50 points, 1 stamp”."""
    return _joined(list(parts))


def of_purchase(explained: dict, bonus: int = 0, more: Sequence[str] = ()) -> str:
    """“24 points: $24.60 at 1 point per $1, 0.60 carried to next time”.

    `bonus`: points that rules with a memory gave with it; `more`: those rules in words.
    """
    parts = [_rate(explained), *_rules(explained), *_tier(explained), *_benefits(explained), *_carry(explained), *more]
    if explained["debt_paid"]:
        parts.append(gettext("%(points)s paid back what was owed") % {"points": explained["debt_paid"]})
    return gettext("%(points)s: %(why)s") % {"points": count(explained["points"] + bonus), "why": _joined(parts)}


def _rate(explained: dict) -> str:
    rate, currency = explained["rate"], explained["currency"]
    return gettext("%(amount)s at %(points)s per %(money)s") % {
        "amount": money(explained["earning_minor"], currency),
        "points": count(rate["points"]),
        "money": money(rate["per_minor"], currency, whole=True),
    }


def _rules(explained: dict) -> list[str]:
    parts = []
    for rule in explained["applied"]:
        name = in_readers_language(rule["name"], rule.get("name_zh"))
        if "bonus_points" in rule:
            parts.append(gettext("%(bonus)s extra for %(rule)s") % {"bonus": rule["bonus_points"], "rule": name})
        else:
            parts.append(gettext("×%(times)s for %(rule)s") % {"times": times(rule["percent"]), "rule": name})
    return parts


def times(percent: int) -> str:
    return f"{percent / 100:g}"


def _tier(explained: dict) -> list[str]:
    if explained["tier_percent"] == 100:
        return []
    held = next(tier for tier in rules.known().tiers.values() if tier.code == explained["tier"])
    return [gettext("×%(times)s for %(rule)s") % {"times": times(explained["tier_percent"]), "rule": held.name}]


def _benefits(explained: dict) -> list[str]:
    parts = []
    for used in explained["entitlements"]:
        if "rule" in used:
            parts.append(_limited(used))
        elif used["benefit"] == "multiply":
            parts.append(gettext("×%(times)s by your offer") % {"times": times(used["amount"])})
        else:
            parts.append(gettext("%(bonus)s extra by your offer") % {"bonus": used["amount"]})
    return parts


def _limited(used: dict) -> str:
    """A rule with a budget or a trial, granted by the posting function."""
    name = in_readers_language(used.get("name") or used["rule"], used.get("name_zh"))
    said = {"times": times(used["amount"]), "bonus": used["amount"], "rule": name}
    if used["benefit"] == "multiply":
        return gettext("×%(times)s for %(rule)s") % said
    return gettext("%(bonus)s extra for %(rule)s") % said


def _carry(explained: dict) -> list[str]:
    parts = []
    if explained["carried_in"]:
        parts.append(gettext("%(part)s carried over from before") % {"part": fraction(explained["carried_in"])})
    if explained["carried_out"]:
        parts.append(gettext("%(part)s carried to next time") % {"part": fraction(explained["carried_out"])})
    return parts


def of_bonus(points: int, more: Sequence[str], *, is_back: bool) -> str:
    """What rules with a memory gave without anything else: for a review, a referral, a fifth visit that earned nothing more."""
    said = {"points": count(points), "why": _joined(list(more)) or gettext("a bonus")}
    return (gettext("−%(points)s: %(why)s") if is_back else gettext("%(points)s: %(why)s")) % said


def of_refund(points: int, debt_added: int, minor: int, currency: str, more: Sequence[str] = ()) -> str:
    said = gettext("−%(points)s: refund of %(money)s") % {"points": count(points), "money": money(minor, currency)}
    if debt_added:
        owed = gettext("%(points)s of them are owed, because they were spent already") % {"points": debt_added}
        said = _joined([said, owed])
    return _joined([said, *more])


def of_expiry(points: int, last_day: str) -> str:
    return gettext("−%(points)s: expired after %(day)s") % {"points": count(points), "day": last_day}


def of_redemption(points: int, note: str) -> str:
    if note:
        return gettext("−%(points)s: spent on %(what)s") % {"points": count(points), "what": note}
    return gettext("−%(points)s: spent") % {"points": count(points)}


def of_adjustment(points: int, note: str, *, is_goodwill: bool) -> str:
    if is_goodwill:
        return gettext("%(points)s: goodwill – %(why)s") % {"points": count(points), "why": note}
    return gettext("−%(points)s: correction – %(why)s") % {"points": count(points), "why": note}


def of_review(points: int, change: int) -> str:
    """Points that wait, come back or are gone after somebody looked; `change` is what it did to the available points."""
    if change < 0:
        return gettext("−%(points)s: being checked before they can be spent") % {"points": count(points)}
    if change > 0:
        return gettext("%(points)s: checked and released") % {"points": count(points)}
    return gettext("%(points)s: checked and not granted") % {"points": count(points)}
