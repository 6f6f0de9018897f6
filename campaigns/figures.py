"""The figures of a report, as they are frozen: arms, comparisons with their doubt, the split, and what it was worth.

Campaigns, rules under trial and the standing control group get the same shape from the same function. At the planned end the
ordinary interval gives the verdict; before it every look shows the always-valid one, and says that it is a look.
"""

from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import add

from django.conf import settings

from campaigns import metrics, outcomes
from campaigns.outcomes import SEGMENTS, Subject
from experiments import queries as assigned
from insights import lift

PRIMARY = metrics.EVERY[0].name
REST = "Rest"
"""The arm of those who wait for a winner; see campaigns.operations.planning."""
DAYS_WITHOUT_END = 28
"""Where no end is planned, the always-valid interval is tightest after four weeks."""


def read(subject: Subject, *, until: datetime, is_final: bool, planned_end: datetime | None) -> dict:
    """Everything that can be said of an experiment at a moment, as JSON. The arms' names are as created."""
    arms = list(subject.experiment.arms.all())
    by_segment = outcomes.per_arm(subject, until=until)
    whole = {name: reduce(add, parts) for name, parts in by_segment.items()}
    share = _share_of_plan(subject, until, planned_end)
    comparisons = _comparisons(arms, whole, subject.measures, share)
    return {
        "currency": settings.CURRENCY,
        "window": {"begin": subject.begin.isoformat(), "end": planned_end and planned_end.isoformat()},
        "read_until": until.isoformat(),
        "is_final": is_final,
        "share_of_plan": share,
        "plan": _plan(subject.plan),
        "metrics": [measure.name for measure in subject.measures],
        "arms": [_arm(arm, whole[arm.name], subject.measures) for arm in arms],
        "sample_ratio": asdict(
            lift.sample_ratio(assigned.eligible_counts(subject.experiment), {arm.name: arm.share for arm in arms})
        ),
        "comparisons": comparisons,
        "segments": _segments(arms, by_segment, subject.measures, share),
        "primary": PRIMARY,
        "members_needed": _needed(arms, whole),
        "detectable": _detectable(arms, whole),
        "worth": _worth(comparisons, outcomes.sent(subject.cause), subject.plan),
        "number_needed": _number_needed(comparisons),
    }


def _share_of_plan(subject, until, planned_end) -> float:
    """What of the planned time has passed; beyond one where nothing is planned and time goes on."""
    passed = (until - subject.begin).total_seconds()
    planned = (planned_end - subject.begin).total_seconds() if planned_end else DAYS_WITHOUT_END * 86_400
    return max(0.0, passed / planned)


def _plan(plan) -> dict | None:
    if plan is None:
        return None
    return {
        "made_at": plan.made_at.isoformat(), "covariate_days": plan.covariate_days, "spend_cap_minor": plan.spend_cap_minor,
        "point_minor_per_1000": plan.point_minor_per_1000, "margin_percent": plan.margin_percent, "margins": len(plan.margins),
        "send_minor_per_1000": plan.send_minor_per_1000,
    }  # fmt: skip


def _arm(arm, sums: lift.Aggregates, measures) -> dict:
    told = {"name": arm.name, "is_holdout": arm.is_holdout, "share": arm.share, "n": sums.n}
    for measure in measures:
        one = sums.stats(measure.metric.numerator)
        below = sums.sums[measure.metric.denominator] if measure.metric.denominator else sums.n
        told[measure.name] = {"mean": one.total / below if below else 0.0, "sum": one.total, "sd": one.sd}
    return told


def pairs(arms) -> list[tuple[list, list]]:
    """What is compared with what: all variants together with the holdout first, then each variant; without one, variants."""
    held = [arm for arm in arms if arm.is_holdout]
    sent = [arm for arm in arms if not arm.is_holdout]
    if not held:
        named = _named(sent)
        return [([named[0]], [other]) for other in named[1:]]
    found = [(held, sent)]
    named = _named(sent)
    if len(named) > 1:
        found += [(held, [one]) for one in named] + [([named[0]], [other]) for other in named[1:]]
    return found


def _named(arms) -> list:
    """The arms that are variants: who waited for the winner belongs to all together, and to no variant."""
    return [arm for arm in arms if arm.name != REST]


def _together(arms, sums) -> lift.Aggregates:
    return reduce(add, (sums[arm.name] for arm in arms))


def _comparisons(arms, sums, measures, share: float) -> list[dict]:
    found = [
        _compared(measure, control, treated, sums) | {"unit": measure.unit, "role": measure.role}
        for measure in measures
        for control, treated in pairs(arms)
    ]
    told = [one for one in found if not one.get("cannot")]
    for one, p in zip(told, lift.holm([one["p_value"] for one in told]), strict=True):
        one["p_adjusted"] = p
        one["live"] = asdict(lift.confidence_sequence(_lift(one), share_of_plan=share)) if share > 0 else None
    return found


def _lift(one: dict) -> lift.Lift:
    return lift.Lift(**{name: one[name] for name in lift.Lift.__dataclass_fields__})


def _compared(measure, control, treated, sums, *, is_plain_asked=True) -> dict:
    sides = _together(control, sums), _together(treated, sums)
    named = {
        "metric": measure.name, "control": [arm.name for arm in control], "treated": [arm.name for arm in treated],
    }  # fmt: skip
    try:
        found = asdict(lift.compare(*sides, measure.metric))
        plain = (
            asdict(lift.compare(*sides, measure.metric.plain()))
            if measure.metric.covariate and is_plain_asked
            else None
        )
    except lift.CannotCompare:
        return named | {"cannot": True, "n_control": sides[0].n, "n_treated": sides[1].n}
    return named | found | {"plain": plain}


UNTOLD = ("mean_control", "mean_treated", "correlation", "plain")
"""Of the long table of segments these are not frozen: nothing is made of them."""


def _segments(arms, by_segment, measures, share: float) -> list[dict]:
    """Every metric by what members did before, for all variants together and for each: a search, corrected over its whole table."""
    held_out = [pair for pair in pairs(arms) if all(arm.is_holdout for arm in pair[0])]
    told = [
        {"segment": segment, "role": measure.role}
        | _in_segment(measure, pair, [parts[place] for parts in by_segment.values()], share)
        for measure in measures
        for pair in held_out or pairs(arms)[:1]
        for place, segment in enumerate(SEGMENTS)
    ]
    told_of = [one for one in told if not one.get("cannot")]
    for one, p in zip(told_of, lift.benjamini_hochberg([one["p_value"] for one in told_of]), strict=True):
        one["p_adjusted"] = p
    return told


def _in_segment(measure, pair, parts: list[lift.Aggregates], share: float) -> dict:
    found = _compared(measure, *pair, {part.name: part for part in parts}, is_plain_asked=False)
    if not found.get("cannot") and share > 0:
        found["live"] = asdict(lift.confidence_sequence(_lift(found), share_of_plan=share))
    return {name: held for name, held in found.items() if name not in UNTOLD}


def _control(arms, sums):
    found = pairs(arms)
    return _together(found[0][0], sums).stats(PRIMARY) if found else None


def _needed(arms, sums) -> int | None:
    control = _control(arms, sums)
    return lift.members_needed(control.mean, control.sd, 0.1) if control else None


def _detectable(arms, sums) -> float | None:
    """The relative difference of the primary metric that these members could show, 80 times in 100."""
    control = _control(arms, sums)
    if control is None:
        return None
    sides = [_together(side, sums).n for side in pairs(arms)[0]]
    return lift.effect_detectable(control.mean, control.sd, *sides)


def first_of(comparisons: list[dict], metric: str) -> dict | None:
    """The comparison everything rests on for a metric: all variants together against the holdout; None if there is none."""
    found = [one for one in comparisons if one["metric"] == metric]
    return found[0] if found and not found[0].get("cannot") else None


def _worth(comparisons, sent: dict[str, int], plan) -> dict | None:
    """Money: the difference of net per member times the treated, less what sending cost, with the difference's own doubt."""
    revenue, net = first_of(comparisons, PRIMARY), first_of(comparisons, "net")
    if revenue is None or net is None:
        return None
    prices = plan.send_minor_per_1000 if plan else {}
    cost = sum(n * prices.get(channel, 0) / 1000 for channel, n in sent.items())
    before = lift.worth(_lift(net))
    points = first_of(comparisons, "points_earned")
    price = (plan.point_minor_per_1000 or 0) / 1000 if plan else 0
    return {
        "revenue": asdict(lift.worth(_lift(revenue))), "reward_cost": lift.worth(_lift(points)).total * price if points else 0.0,
        "send_cost": cost, "messages": sum(sent.values()),
        "net": {"total": before.total - cost, "low": before.low - cost, "high": before.high - cost, "n_treated": before.n_treated},
    }  # fmt: skip


def _number_needed(comparisons) -> dict | None:
    """Members to treat for one more buyer."""
    buyers = first_of(comparisons, "buyers")
    found = lift.number_needed(_lift(buyers)) if buyers else None
    return asdict(found) if found else None
