"""What one rule set says otherwise than another, in words."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from loyalty.authoring import wording
from loyalty.authoring.forms import money_of
from loyalty.earning.kinds import BUDGET, BY_CODE, COMMON, fields_of, kind_of

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class Detail:
    """One field: what it said and what it says."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One part that differs. `before` and `after` are sentences; empty where there was, or is, nothing."""

    kind: str
    title: str
    before: str
    after: str
    details: tuple[Detail, ...] = ()


def compare(before: dict, after: dict) -> list[Change]:
    """The changes from one definition to another: basics first, then rules and exclusions in their order."""
    names = wording.Names(before, after)
    return [
        *_basics(before, after, names),
        *_rules(before, after, names, "rules"),
        *_rules(before, after, names, "exclude"),
    ]


def of_part(part: str, before, after, *, definition: dict) -> list[Change]:
    """The changes of one part of a draft, as when two people changed it."""
    section, _dot, _code = part.partition(".")
    if section == "basics":
        return compare(before or {}, after or {})
    rest = {"earn": definition.get("earn", [])}
    one, other = ({**rest, section: [entry] if entry else []} for entry in (before, after))
    return compare(one, other)


def _basics(before: dict, after: dict, names) -> list[Change]:
    was, now = (wording.basics(definition, names=names) for definition in (before, after))
    return [
        Change(CHANGED, now.get(key, was.get(key))[0], was.get(key, ("", ""))[1], now.get(key, ("", ""))[1])
        for key in {**was, **now}
        if was.get(key) != now.get(key)
    ]


def _rules(before: dict, after: dict, names, part: str) -> list[Change]:
    was, now = ({rule["code"]: rule for rule in definition.get(part, [])} for definition in (before, after))
    return [
        change
        for code in {**was, **now}
        if (change := _rule(was.get(code), now.get(code), names, part, (money_of(before), money_of(after))))
    ]


def _rule(was: dict | None, now: dict | None, names, part: str, currencies: tuple[str, str]) -> Change | None:
    if was == now:
        return None
    excludes = part == "exclude"
    sentences = [
        wording.summary(entry, names=names, currency=currency, excludes=excludes) if entry else ""
        for entry, currency in zip((was, now), currencies, strict=True)
    ]
    title = wording.name_of(now or was or {})
    if was is None or now is None:
        return Change(ADDED if was is None else REMOVED, title, *sentences)
    return Change(CHANGED, title, *sentences, _details(was, now, names, excludes, currencies))


def _details(was: dict, now: dict, names, excludes: bool, currencies: tuple[str, str]) -> tuple[Detail, ...]:
    kinds = [] if excludes else [kind_of(was), kind_of(now)]
    described = {("", f.name): f for kind in kinds for f in fields_of(kind)} or {("", f.name): f for f in COMMON}
    described |= {("when", f.name): f for f in wording.WHEN_FIELDS} | {("budget", f.name): f for f in BUDGET}
    found = []
    if len(set(kinds)) > 1:
        found.append(Detail(_("Kind"), *(_(BY_CODE[kind].label) for kind in kinds)))
    for (head, name), field in described.items():
        values = [(entry.get(head, {}) if head else entry).get(name, field.default) for entry in (was, now)]
        if values[0] != values[1]:
            words = [wording.shown(field, v, names=names, currency=c) for v, c in zip(values, currencies, strict=True)]
            found.append(Detail(_(field.label), *words))
    trials = [(entry.get("trial") or {}).get("holdout_percent") for entry in (was, now)]
    if trials[0] != trials[1]:
        found.append(Detail(_("Members who do not get the rule"), *(f"{n} %" if n else "–" for n in trials)))
    return tuple(found)
