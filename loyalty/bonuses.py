"""What rules with a memory gave or took, in words for the member, the cashier and the service desk."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop, ngettext

from loyalty import rules, sentences
from loyalty.earning import Term
from loyalty.earning.kinds import EVENT_LABELS
from members.languages import in_readers_language

_NAMED = {
    "birthday": gettext_noop("birthday"),
    "anniversary": gettext_noop("anniversary"),
    "first_purchase": gettext_noop("first purchase"),
}


class Bonus(NamedTuple):
    """One change: `amount` of `currency` (below zero: taken back), by a term as it stood in `rule_set_id`."""

    term: str
    rule_set_id: int
    currency: str
    amount: int
    units: int
    terms: Mapping


def of_json(said: str | list | None) -> list[Bonus]:
    """What `loyalty_bonuses_of` answers."""
    rows = json.loads(said) if isinstance(said, str) else said or []
    return [Bonus(b["term"], b["rule_set"], b["currency"], b["amount"], b["units"], b["terms"]) for b in rows]


def in_words(bonuses: Iterable[Bonus]) -> list[str]:
    """One part of a sentence for each change that a person would notice."""
    return [_one(bonus) for bonus in bonuses if bonus.amount or bonus.terms.get("badge")]


def _one(bonus: Bonus) -> str:
    said = {"amount": amount(abs(bonus.amount), bonus.currency), "why": why(bonus)}
    if not bonus.amount:
        said["badge"] = badge_name(bonus.terms)
        if bonus.units > 0:
            return gettext("the badge “%(badge)s”: %(why)s") % said
        return gettext("the badge “%(badge)s” is gone: %(why)s no longer stands") % said
    if bonus.units * bonus.amount < 0:  # a full card takes its stamps, and gives them back when it is undone
        words = gettext("%(amount)s used: %(why)s") if bonus.amount < 0 else gettext("%(amount)s given back: %(why)s")
        return words % said
    if bonus.amount < 0:
        return gettext("%(amount)s taken back: %(why)s no longer stands") % said
    return gettext("%(amount)s for %(why)s") % said


def amount(number: int, currency: str) -> str:
    """“50 points”, “2 stamps”, “$1.20 cashback”."""
    if currency == "points":
        return sentences.count(number)
    said = {"number": f"{number:,}"}
    if currency == "stamps":
        return ngettext("%(number)s stamp", "%(number)s stamps", number) % said
    if currency == "tier_credits":
        return ngettext("%(number)s tier credit", "%(number)s tier credits", number) % said
    return gettext("%(money)s cashback") % {"money": sentences.money(number, currency.removeprefix("cashback:"))}


def badge_name(terms: Mapping) -> str:
    """The badge in the reader's language."""
    return in_readers_language(terms.get("badge", ""), terms.get("badge_zh"))


def rule_name(rule_set_id: int, code: str) -> str:
    """What the manager called the rule, in the reader's language; its code if the rule set is not known here."""
    try:
        term = rules.known().by_id(rule_set_id).term(code.removesuffix("#referrer"))
    except StopIteration:
        term = None
    return code if term is None else rule_name_of(term)


def rule_name_of(term: Term) -> str:
    """What the manager called a rule, in the reader's language."""
    return in_readers_language(term.name, term.name_zh)


def why(bonus: Bonus) -> str:
    """“Coffee card (5 visits)”: the rule's own name, and what it asked for."""
    name, asked = rule_name(bonus.rule_set_id, bonus.term), goal(bonus.terms, referred=bonus.term.endswith("#referrer"))
    return gettext("%(rule)s (%(asked)s)") % {"rule": name, "asked": asked} if asked else name


def goal(terms: Mapping, *, referred: bool = False) -> str:
    """What a term asks for, in words: “5 visits”, “3 weeks in a row”, “$50 spent”."""
    kind, every = terms["kind"], terms["every"]
    if kind in _NAMED:
        return gettext(_NAMED[kind])
    if kind == "referral":
        return gettext("a friend's first purchase") if referred else gettext("first purchase by referral")
    if terms.get("event"):
        return _events(terms["event"], every)
    return _in_a_row(terms.get("unit", "week"), every) if kind == "streak" else _measured(terms["measure"], every)


def _events(event: str, every: int) -> str:
    label = gettext(EVENT_LABELS[event]) if event in EVENT_LABELS else event.replace("_", " ")
    return label if every == 1 else gettext("%(event)s, %(times)s times") % {"event": label, "times": every}


def _in_a_row(unit: str, every: int) -> str:
    words = {
        "day": gettext("%(number)s days in a row"),
        "week": gettext("%(number)s weeks in a row"),
        "month": gettext("%(number)s months in a row"),
    }
    return words[unit] % {"number": every}


def _measured(measure: str, every: int) -> str:
    if measure == "spend":
        return gettext("%(money)s spent") % {"money": sentences.money(every, _money_of_the_programme(), whole=True)}
    if measure == "items":
        return ngettext("%(number)s item bought", "%(number)s items bought", every // 1000) % {"number": every // 1000}
    if measure in {"visits", "days"}:
        words = ngettext("%(number)s visit", "%(number)s visits", every)
    elif measure == "categories":
        words = ngettext("%(number)s category", "%(number)s different categories", every)
    elif measure == "products":
        words = ngettext("%(number)s product", "%(number)s different products", every)
    elif measure == "brands":
        words = ngettext("%(number)s brand", "%(number)s different brands", every)
    else:
        words = ngettext("%(number)s event", "%(number)s events", every)
    return words % {"number": f"{every:,}"}


def _money_of_the_programme() -> str:
    known = rules.known().rule_sets
    return next(iter(known[-1].rates)) if known else "USD"


def of_maturity(points: int) -> str:
    return gettext("%(points)s can be spent now") % {"points": sentences.count(points)}


def of_waiting(points: int, matures_on: date | None) -> str:
    """What a purchase's points still wait for."""
    said = {"points": sentences.count(points)}
    if matures_on is None:
        return gettext("%(points)s wait to be released") % said
    return gettext("%(points)s can be spent from %(day)s") % (said | {"day": date_format(matures_on, "DATE_FORMAT")})
