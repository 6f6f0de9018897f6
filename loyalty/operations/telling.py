"""What the posting functions are told beyond micropoints: rules with a memory, budgets, trials, points that wait."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings

from loyalty import rules
from loyalty.earning import Plan, RuleSet, Term


class Told(NamedTuple):
    """For a checkout: calls as a literal of loyalty_call[], what limited rules would give and the rules named as JSON."""

    calls: str | None
    limited: str | None
    terms: str | None
    day: date | None
    zone: str | None


NOTHING = Told(None, None, None, None, None)


def for_one(rule_set: RuleSet, plan: Plan) -> Told:
    """What a checkout is told. Lists in PostgreSQL's own form, which it reads several times as fast as JSON."""
    if not rule_set.needs_state:
        return NOTHING
    calls, limited = rule_set.calls(plan), rule_set.limited(plan)
    if not calls and not limited:
        return NOTHING
    return Told(
        "{" + ",".join([_quoted(_row(rule_set, said)) for said in calls]) + "}" if calls else None,
        json.dumps(limited) if limited else None,
        rule_set.terms_as_json((*(said["code"] for said in calls), *(said["rule"] for said in limited))),
        plan.basket.at.date(),
        settings.TIME_ZONE,
    )


def for_many(rule_set: RuleSet, plans: Sequence[Plan]) -> str | None:
    """What a batch is told, as JSON; None where its purchases meet none of these rules."""
    if not rule_set.needs_state:
        return None
    told = [_told(rule_set, plan) for plan in plans]
    if not rule_set.holds_points_back and not any("calls" in one or "limited" in one for one in told):
        return None
    codes = {call["code"] for one in told for call in one.get("calls", ())}
    codes |= {wanted["rule"] for one in told for wanted in one.get("limited", ())}
    idle = {"idle": True} if rule_set.expiry.inactive_months else {}
    context = json.dumps({"rule_set": rule_set.id, "zone": settings.TIME_ZONE} | idle)
    terms = rule_set.terms_as_json(tuple(sorted(codes)))
    return f'{{"terms":{terms},"context":{context},"of":{json.dumps(told)}}}'


def _told(rule_set: RuleSet, plan: Plan) -> dict:
    """What one purchase of a batch tells. `matures` counts from the purchase's day in the programme's time zone."""
    at = plan.basket.at
    context: dict = {"day": at.date().isoformat(), "waits": rule_set.waits_for}
    if matures := rule_set.matures_on(at.astimezone(rules.programme_zone()).date()):
        context["matures"] = matures.isoformat()
    told = {"calls": rule_set.calls(plan), "limited": rule_set.limited(plan)}
    return {name: said for name, said in told.items() if said} | {"context": context}


def _row(rule_set: RuleSet, said: dict[str, Any]) -> str:
    """A call as a row of the type loyalty_call; what never changes of its rule is written once (`_rest`)."""
    code, amounts = said["code"], said["amounts"]
    keys = _quoted("{" + ",".join(map(_quoted, said["keys"])) + "}") if "keys" in said else ""
    near = _near(said["near"]) if "near" in said else ""
    return (
        f"({_quoted(code)},{said['period']},{said['ends']},{_array(said['lines'])},{_array(amounts)},{sum(amounts)},{keys},"
        f"{said.get('step', '')},{near},{said.get('member_period', '')},{said.get('referrer_period', '')},"
        f"{rule_set.written_of(code, _rest)}"
    )


def _rest(term: Term) -> str:
    is_for_some = bool(term.when.tiers or (term.trial and term.trial.holdout_percent))
    flags = ("t" if flag else "f" for flag in (term.is_first, is_for_some, term.kind == "referral"))
    return ",".join((term.measure, str(term.every), str(term.times), str(term.minimum), term.begins, *flags)) + ")"


def _array(numbers: Iterable[int]) -> str:
    return '"{' + ",".join(map(str, numbers)) + '}"'


@lru_cache(1024)
def _near(days: tuple[int, ...]) -> str:
    return _array(days)


def _quoted(text: str) -> str:
    """An element of a PostgreSQL literal, of an array or of a row."""
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
