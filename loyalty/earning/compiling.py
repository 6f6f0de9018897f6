"""From a definition to a rule set ready to ask, or every problem that keeps it from being published."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from loyalty.earning.conditions import BASKET_CONDITIONS, LINE_CONDITIONS, When
from loyalty.earning.expiry import of_definition
from loyalty.earning.kinds import BUDGET, BY_CODE, WHEN, Field, fields_of, kind_of
from loyalty.earning.planning import RuleSet
from loyalty.earning.plans import Rule
from loyalty.earning.problems import InvalidRuleSet, Problem
from loyalty.earning.state import Budget, Trial, terms_of


def _(text: str) -> str:
    """Mark a text for translation; the reader's language is known only when it is shown."""
    return text


PARTS = ("earn", "expiry", "tiers", "pending", "point_cost", "stacking", "exclude", "rules")
CURRENCIES = ("points", "stamps", "tier_credits")
RULE_SET = _('The rule set must be a JSON object such as {"earn": [...], "rules": [...]}.')
NO_PART = _("%(part)r is not a part of a rule set. Use %(parts)s.")
UNKNOWN = _("unknown. Use %(choices)s.")
NO_COST = _('a budget in money needs the cost of a point, such as {"currency": "USD", "minor_per_1000": 800}.')


def compile_rule_set(definition: dict[str, Any], *, id: int = 0, version: int = 0) -> RuleSet:  # noqa: A002
    """Check a definition and make it ready to ask. Raises InvalidRuleSet with every fault found."""
    problems: list[Problem] = []
    if not isinstance(definition, dict):
        raise InvalidRuleSet([Problem("", RULE_SET)])
    problems += [
        Problem("", NO_PART, part=key, parts=", ".join(PARTS)) for key in sorted(definition.keys() - set(PARTS))
    ]
    rates = _rates(definition.get("earn"), problems)
    expiry = of_definition(definition.get("expiry", {"months": 12}), problems)
    percents = _percents(definition.get("tiers", {}), problems)
    pending = _pending(definition.get("pending"), problems)
    cost = _point_cost(definition.get("point_cost"), problems)
    choose, percent_max = _stacking(definition.get("stacking", {}), problems)
    exclusions = [rule for _, rule in _entries(definition.get("exclude", []), "exclude", problems)]
    entries = _entries(definition.get("rules", []), "rules", problems)
    _check_codes([*exclusions, *(rule for _, rule in entries)], problems)
    if not cost and any(rule.budget.money_minor for _, rule in entries):
        problems.append(Problem("point_cost", NO_COST))
    if problems:
        raise InvalidRuleSet(problems)
    rules = [rule for _, rule in sorted(entries, key=lambda item: item[0])]
    return RuleSet(
        id=id,
        version=version,
        rates=rates,
        expiry=expiry,
        tier_percents=percents,
        exclusions=tuple(exclusions),
        rules=tuple(rule for rule in rules if not rule.has_state),
        terms=tuple(term for rule in rules if rule.has_state for term in terms_of(rule)),
        chooses=choose,
        percent_max=percent_max,
        pending_days=pending[0],
        waits_for=pending[1],
        point_cost=cost,
    )


def _check_codes(rules: list[Rule], problems: list[Problem]):
    codes = [rule.code for rule in rules]
    problems += [
        Problem("", _("Two rules are called %(code)r. Give each its own code."), code=code)
        for code in sorted({c for c in codes if codes.count(c) > 1})
    ]


# -- the parts of a rule set -------------------------------------------------------------------------------------------


def _is_count(value: object, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _rates(earn: Any, problems: list[Problem]) -> dict[str, tuple[int, int]]:
    if not isinstance(earn, list) or not earn:
        problems.append(
            Problem(
                "earn", _('say what a purchase earns, such as [{"currency": "USD", "points": 1, "per_minor": 100}].')
            )
        )
        return {}
    rates: dict[str, tuple[int, int]] = {}
    for n, entry in enumerate(earn):
        currency = entry.get("currency") if isinstance(entry, dict) else None
        if not isinstance(currency, str) or not _is_money_code(currency):
            problems.append(Problem(f"earn[{n}].currency", _("write an ISO 4217 code such as USD.")))
        elif not _is_count(entry.get("points"), 0) or not _is_count(entry.get("per_minor")):
            problems.append(
                Problem(f"earn[{n}]", _("points (0 or more) and per_minor (1 or more) must be whole numbers."))
            )
        elif currency in rates:
            problems.append(Problem(f"earn[{n}]", _("%(currency)s has a rate already. Keep one."), currency=currency))
        else:
            rates[currency] = (entry["points"], entry["per_minor"])
    return rates


def _is_money_code(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def _percents(tiers: Any, problems: list[Problem]) -> dict[str, int]:
    if not isinstance(tiers, dict) or not all(_is_count(p) and p <= 10_000 for p in tiers.values()):
        problems.append(Problem("tiers", _('write percent by tier code, such as {"gold": 150}, from 1 to 10000.')))
        return {}
    return dict(tiers)


def _pending(pending: Any, problems: list[Problem]) -> tuple[int, str]:
    if pending is None:
        return 0, ""
    said = pending if isinstance(pending, dict) else {}
    days, event = said.get("days", 0), said.get("until", "")
    is_right = said and not said.keys() - {"days", "until"} and _is_count(days, 0) and days <= 3650
    if not is_right or not isinstance(event, str) or bool(days) == bool(event) or event == "review":
        problems.append(
            Problem(
                "pending",
                _(
                    'write {"days": 14} for points that can be spent after so many days, {"until": "delivered"} for points that '
                    "wait for an event of the purchase, or null."
                ),
            )
        )
        return 0, ""
    return days, event[:40]


def _point_cost(cost: Any, problems: list[Problem]) -> tuple[str, int] | None:
    if cost is None:
        return None
    if (
        not isinstance(cost, dict)
        or cost.keys() != {"currency", "minor_per_1000"}
        or not _is_money_code(cost["currency"])
        or not _is_count(cost["minor_per_1000"])
    ):
        problems.append(
            Problem(
                "point_cost",
                _('write what a thousand points cost, such as {"currency": "USD", "minor_per_1000": 800}, or null.'),
            )
        )
        return None
    return cost["currency"], cost["minor_per_1000"]


def _stacking(stacking: Any, problems: list[Problem]) -> tuple[str, int]:
    said = stacking if isinstance(stacking, dict) else {"": 0}
    chooses, percent_max = said.get("chooses", "largest"), said.get("percent_max", 0)
    if said.keys() - {"chooses", "percent_max"} or chooses not in {"largest", "first"} or not _is_count(percent_max, 0):
        problems.append(
            Problem(
                "stacking",
                _(
                    'write {"chooses": "largest"} or {"chooses": "first"} for the multipliers that do not stack, and '
                    '"percent_max" for the most that all of them make together (500 is ×5; 0: no limit).'
                ),
            )
        )
        return "largest", 0
    return chooses, percent_max


# -- rules -------------------------------------------------------------------------------------------------------------


def _entries(entries: Any, part: str, problems: list[Problem]) -> list[tuple[tuple[int, int], Rule]]:
    """The rules of a part, each with its place in the order of priority."""
    if not isinstance(entries, list):
        problems.append(Problem(part, _("write a list of rules, or [].")))
        return []
    return [
        ((entry.get("priority", 100), n), rule)
        for n, entry in enumerate(entries)
        if (rule := _rule(entry, f"{part}[{n}]", problems, excludes=part == "exclude"))
    ]


def _rule(entry: Any, place: str, problems: list[Problem], *, excludes: bool) -> Rule | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("code"), str) or not entry["code"]:
        problems.append(Problem(place, _("give the rule a code, such as fresh_tuesday.")))
        return None
    kind = "exclude" if excludes else kind_of(entry)
    if kind not in BY_CODE and not excludes:
        problems.append(
            Problem(f"{place}.kind", _("%(kind)r is unknown. Use %(choices)s."), kind=kind, choices=", ".join(BY_CODE))
        )
        return None
    faults: list[Problem] = []
    if len(entry["code"]) > 50:
        faults.append(Problem(f"{place}.code", _("at most 50 characters.")))
    settings = _settings(entry, kind, place, faults)
    asks = ("line",) if excludes else BY_CODE[kind].asks
    when = _when(entry.get("when", {}), f"{place}.when", faults, asks=asks)
    if excludes and not entry.get("when") and not faults:
        faults.append(
            Problem(
                f"{place}.when",
                _(
                    "an exclusion without conditions would exclude every line. Name categories, brands, products or tags."
                ),
            )
        )
    budget = _budget(entry.get("budget"), f"{place}.budget", faults)
    trial = _trial(entry.get("trial"), f"{place}.trial", faults)
    if (budget or trial or when.tiers or kind == "occasion") and (settings.get("multiply_percent") or 200) <= 100:
        faults.append(
            Problem(
                f"{place}.multiply_percent",
                _("with a budget, a trial or tiers of its own a rule adds, so it multiplies by more than 100."),
            )
        )
    if kind == "challenge" and (settings.get("measure") == "events") != bool(settings.get("event")):
        faults.append(Problem(f"{place}.event", _("name the event that counts, with measure events and only then.")))
    if kind == "stamps" and not faults:
        _check_card(settings, place, faults)
    problems += faults
    if faults:
        return None
    name = settings.pop("name", "") or entry["code"]
    name_zh = settings.pop("name_zh", "")
    return Rule(
        code=entry["code"], name=name, name_zh=name_zh, kind=kind, when=when, budget=budget, trial=trial, settings=settings,
        has_state=not excludes and BY_CODE[kind].has_state,
        multiply_percent=settings.get("multiply_percent", 100), bonus_points=settings.get("bonus_points", 0),
        stacks=settings.get("stacks", False), group=settings.get("group", ""), stops=settings.get("stops", False),
    )  # fmt: skip


def _check_card(settings: dict[str, Any], place: str, faults: list[Problem]):
    if settings["card_size"] % settings["stamps"]:
        faults.append(
            Problem(
                f"{place}.card_size",
                _("a card holds a whole number of times %(stamps)s stamps."),
                stamps=settings["stamps"],
            )
        )
    if bool(settings["card_size"]) != bool(settings["card_gives"]):
        faults.append(
            Problem(
                f"{place}.card_gives", _("say what a full card gives, if so many stamps fill a card, and only then.")
            )
        )


def _settings(entry: dict[str, Any], kind: str, place: str, faults: list[Problem]) -> dict[str, Any]:
    """The fields of a rule with their defaults, each checked by its description."""
    fields = fields_of("bonus")[:3] if kind == "exclude" else fields_of(kind)
    allowed = {"when", *(field.name for field in fields)} | (
        set() if kind == "exclude" else {"kind", "budget", "trial"}
    )
    faults += _unknown(entry.keys() - allowed, place, allowed)
    settings = {}
    for field in fields:
        if entry.get(field.name) is None:
            if field.is_required:
                faults.append(Problem(f"{place}.{field.name}", _("is missing. %(wanted)s"), wanted=_wanted(field)))
            settings[field.name] = field.default
        elif not _is_right(entry[field.name], field):
            faults.append(_wanted(field, f"{place}.{field.name}"))
        else:
            settings[field.name] = entry[field.name]
    return settings


def _is_right(value: Any, field: Field) -> bool:
    if field.type in {"count", "percent", "minor", "points"}:
        return _is_count(value, field.minimum) and value <= field.maximum
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "choice":
        return isinstance(value, str) and value in dict(field.choices)
    if field.type == "gives":
        return (
            isinstance(value, dict)
            and bool(value)
            and all(_is_currency(c) and _is_count(n) and n <= 10**9 for c, n in value.items())
        )
    return isinstance(value, str) and len(value) <= 100


def _is_currency(code: str) -> bool:
    return code in CURRENCIES or (code.startswith("cashback:") and _is_money_code(code.removeprefix("cashback:")))


def _unknown(names: Any, place: str, allowed: set[str]) -> list[Problem]:
    return [Problem(f"{place}.{name}", UNKNOWN, choices=", ".join(sorted(allowed))) for name in sorted(names)]


def _wanted(field: Field, where: str = "") -> Problem:
    """What to write instead."""
    if field.type in {"count", "percent", "minor", "points"}:
        least_most = {"least": field.minimum, "most": field.maximum}
        return Problem(where, _("Write a whole number from %(least)s to %(most)s."), **least_most)
    if field.type == "boolean":
        return Problem(where, _("Write true or false."))
    if field.type == "choice":
        return Problem(where, _("Use %(choices)s."), choices=", ".join(code for code, _label in field.choices))
    if field.type == "gives":
        return Problem(
            where,
            _(
                'Write amounts by currency, such as {"points": 50}: points, stamps, tier_credits or cashback:USD (in cents).'
            ),
        )
    return Problem(where, _("Write a text of at most 100 characters."))


def _budget(budget: Any, place: str, faults: list[Problem]) -> Budget:
    if budget is None:
        return Budget()
    known = {field.name: field for field in BUDGET}
    if not isinstance(budget, dict) or budget.keys() - known.keys() or not budget.keys() - {"member_period"}:
        faults.append(
            Problem(place, _('write limits, such as {"points": 100000}. Use %(choices)s.'), choices=", ".join(known))
        )
        return Budget()
    faults += [
        _wanted(known[key], f"{place}.{key}") for key, value in budget.items() if not _is_right(value, known[key])
    ]
    return Budget(**budget) if not faults else Budget()


def _trial(trial: Any, place: str, faults: list[Problem]) -> Trial | None:
    if trial is None:
        return None
    said: dict[str, Any] = trial if isinstance(trial, dict) else {}
    salt, percent = said.get("salt"), said.get("holdout_percent")
    is_right = said.keys() == {"salt", "holdout_percent"} and isinstance(salt, str) and 0 < len(salt) <= 100
    if not is_right or not isinstance(percent, int) or not _is_count(percent) or percent > 99:
        faults.append(
            Problem(place, _('write {"salt": "a text of its own", "holdout_percent": 10}, from 1 to 99, or null.'))
        )
        return None
    return Trial(str(salt), percent)


# -- conditions --------------------------------------------------------------------------------------------------------


def _when(when: Any, place: str, faults: list[Problem], *, asks: tuple[str, ...]) -> When:
    allowed = {field.name for part in asks for field in WHEN[part]}
    assert allowed <= LINE_CONDITIONS | BASKET_CONDITIONS, "a condition is described that nothing asks"
    if not isinstance(when, dict):
        faults.append(Problem(place, _("write an object of conditions, or {} for every line.")))
        return When()
    faults += _unknown(when.keys() - allowed, place, allowed)
    texts = ("categories", "brands", "tags", "stores", "tiers")
    lists = (*((name, str) for name in texts), ("products", int), ("weekdays", int))
    for key, kind in lists:
        if not isinstance(when.get(key, []), list) or not all(
            isinstance(item, kind) and not isinstance(item, bool) for item in when.get(key, [])
        ):
            wanted = _("write a list of names.") if kind is str else _("write a list of whole numbers.")
            faults.append(Problem(f"{place}.{key}", wanted))
            return When()
    if not set(when.get("weekdays", [])) <= set(range(1, 8)):
        faults.append(Problem(f"{place}.weekdays", _("1 (Monday) to 7 (Sunday).")))
    if not _is_count(when.get("basket_minor_from", 0), 0):
        faults.append(Problem(f"{place}.basket_minor_from", _("a whole number of minor units (10000 is $100).")))
        return When()
    first_day, last_day = (
        _day(when.get("from"), f"{place}.from", faults),
        _day(when.get("until"), f"{place}.until", faults),
    )
    if first_day and last_day and first_day > last_day:
        faults.append(Problem(f"{place}.until", _("the last day comes before the first.")))
    return When(
        categories=frozenset(_folded_path(name) for name in when.get("categories", [])),
        brands=frozenset(name.casefold() for name in when.get("brands", [])),
        products=frozenset(when.get("products", [])),
        tags=frozenset(name.casefold() for name in when.get("tags", [])),
        stores=frozenset(code.casefold() for code in when.get("stores", [])),
        tiers=frozenset(when.get("tiers", [])),
        basket_minor_from=when.get("basket_minor_from", 0),
        weekdays=frozenset(when.get("weekdays", [])),
        hours=_hours(when.get("hours"), place, faults),
        first_day=first_day,
        last_day=last_day,
    )


def _folded_path(name: str) -> str:
    return " > ".join(part.strip().casefold() for part in name.split(">"))


def _hours(hours: Any, place: str, faults: list[Problem]) -> tuple[time, time] | None:
    if hours is None:
        return None
    try:
        start, end = (time.fromisoformat(hour) for hour in hours)
    except (TypeError, ValueError):
        faults.append(Problem(f"{place}.hours", _('write start and end, such as ["16:00", "18:30"].')))
        return None
    if start == end or start.tzinfo or end.tzinfo:
        faults.append(
            Problem(
                f"{place}.hours",
                _("the end must differ from the start; both are times of the store, without a zone."),
            )
        )
        return None
    return start, end


def _day(text: Any, place: str, faults: list[Problem]) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        faults.append(Problem(place, _("write a day such as 2026-03-31.")))
        return None
