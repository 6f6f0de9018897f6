"""The forms of a draft: one rule or exclusion, and the basics that all rules share. Each turns into a part of a definition."""

import re
import uuid
from decimal import Decimal

from babel.numbers import get_currency_precision
from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from loyalty.authoring.fields import MoneyField, form_field
from loyalty.earning import InvalidRuleSet, compile_rule_set
from loyalty.earning.kinds import BUDGET, BY_CODE, WHEN, fields_of
from loyalty.models import Currency, Tier

DEFAULT_MONEY = "USD"
RATE = {"points": 1, "per_minor": 100}
AMOUNT_IF = {("stamps", "every"): ("by", "spend"), ("challenge", "target"): ("measure", "spend")}
"""Counts that are an amount of money when another field says so: written as money then, in minor units in the definition."""
PLACE = re.compile(r"(?:rules|exclude)\[0\]((?:\.\w+)*)")
UNITS = ("months", "days", "years")


def money_of(definition: dict) -> str:
    """The currency in which a draft's amounts are written: that of its first rate."""
    rates = definition.get("earn") or []
    return (rates[0].get("currency") if rates and isinstance(rates[0], dict) else "") or DEFAULT_MONEY


def currencies_of(definition: dict) -> list[tuple[str, str]]:
    """What a rule can give, by code, in words: the ledger's currencies; cashback once for the draft's money."""
    money = money_of(definition)
    named = {"points": _("Points"), "stamps": _("Stamps"), "tier_credits": _("Tier credits")}
    found = [
        (code, named.get(code, name)) for code, name in Currency.objects.order_by("pk").values_list("code", "name")
    ]
    found = [pair for pair in found if pair[0] in named or pair[0].startswith("cashback:")] or [
        ("points", named["points"])
    ]
    missing = [(code, label) for code, label in named.items() if code not in dict(found)]
    cashback = f"cashback:{money}"
    more = [] if cashback in dict(found) else [(cashback, _("Cashback (%(money)s cents)") % {"money": money})]
    return [*found, *missing, *more]


class RuleForm(forms.Form):
    """One rule of a kind, or an exclusion (`kind` "exclude"). `entry` is the rule as it stands; None for a new one."""

    def __init__(self, *, kind: str, definition: dict, entry: dict | None = None, data=None):
        self.kind, self.definition, self.entry = kind, definition, entry
        self._amount: tuple | None = None
        self._described: dict[str, tuple[tuple[str, ...], object]] = {}
        super().__init__(data, initial=None)
        context = {"currency": money_of(definition), "currencies": currencies_of(definition)}
        for path, field in self._fields():
            name = "__".join(path)
            self.fields[name] = form_field(field, **context)
            self.fields[name].path = path
            self._described[name] = (path, field)
            self.initial[name] = _at(entry or {}, path, field.default)
        for (of_kind, name), (choice, said) in AMOUNT_IF.items():
            if of_kind == kind:
                self._add_amount(name, choice, said)
        self.fields["name"].required = True
        if "multiply_percent" in self.fields and not entry:
            self.initial["multiply_percent"] = 200
        if kind != "exclude":
            self._add_trial()

    def _fields(self):
        """Every described field with its place in the entry. The code is made, never asked."""
        own = fields_of("multiply")[1:3] if self.kind == "exclude" else fields_of(self.kind)
        asks = ("line",) if self.kind == "exclude" else BY_CODE[self.kind].asks
        yield from (((field.name,), field) for field in own if field.name != "code")
        yield from ((("when", field.name), field) for part in asks for field in WHEN[part])
        if self.kind != "exclude":
            yield from ((("budget", field.name), field) for field in BUDGET)

    def _add_amount(self, name: str, choice: str, said: str):
        """A number that is money, or a count, as the field `choice` says."""
        path, described = self._described[name]
        digits = get_currency_precision(money_of(self.definition))
        self.fields[name] = forms.DecimalField(
            label=_(described.label), help_text=_("In %(money)s where money is counted, else a whole number.") % {"money": money_of(self.definition)},
            min_value=Decimal(1).scaleb(-digits), max_digits=14, decimal_places=digits,
        )  # fmt: skip
        self.fields[name].path, self._amount = path, (name, choice, said, digits)
        if self.entry and _at(self.entry, (choice,), dict(self._described)[choice][1].default) == said:
            self.initial[name] = Decimal(self.entry[name]).scaleb(-digits)

    def _clean_amount(self, name: str, choice: str, said: str, digits: int):
        amount = self.cleaned_data.get(name)
        if amount is None:
            return
        whole = amount.scaleb(digits) if self.cleaned_data.get(choice) == said else amount
        if whole != whole.to_integral():
            self.add_error(name, _("Write a whole number."))
        self.cleaned_data[name] = int(whole)

    def _add_trial(self):
        self.fields["trial"] = forms.IntegerField(
            label=_("Members who do not get the rule"),
            help_text=_("In percent, chosen by chance and for good. Empty: everybody gets it. The others' lift is measured against them."),
            min_value=1, max_value=50, required=False,
        )  # fmt: skip
        self.fields["trial"].path, self.fields["trial"].unit = ("trial",), "%"
        self.initial["trial"] = ((self.entry or {}).get("trial") or {}).get("holdout_percent")

    # -- as sections of a page -----------------------------------------------------------------------------------------
    def section(self, *heads: str) -> list:
        """The bound fields whose place begins with one of these; "" for those of the rule itself."""
        return [
            self[name]
            for name, f in self.fields.items()
            if (f.path[0] if len(f.path) > 1 else "") in heads and name != "trial"
        ]

    def sections(self) -> list[tuple[str, str, list]]:
        """(heading, hint, fields) in the order of the page."""
        line, basket = {f.name for f in WHEN["line"]}, {f.name for f in WHEN["basket"]}
        when = self.section("when")
        found = [
            (_("The rule"), "", self.section("")),
            (_("For which goods"), _("Leave everything empty for all goods. Of several conditions all must hold."), [f for f in when if f.field.path[1] in line]),
            (_("When and where"), _("In the store's own time."), [f for f in when if f.field.path[1] in basket]),
            (_("Budget"), _("Leave empty for no limit."), self.section("budget")),
        ]  # fmt: skip
        if "trial" in self.fields:
            found.append((_("Test group"), "", [self["trial"]]))
        return [part for part in found if part[2]]

    # -- as a definition -----------------------------------------------------------------------------------------------
    @property
    def code(self) -> str:
        """The rule's name in the ledger: kept for ever once given, made from its name before."""
        if self.entry:
            return self.entry["code"]
        taken = {r.get("code") for part in ("rules", "exclude") for r in self.definition.get(part, [])}
        stem = slugify(self.cleaned_data.get("name", "")).replace("-", "_")[:40] or self.kind
        return next(c for c in (stem, *(f"{stem}_{n}" for n in range(2, 10_000))) if c not in taken)

    def value(self) -> dict:
        """The entry as the definition holds it: what is empty or as it would be anyway is left out."""
        entry: dict = {"code": self.code}
        if self.kind not in {"exclude", "multiply", "bonus"}:
            entry["kind"] = self.kind
        for name, (path, field) in self._described.items():
            said = self.cleaned_data.get(name)
            if said in (None, "", [], {}) or (said == field.default and not field.is_required):
                continue
            _put(entry, path, said)
        if set(entry.get("budget", {})) == {"member_period"}:
            del entry["budget"]
        if percent := self.cleaned_data.get("trial"):
            before = (self.entry or {}).get("trial") or {}
            is_same = before.get("holdout_percent") == percent  # another share is another experiment
            entry["trial"] = {"salt": before["salt"] if is_same else uuid.uuid4().hex, "holdout_percent": percent}
        return entry

    def clean(self):
        super().clean()
        if self._amount:
            self._clean_amount(*self._amount)
        if not self.errors:
            self._ask_the_engine()
        return self.cleaned_data

    def _ask_the_engine(self):
        """What the engine itself would refuse, beside the field it names."""
        part = "exclude" if self.kind == "exclude" else "rules"
        alone = {"earn": [{"currency": money_of(self.definition), **RATE}], part: [self.value()]}
        alone["point_cost"] = self.definition.get("point_cost")
        try:
            compile_rule_set(alone)
        except InvalidRuleSet as invalid:
            for problem in invalid.problems:
                found = PLACE.fullmatch(problem.where)
                name = found[1].strip(".").replace(".", "__") if found else ""
                self.add_error(name if name in self.fields else None, problem.words(_))


def _at(entry: dict, path: tuple[str, ...], default):
    for key in path:
        if not isinstance(entry, dict) or key not in entry or entry[key] is None:
            return default
        entry = entry[key]
    return entry


def _put(entry: dict, path: tuple[str, ...], value):
    for key in path[:-1]:
        entry = entry.setdefault(key, {})
    entry[path[-1]] = value


class BasicsForm(forms.Form):
    """What all rules share: rate, expiry, tiers' multipliers, waiting, what a point costs, how multipliers meet."""

    EXPIRY = (
        ("never", gettext_lazy("Never")),
        ("months", gettext_lazy("At the end of a month")),
        ("days", gettext_lazy("After so many days")),
        ("years", gettext_lazy("On 31 December")),
    )
    PENDING = (
        ("", gettext_lazy("At once")),
        ("days", gettext_lazy("After so many days")),
        ("until", gettext_lazy("When something has happened")),
    )
    CHOOSES = (("largest", gettext_lazy("the largest")), ("first", gettext_lazy("the first by priority")))

    currency = forms.CharField(
        label=pgettext_lazy("money", "Currency"),
        max_length=3,
        min_length=3,
        help_text=gettext_lazy("Of the purchases that earn, such as USD."),
    )
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=0, max_value=1_000_000)
    expires = forms.ChoiceField(label=gettext_lazy("Points expire"), choices=EXPIRY)
    expiry_months = forms.IntegerField(
        label=gettext_lazy("So many months after the month they were earned in"),
        min_value=1,
        max_value=600,
        required=False,
    )
    expiry_days = forms.IntegerField(
        label=gettext_lazy("So many days after they were earned"), min_value=1, max_value=3650, required=False
    )
    expiry_years = forms.IntegerField(
        label=gettext_lazy("So many years after the year they were earned in"),
        min_value=0,
        max_value=50,
        required=False,
        help_text=gettext_lazy("0: on 31 December of the same year."),
    )
    inactive_months = forms.IntegerField(
        label=gettext_lazy("And everything after so many months without any activity"),
        min_value=1,
        max_value=120,
        required=False,
        help_text=gettext_lazy("Empty: being away costs nothing."),
    )
    pending = forms.ChoiceField(label=gettext_lazy("Points can be spent"), choices=PENDING, required=False)
    pending_days = forms.IntegerField(label=gettext_lazy("Days"), min_value=1, max_value=3650, required=False)
    pending_until = forms.CharField(
        label=gettext_lazy("What must have happened"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("The name of an event of the purchase, such as delivered."),
    )
    chooses = forms.ChoiceField(label=gettext_lazy("Of multipliers that do not stack, counts"), choices=CHOOSES)
    percent_max = forms.IntegerField(
        label=gettext_lazy("All multipliers together at most"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=gettext_lazy("In percent: 500 is ×5. Empty: no limit."),
    )

    def __init__(self, *, definition: dict, data=None):
        self.definition = definition
        self.basics = {key: value for key, value in definition.items() if key not in ("rules", "exclude")}
        money = (data.get("currency") if data else "") or money_of(definition)
        money = money.upper() if re.fullmatch(r"[A-Za-z]{3}", money) else DEFAULT_MONEY
        super().__init__(data, initial=self._initial())
        rate = (definition.get("earn") or [RATE])[0]
        self.fields["per"] = MoneyField(
            label=_("For every"), currency=money, minimum=1, initial=rate.get("per_minor", 100)
        )
        cost = definition.get("point_cost") or {}
        self.fields["cost"] = MoneyField(
            label=_("A thousand points cost"), currency=money, minimum=1, required=False, initial=cost.get("minor_per_1000"),
            help_text=_("For budgets in money and reports of cost."),
        )  # fmt: skip
        for tier in Tier.objects.order_by("points_from"):
            self.fields[f"tier__{tier.code}"] = forms.IntegerField(
                label=tier.name,
                min_value=1,
                max_value=10_000,
                initial=(definition.get("tiers") or {}).get(tier.code, 100),
            )
        units = {"per": money, "cost": money, "percent_max": "%"} | {
            n: "%" for n in self.fields if n.startswith("tier__")
        }
        for name, unit in units.items():
            self.fields[name].unit = unit

    def _initial(self) -> dict:
        definition = self.definition
        expiry, pending = definition.get("expiry", {"months": 12}), definition.get("pending") or {}
        stacking = definition.get("stacking") or {}
        expiry = expiry or {}
        kind = next((unit for unit in ("months", "days", "years") if unit in expiry), "never")
        return {
            "currency": money_of(definition),
            "points": (definition.get("earn") or [RATE])[0].get("points", 1),
            "expires": kind,
            "expiry_months": expiry.get("months"),
            "expiry_days": expiry.get("days"),
            "expiry_years": expiry.get("years"),
            "inactive_months": expiry.get("inactive_months"),
            "pending": next((key for key in ("days", "until") if pending.get(key)), ""),
            "pending_days": pending.get("days"),
            "pending_until": pending.get("until"),
            "chooses": stacking.get("chooses", "largest"),
            "percent_max": stacking.get("percent_max") or None,
        }

    def sections(self) -> list[tuple[str, str, list]]:
        tiers = [self[name] for name in self.fields if name.startswith("tier__")]
        return [
            (_("Earning"), "", [self["points"], self["per"], self["currency"], self["cost"]]),
            (
                _("Expiry"),
                "",
                [self[name] for name in ("expires", *(f"expiry_{unit}" for unit in UNITS), "inactive_months")],
            ),
            (_("Tiers"), _("What each tier multiplies points by: 150 is half as many again."), tiers),
            (_("When points can be spent"), "", [self["pending"], self["pending_days"], self["pending_until"]]),
            (_("When multipliers meet"), "", [self["chooses"], self["percent_max"]]),
        ]

    def clean_currency(self):
        return self.cleaned_data["currency"].upper()

    def clean(self):
        said = super().clean()
        name = f"expiry_{said.get('expires')}"
        if name in self.fields and said.get(name) is None and name not in self.errors:
            self.add_error(name, _("This is missing."))
        for kind, name in (("days", "pending_days"), ("until", "pending_until")):
            if said.get("pending") == kind and not said.get(name) and name not in self.errors:
                self.add_error(name, _("This is missing."))
        if not self.errors:
            self._ask_the_engine()
        return said

    def _ask_the_engine(self):
        try:
            compile_rule_set(self.value())
        except InvalidRuleSet as invalid:
            beside = {
                "earn": "currency",
                "expiry": "expires",
                "pending": "pending",
                "point_cost": "cost",
                "stacking": "chooses",
            }
            for problem in invalid.problems:
                self.add_error(beside.get(re.split(r"[\[.]", problem.where, maxsplit=1)[0]), problem.words(_))

    def value(self) -> dict:
        """The basics as the definition holds them. What this form does not show is kept."""
        said, kept = self.cleaned_data, dict(self.basics)
        rest = (self.definition.get("earn") or [])[1:]
        money = said["currency"]
        kept["earn"] = [{"currency": money, "points": said["points"], "per_minor": said["per"]}, *rest]
        expiry = {} if said["expires"] == "never" else {said["expires"]: said[f"expiry_{said['expires']}"]}
        expiry |= {"inactive_months": said["inactive_months"]} if said["inactive_months"] else {}
        kept["expiry"] = expiry or None
        kept["tiers"] = {name[6:]: n for name, n in said.items() if name.startswith("tier__") and n != 100}
        pending = {"days": {"days": said["pending_days"]}, "until": {"until": said["pending_until"]}}.get(
            said["pending"]
        )
        cost = {"currency": money, "minor_per_1000": said["cost"]} if said["cost"] else None
        stacking = {"chooses": said["chooses"]} if said["chooses"] != "largest" else {}
        stacking |= {"percent_max": said["percent_max"]} if said["percent_max"] else {}
        for key, value in (("pending", pending), ("point_cost", cost), ("stacking", stacking)):
            kept.pop(key, None)
            if value:
                kept[key] = value
        return kept
