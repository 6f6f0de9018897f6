"""A rule set in words: each rule in a sentence, each field as people say it."""

from collections.abc import Iterable
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from loyalty.authoring import choosing
from loyalty.authoring.fields import PICKED, WEEKDAYS
from loyalty.earning.kinds import BY_CODE, EVENT_LABELS, PERIOD_LABELS, WHEN, Field, kind_of
from loyalty.models import Tier
from loyalty.sentences import count, money, times
from members.languages import in_readers_language


class Names:
    """What things named by some definitions are called, read in one query for each kind of thing."""

    def __init__(self, *definitions: dict):
        rules = [rule for d in definitions for part in ("rules", "exclude") for rule in d.get(part, [])]
        self._labels = {
            what: dict(choosing.labels(what, sorted({str(v) for r in rules for v in r.get("when", {}).get(what, [])})))
            for what in PICKED
        }
        self._tiers = {tier.code: tier.name for tier in Tier.objects.all()}

    def of(self, what: str, value: object) -> str:
        """The thing's own name, without what stands in brackets to tell it from others."""
        return self._labels[what].get(str(value), str(value)).partition(" (")[0]

    def tier(self, code: str) -> str:
        return self._tiers.get(code, code)


def listed(parts: Iterable[str]) -> str:
    """“a, b and c”."""
    parts = list(parts)
    if len(parts) < 2:
        return "".join(parts)
    return _("%(some)s and %(last)s") % {"some": pgettext("in a list", ", ").join(parts[:-1]), "last": parts[-1]}


def summary(entry: dict, *, names: Names, currency: str, excludes: bool = False) -> str:
    """“Double points on Produce on Tuesdays, 16:00–18:30”."""
    kind = "exclude" if excludes else kind_of(entry)
    if kind in BY_CODE:
        entry = {f.name: f.default for f in BY_CODE[kind].fields if f.default is not None} | entry
    said = _HEADS[kind](entry, currency) if kind in _HEADS else str(entry.get("name") or entry.get("code", ""))
    when = entry.get("when", {})
    for describe in (_goods, _basket, _days, _hours, _dates, _stores, _for_tiers):
        said = describe(said, when, names, currency)
    return said + _limits(entry, currency)


# -- what a rule gives -------------------------------------------------------------------------------------------------


def gives(amounts: dict | None, currency: str) -> str:
    """“50 points and 2 stamps”."""
    return listed(_amount(code, n, currency) for code, n in (amounts or {}).items()) or _("nothing")


def _amount(code: str, n: int, currency: str) -> str:
    if code == "points":
        return count(n)
    if code == "stamps":
        return ngettext("%(n)s stamp", "%(n)s stamps", n) % {"n": n}
    if code == "tier_credits":
        return ngettext("%(n)s tier credit", "%(n)s tier credits", n) % {"n": n}
    return _("%(money)s cashback") % {"money": money(n, code.partition(":")[2] or currency)}


def _exclude(entry: dict, currency: str) -> str:
    return _("No points")


def _bonus(entry: dict, currency: str) -> str:
    return _("%(points)s extra") % {"points": count(entry.get("bonus_points", 0))}


def _multiply(entry: dict, currency: str) -> str:
    percent = entry.get("multiply_percent", 100)
    known = {200: _("Double points"), 300: _("Triple points")}
    return known.get(percent) or _("%(times)s times the points") % {"times": times(percent)}


def _spend(entry: dict, currency: str) -> str:
    said = _("%(gives)s for every %(money)s spent") % {
        "gives": gives(entry.get("gives"), currency), "money": money(entry.get("every_minor", 0), currency),
    }  # fmt: skip
    return _within(said, entry)


def _stamps(entry: dict, currency: str) -> str:
    n, by = entry.get("every", 1), entry.get("by", "spend")
    every = {
        "spend": _("%(money)s spent") % {"money": money(n, currency)},
        "items": ngettext("%(n)s item", "%(n)s items", n) % {"n": n},
        "visits": ngettext("%(n)s visit", "%(n)s visits", n) % {"n": n},
    }.get(by, by)
    said = _("%(stamps)s for every %(every)s") % {
        "stamps": _amount("stamps", entry.get("stamps", 1), currency),
        "every": every,
    }
    if entry.get("card_size"):
        said = _("%(said)s; a full card of %(size)s gives %(gives)s") % {
            "said": said, "size": entry["card_size"], "gives": gives(entry.get("card_gives"), currency),
        }  # fmt: skip
    return said


def _visits(entry: dict, currency: str) -> str:
    n = entry.get("every", 1)
    visits = ngettext("%(n)s visit", "%(n)s visits", n) % {"n": n}
    said = _("%(gives)s for every %(every)s") % {"gives": gives(entry.get("gives"), currency), "every": visits}
    return _within(said, entry)


def _streak(entry: dict, currency: str) -> str:
    unit = dict(_field("streak", "unit").choices).get(entry.get("unit", "week"), "")
    return _("%(gives)s for a purchase in each of %(n)s %(unit)s in a row") % {
        "gives": gives(entry.get("gives"), currency), "n": entry.get("length", 0), "unit": _(unit) if unit else "",
    }  # fmt: skip


def _challenge(entry: dict, currency: str) -> str:
    measure = entry.get("measure", "spend")
    target = entry.get("target", 0)
    goal = money(target, currency) if measure == "spend" else str(target)
    what = dict(_field("challenge", "measure").choices).get(measure, measure)
    said = _("%(gives)s for reaching %(goal)s (%(what)s)") % {
        "gives": gives(entry.get("gives"), currency) if entry.get("gives") else entry.get("badge", ""), "goal": goal, "what": _(what),
    }  # fmt: skip
    return _within(said, {"period": "month"} | entry)


def _event(entry: dict, currency: str) -> str:
    event = entry.get("event", "")
    named = _(EVENT_LABELS[event]) if event in EVENT_LABELS else event
    return _within(
        _("%(gives)s for: %(event)s") % {"gives": gives(entry.get("gives"), currency), "event": named}, entry
    )


def _referral(entry: dict, currency: str) -> str:
    return _("%(friend)s to the friend and %(referrer)s to who referred, with the friend's first purchase") % {
        "friend": gives(entry.get("gives"), currency), "referrer": gives(entry.get("gives_referrer"), currency),
    }  # fmt: skip


def _once(pattern_of):
    return lambda entry, currency: pattern_of() % {"gives": gives(entry.get("gives"), currency)}


def _birthday(entry: dict, currency: str) -> str:
    said = (
        _("%(gives)s on the birthday, without a purchase")
        if entry.get("by_itself")
        else _("%(gives)s around the birthday")
    )
    return said % {"gives": gives(entry.get("gives"), currency)}


def _anniversary(entry: dict, currency: str) -> str:
    said = (
        _("%(gives)s on the day of joining, without a purchase")
        if entry.get("by_itself")
        else _("%(gives)s around the day of joining")
    )
    return said % {"gives": gives(entry.get("gives"), currency)}


def _occasion(entry: dict, currency: str) -> str:
    said = (
        _("%(multiplied)s around the day of joining")
        if entry.get("begins") == "joining"
        else _("%(multiplied)s around the birthday")
    ) % {"multiplied": _multiply(entry, currency)}
    if not entry.get("purchases"):
        return said
    return ngettext("%(said)s, for one purchase a year", "%(said)s, for %(n)s purchases a year", entry["purchases"]) % {
        "said": said, "n": entry["purchases"],
    }  # fmt: skip


def _within(said: str, entry: dict) -> str:
    period = entry.get("period", "ever")
    if period != "ever":
        said = _("%(said)s within a %(period)s") % {"said": said, "period": _(PERIOD_LABELS[period])}
    if entry.get("times"):
        said = ngettext("%(said)s, at most once", "%(said)s, at most %(n)s times", entry["times"]) % {
            "said": said,
            "n": entry["times"],
        }
    return said


_HEADS = {
    "exclude": _exclude,
    "multiply": _multiply,
    "bonus": _bonus,
    "spend": _spend,
    "stamps": _stamps,
    "visits": _visits,
    "streak": _streak,
    "challenge": _challenge,
    "first_purchase": _once(lambda: _("%(gives)s with the first purchase")),
    "birthday": _birthday,
    "anniversary": _anniversary,
    "occasion": _occasion,
    "event": _event,
    "referral": _referral,
}


# -- when --------------------------------------------------------------------------------------------------------------


def _goods(said: str, when: dict, names: Names, currency: str) -> str:
    kinds = [
        [names.of(what, v) for v in when[what]]
        for what in ("categories", "brands", "products", "tags")
        if when.get(what)
    ]
    for goods in kinds:
        said = _("%(said)s on %(goods)s") % {"said": said, "goods": listed(goods)}
    return said


def _basket(said: str, when: dict, names: Names, currency: str) -> str:
    if not when.get("basket_minor_from"):
        return said
    return _("%(said)s for baskets from %(money)s") % {
        "said": said,
        "money": money(when["basket_minor_from"], currency, whole=True),
    }


def _days(said: str, when: dict, names: Names, currency: str) -> str:
    if not when.get("weekdays"):
        return said
    plural = (_("Mondays"), _("Tuesdays"), _("Wednesdays"), _("Thursdays"), _("Fridays"), _("Saturdays"), _("Sundays"))
    return _("%(said)s on %(days)s") % {
        "said": said,
        "days": listed(plural[day - 1] for day in sorted(when["weekdays"])),
    }


def _hours(said: str, when: dict, names: Names, currency: str) -> str:
    if not when.get("hours"):
        return said
    return _("%(said)s, %(hours)s") % {"said": said, "hours": "–".join(when["hours"])}


def _dates(said: str, when: dict, names: Names, currency: str) -> str:
    first, last = (day_in_words(when[key]) if when.get(key) else "" for key in ("from", "until"))
    if first and last:
        return _("%(said)s from %(first)s to %(last)s") % {"said": said, "first": first, "last": last}
    if first:
        return _("%(said)s from %(first)s on") % {"said": said, "first": first}
    return _("%(said)s until %(last)s") % {"said": said, "last": last} if last else said


def _stores(said: str, when: dict, names: Names, currency: str) -> str:
    if not when.get("stores"):
        return said
    return _("%(said)s in %(stores)s") % {
        "said": said,
        "stores": listed(names.of("stores", code) for code in when["stores"]),
    }


def _for_tiers(said: str, when: dict, names: Names, currency: str) -> str:
    if not when.get("tiers"):
        return said
    return _("%(said)s for %(tiers)s") % {"said": said, "tiers": listed(names.tier(code) for code in when["tiers"])}


def day_in_words(text: str) -> str:
    try:
        return date_format(date.fromisoformat(text), "DATE_FORMAT")
    except ValueError:
        return text


def _limits(entry: dict, currency: str) -> str:
    budget, said = entry.get("budget", {}), ""
    if budget.get("points"):
        said += _("; at most %(points)s in all") % {"points": count(budget["points"])}
    if budget.get("money_minor"):
        said += _("; at a cost of at most %(money)s") % {"money": money(budget["money_minor"], currency, whole=True)}
    if budget.get("member_points"):
        said += _("; at most %(points)s for each member") % {"points": count(budget["member_points"])}
    if entry.get("trial"):
        said += _("; %(percent)s %% of members do not get it, to measure its lift") % {
            "percent": entry["trial"]["holdout_percent"]
        }
    return said


# -- fields and basics -------------------------------------------------------------------------------------------------


def shown(field: Field, value, *, names: Names, currency: str) -> str:
    """One field's value as people say it; a dash where there is none."""
    if value in (None, "", [], {}):
        return "–"
    if field.type in {"texts", "products"}:
        return listed(names.of(field.name, v) for v in value)
    say = _SHOWN.get(field.type)
    return say(field, value, currency) if say else f"{value:,}" if isinstance(value, int) else str(value)


_SHOWN = {
    "minor": lambda _field, value, currency: money(value, currency),
    "percent": lambda _field, value, _currency: f"{value} %",
    "boolean": lambda _field, value, _currency: _("yes") if value else _("no"),
    "choice": lambda field, value, _currency: _(dict(field.choices).get(value, str(value))),
    "gives": lambda _field, value, currency: gives(value, currency),
    "weekdays": lambda _field, value, _currency: listed(str(dict(WEEKDAYS)[day]) for day in sorted(value)),
    "hours": lambda _field, value, _currency: "–".join(value),
    "day": lambda _field, value, _currency: day_in_words(value),
}


def basics(definition: dict, *, names: Names) -> dict[str, tuple[str, str]]:
    """The parts that all rules share: {key: (label, sentence)}, in the order of a page."""
    rates = [
        _("%(points)s for every %(money)s")
        % {"points": count(rate["points"]), "money": money(rate["per_minor"], rate["currency"])}
        for rate in definition.get("earn") or []
    ]
    found = {"earn": (_("Earning"), listed(rates) or "–"), "expiry": (_("Expiry"), _expiry(definition))}
    tiers = [
        _("%(tier)s ×%(times)s") % {"tier": names.tier(code), "times": times(n)}
        for code, n in (definition.get("tiers") or {}).items()
    ]
    found["tiers"] = (_("Tiers"), listed(tiers) or _("No tier multiplies points"))
    pending = definition.get("pending") or {}
    if pending.get("days"):
        waits = ngettext(
            "Points can be spent after %(n)s day", "Points can be spent after %(n)s days", pending["days"]
        ) % {"n": pending["days"]}
    elif pending.get("until"):
        waits = _("Points can be spent once this has happened: %(event)s") % {"event": pending["until"]}
    else:
        waits = _("Points can be spent at once")
    found["pending"] = (_("When points can be spent"), waits)
    cost = definition.get("point_cost")
    found["point_cost"] = (
        _("Cost"),
        _("A thousand points cost %(money)s") % {"money": money(cost["minor_per_1000"], cost["currency"])}
        if cost
        else _("Nobody has said what a point costs"),
    )
    stacking = {"chooses": "largest", "percent_max": 0} | (definition.get("stacking") or {})
    chooses = (
        _("Of multipliers that do not stack, the first by priority counts")
        if stacking["chooses"] == "first"
        else _("Of multipliers that do not stack, the largest counts")
    )
    if stacking["percent_max"]:
        chooses = _("%(said)s; all together at most ×%(times)s") % {
            "said": chooses,
            "times": times(stacking["percent_max"]),
        }
    found["stacking"] = (_("When multipliers meet"), chooses)
    others = definition.keys() - found.keys() - {"rules", "exclude"}
    return found | {key: (key, str(definition[key])) for key in sorted(others)}


def _expiry(definition: dict) -> str:
    expiry = definition.get("expiry", {"months": 12})
    if not isinstance(expiry, dict):
        return _("Points never expire")
    said = _last_day(expiry)
    if months := expiry.get("inactive_months"):
        idle = ngettext(
            "%(said)s; and all of them after %(n)s month without any activity",
            "%(said)s; and all of them after %(n)s months without any activity", months,
        )  # fmt: skip
        said = idle % {"said": said, "n": months}
    return said


def _last_day(expiry: dict) -> str:
    if n := expiry.get("months", 0):
        return ngettext(
            "Points expire at the end of the month, %(n)s month after the month they were earned in",
            "Points expire at the end of the month, %(n)s months after the month they were earned in", n,
        ) % {"n": n}  # fmt: skip
    if n := expiry.get("days", 0):
        return ngettext(
            "Points expire %(n)s day after they were earned", "Points expire %(n)s days after they were earned", n
        ) % {"n": n}
    if "years" in expiry:
        n = expiry["years"]
        return ngettext(
            "Points expire on 31 December of the year after %(n)s year", "Points expire on 31 December of the year after %(n)s years", n
        ) % {"n": n} if n else _("Points expire on 31 December of the year they were earned in")  # fmt: skip
    return _("Points never expire by their age")


def _field(kind: str, name: str) -> Field:
    return next(field for field in BY_CODE[kind].fields if field.name == name)


def name_of(entry: dict) -> str:
    """The rule's name in the reader's language."""
    return str(in_readers_language(entry.get("name") or entry.get("code", ""), entry.get("name_zh")))


def kind_label(entry: dict, *, excludes: bool = False) -> str:
    return _("Exclusion") if excludes else _(BY_CODE[kind_of(entry)].label)


WHEN_FIELDS = (*WHEN["line"], *WHEN["basket"])
