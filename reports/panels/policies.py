"""The policies that choose offers: what let them in, and which campaigns taught them."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from campaigns import queries as campaigns
from recommender import teaching
from recommender.models import PolicyVersion
from reports.panels.registry import panel
from reports.panels.tables import Column, Table

MOST = 20
"""So many policies are told, the newest first."""
ESTIMATES = {"ips": "IPS", "snips": "SNIPS", "dr": gettext_lazy("doubly robust")}


def _day(version: PolicyVersion):
    judged = version.metrics.get("judged_at")
    return (datetime.fromisoformat(judged) if judged else version.changed_at or version.created_at).date()


def _words(version: PolicyVersion | None) -> tuple[str, str]:
    """A policy's name and what it does now; the standing one decides where none was promoted."""
    if version is not None:
        return f"{version.get_kind_display()} ({version.pk})", version.get_status_display()
    is_replaced = PolicyVersion.objects.filter(status=PolicyVersion.Status.LIVE).exists()
    return _("The standing policy"), _("replaced") if is_replaced else pgettext("a model", "Live")


@panel(
    "policy_lessons",
    gettext_lazy("What taught the offer policies"),
    gettext_lazy(
        "For each policy that chooses offers, the campaigns whose outcomes stand behind what it believes: how many offers shown and held out "
        "they brought, weighed by their propensities, and what they changed. “Since” marks what taught it after it was judged."
    ),
    group="models",
)
def policy_lessons(at):
    versions = [None, *PolicyVersion.objects.all()[:MOST]]
    found = [(version, teaching.of_policy(version)) for version in versions]
    named = campaigns.by_cause({one.cause for _version, taught in found for one in taught})
    rows = tuple(_lesson(version, one, named) for version, taught in found for one in taught)
    columns = (
        Column("policy", _("Policy"), "text"), Column("status", _("Status"), "text"), Column("campaign", _("Taught by"), "text"),
        Column("cause", _("Cause"), "text"), Column("learned", _("Learned"), "date"), Column("offered", _("Offers shown, effective")),
        Column("held_out", _("Held out, effective")), Column("when", _("When"), "text"), Column("changed", _("What it changed"), "text"),
    )  # fmt: skip
    return Table(columns, rows, at) if rows else None


def _lesson(version, one: teaching.Taught, named: dict) -> tuple:
    campaign = named.get(one.cause)
    when = (
        _("withdrawn again")
        if one.is_withdrawn
        else _("since it was judged")
        if one.is_since
        else _("before it was judged")
    )
    name = campaign.name if campaign else one.cause
    return (
        *_words(version), name, one.cause, one.at.date(), round(one.offered), round(one.held_out), when if version else _("standing"), one.sentence
    )  # fmt: skip


@panel(
    "policy_gate",
    gettext_lazy("Offer policies before the gate"),
    gettext_lazy(
        "What each policy would have earned on the offers that were logged under others, in minor units of margin per offer: by inverse "
        "propensities (IPS), normalised (SNIPS) and doubly robust, with 95 % intervals and the effective number of offers. A policy meets "
        "members only when the doubly robust gain is surely above zero on enough of them."
    ),
    group="models",
)
def policy_gate(at):
    columns = (
        Column("policy", _("Policy"), "text"), Column("status", _("Status"), "text"), Column("judged", _("Judged"), "date"),
        Column("estimate", _("Estimate"), "text"), Column("value", _("Value"), "number"), Column("low", _("from"), "number"),
        Column("high", _("to"), "number"), Column("effective", _("Effective number"), "number"), Column("exposures", _("Offers logged")),
        Column("gate", _("Gate"), "text"),
    )  # fmt: skip
    rows = tuple(row for version in PolicyVersion.objects.all()[:MOST] for row in _judged(version))
    return Table(columns, rows, at) if rows else None


def _judged(version: PolicyVersion):
    gate, told = version.metrics.get("gate", {}), version.metrics.get("estimates", {})
    said = {
        "too_few_effective_exposures": _("shut: too few offers were logged that speak of it"),
        "not_better_with_confidence": _("shut: not surely better"),
    }.get(gate.get("reason", ""), _("open") if gate.get("is_open") else _("shut"))
    for name, label in ESTIMATES.items():
        one = told.get(name, {})
        figures = (one.get(cell) for cell in ("value", "low", "high", "effective"))
        yield (*_words(version), _day(version), str(label), *figures, version.metrics.get("exposures", 0), said)
