"""A frozen lift report, arranged for a page: rows with words, charts, and the same rows for CSV."""

import math
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from campaigns import verdicts
from campaigns.outcomes import METRICS
from reports import charts, definitions

HIDDEN_WHEN_BROKEN = {"comparisons": [], "segments": [], "worth": None, "number_needed": None, "rerandomised": None}
EFFECTS = ("purchases", "opens", "clicks", "redemptions", "redemptions_held_out", "unsubscribes")


@dataclass(frozen=True)
class Read:
    """Figures that no report holds, in the shape of one: what campaigns.verdicts reads."""

    figures: dict


def published(figures: dict) -> dict:
    """The figures as they are handed out, to a file or to a machine: with a broken split no difference at all."""
    is_broken = figures["sample_ratio"]["verdict"] == "red"
    return figures | {name: empty for name, empty in HIDDEN_WHEN_BROKEN.items() if is_broken and name in figures}


def effect_words(name: str) -> str:
    return {
        "purchases": _("Purchases of who was sent it, relative to the held out"),
        "opens": _("Share of the sent who open"),
        "clicks": _("Share of those who open, who click"),
        "redemptions": _("Share of buyers who redeem, with the offer"),
        "redemptions_held_out": _("Share of buyers who redeem, without it"),
        "unsubscribes": _("Share of the sent who unsubscribe"),
    }[name]


def value_words(metric: str, value: float, currency: str, *, is_signed=False) -> str:
    unit = METRICS[metric]
    if unit == "money":
        return verdicts.money(value, currency, is_signed=is_signed)
    if unit == "share":
        return verdicts.percent(value, is_signed=is_signed)
    places = 1 if unit == "points" else 3
    return f"{value:+,.{places}f}".replace("-", "−") if is_signed else f"{value:,.{places}f}"


def context(figures: dict) -> dict:
    """What the shared template of a lift report needs. With a broken split no difference is handed out at all."""
    is_hidden = figures["sample_ratio"]["verdict"] == "red"
    return {
        "figures": figures,
        "is_hidden": is_hidden,
        "is_early": not figures.get("is_final", True),
        "arms": arms(figures),
        "metrics": [verdicts.metric_words(metric) for metric in _told(figures)],
        **_split([] if is_hidden else comparisons(figures)),
        **_by_segment([] if is_hidden else segments(figures)),
        "worth": None if is_hidden else worth(figures),
        "needed": None if is_hidden else number_needed(figures),
        "detectable": verdicts.percent(figures["detectable"], is_signed=False) if figures.get("detectable") else "",
        "interval_chart": "" if is_hidden else interval_chart(figures),
        "plan": plan(figures),
        "definitions": definitions.of_lift(_told(figures)),
        "begins_at": datetime.fromisoformat(figures["window"]["begin"]),
        "read_at": datetime.fromisoformat(figures["read_until"]),
    }


def _told(figures: dict) -> list[str]:
    return [metric for metric in METRICS if metric in figures["arms"][0]] if figures["arms"] else []


def arms(figures: dict) -> list[dict]:
    currency = figures["currency"]
    return [
        {
            "name": verdicts.arm_words([arm["name"]]),
            "code": arm["name"],
            "is_holdout": arm["is_holdout"],
            "share": verdicts.percent(arm["share"], is_signed=False),
            "n": arm["n"],
            "metrics": [value_words(metric, arm[metric]["mean"], currency) for metric in _told(figures)],
            "sum": verdicts.money(arm["spend"]["sum"], currency),
            "responses": arm.get("responses", {}),
        }
        for arm in figures["arms"]
    ]


def comparisons(figures: dict) -> list[dict]:
    """Every comparison in words; the first of each metric is `is_main`, the others compare single variants."""
    seen, told = set(), []
    for one in figures["comparisons"]:
        told.append(_comparison(one, figures) | {"is_main": one["metric"] not in seen})
        seen.add(one["metric"])
    return told


def _split(told: list[dict]) -> dict[str, list]:
    """What a page shows at once, what it folds away, and the names of what cannot be compared at all."""
    can = [one for one in told if not one["cannot"]]
    named = {one["metric"] for one in can}
    return {
        "comparisons": [one for one in can if one["is_main"]],
        "by_variant": [one for one in can if not one["is_main"]],
        "cannot": list(dict.fromkeys(one["metric"] for one in told if one["metric"] not in named)),
    }


def _by_segment(told: list[dict]) -> dict[str, list]:
    """What a page shows at once of the segments, and what it folds away: of that only what can be compared."""
    return {
        "segments": [one for one in told if one["is_main"]],
        "more_segments": [one for one in told if not one["is_main"] and not one["cannot"]],
    }


def p_words(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _comparison(one, figures):
    told = {
        "metric": verdicts.metric_words(one["metric"]),
        "control": verdicts.arm_words(one["control"]),
        "treated": _treated(one["treated"], figures),
        "n_control": one["n_control"],
        "n_treated": one["n_treated"],
        "is_guardrail": one.get("role") == "guardrail",
        "cannot": one.get("cannot", False),
    }
    if told["cannot"]:
        return told
    currency, ends = figures["currency"], verdicts.shown(one, figures)
    told["absolute"] = value_words(one["metric"], one["absolute"], currency, is_signed=True)
    told["low"], told["high"] = (value_words(one["metric"], end, currency, is_signed=True) for end in ends)
    is_early = not figures.get("is_final", True) and one.get("live")
    told["p_value"] = p_words(one["live"]["p_value"] if is_early else one["p_value"])
    told["p_adjusted"] = p_words(one["p_adjusted"]) if one.get("p_adjusted") is not None and not is_early else "–"
    told["is_detected"] = ends[0] > 0 or ends[1] < 0
    told["kept"] = verdicts.percent(one["variance_kept"], is_signed=False) if one.get("plain") else ""
    if one["relative"] is not None:
        told |= {key: verdicts.percent(one[key]) for key in ("relative", "relative_low", "relative_high")}
    return told


def _treated(names: list[str], figures: dict) -> str:
    """All variants together have one short name, however many they are."""
    everybody = [arm["name"] for arm in figures["arms"] if not arm["is_holdout"]]
    return _("All variants") if len(names) > 1 and sorted(names) == sorted(everybody) else verdicts.arm_words(names)


def segments(figures: dict) -> list[dict]:
    """By segment. `is_main` are the rows of the figure the verdict rests on, all variants together; the others are folded away."""
    words = {
        "none": _("No purchase in the time before"),
        "few": _("One to three purchases before"),
        "many": _("Four purchases or more before"),
    }
    held = figures.get("segments", [])
    first = (held[0]["metric"], held[0]["treated"]) if held else None
    return [
        _comparison(one, figures)
        | {"segment": words[one["segment"]], "is_main": (one["metric"], one["treated"]) == first}
        for one in held
    ]


def worth(figures: dict) -> dict | None:
    """Money all together, with its doubt. Early looks widen it as they widen the difference it is made of."""
    held = figures.get("worth")
    if not held:
        return None
    currency = figures["currency"]
    wider = _wider(figures)

    def told(part):
        reach = (part["high"] - part["low"]) / 2 * wider
        ends = (part["total"] - reach, part["total"] + reach)
        return {
            "total": verdicts.money(part["total"], currency, is_signed=True),
            "low": unbroken(verdicts.money(ends[0], currency, is_signed=True)),
            "high": unbroken(verdicts.money(ends[1], currency, is_signed=True)),
            "is_detected": ends[0] > 0 or ends[1] < 0,
        }

    return {
        "revenue": told(held["revenue"]),
        "net": told(held["net"]),
        "reward_cost": verdicts.money(held["reward_cost"], currency),
        "send_cost": verdicts.money(held["send_cost"], currency),
        "messages": held["messages"],
    }


def unbroken(words: str) -> str:
    """An amount whose sign is never left alone at the end of a line (a word joiner stands behind it): for narrow tiles."""
    return words.replace("−", "−\u2060").replace("+", "+\u2060")


def _wider(figures) -> float:
    first = verdicts.primary_of(figures)
    is_early = not figures.get("is_final", True) and first and first.get("live")
    return first["live"]["times_wider"] if is_early else 1.0


def number_needed(figures: dict) -> dict | None:
    """Members to treat for one more buyer, rounded to whole members away from zero doubt."""
    held = figures.get("number_needed")
    if not held:
        return None
    return {
        "number": f"{math.ceil(held['number']):,}", "low": f"{math.floor(held['low']):,}" if math.isfinite(held["low"]) else "",
        "high": f"{math.ceil(held['high']):,}" if held["high"] else "", "is_harm": held["is_harm"],
    }  # fmt: skip


def plan(figures: dict) -> dict | None:
    """What was fixed before the start, in words."""
    held = figures.get("plan")
    if not held:
        return None
    currency = figures["currency"]
    return held | {
        "written_at": datetime.fromisoformat(held["made_at"]),
        "cap": verdicts.money(held["spend_cap_minor"], currency) if held["spend_cap_minor"] else "",
        "point": verdicts.money(held["point_minor_per_1000"], currency) if held["point_minor_per_1000"] else "",
        "share": verdicts.percent(min(1.0, figures["share_of_plan"]), is_signed=False),
    }


def interval_chart(figures: dict) -> str:
    """The relative difference of each metric, every variant together against the holdout."""
    rows, seen = [], set()
    for one in figures["comparisons"]:
        if one["metric"] in seen or one.get("cannot") or one.get("relative") is None:
            continue
        seen.add(one["metric"])
        if one.get("role") == "guardrail":
            continue
        wider = one["live"]["times_wider"] if not figures.get("is_final", True) and one.get("live") else 1
        ends = (one["relative"] + (one[side] - one["relative"]) * wider for side in ("relative_low", "relative_high"))
        low, high = (end * 100 for end in ends)
        rows.append(
            {"name": verdicts.metric_words(one["metric"]), "low": low, "estimate": one["relative"] * 100, "high": high}
        )
    if not rows:
        return ""
    truth = figures["truth"]["purchases"] * 100 if "truth" in figures else None
    label = _("Relative difference with its 95 % interval; the figures stand in the table.")
    return charts.intervals(rows, title=_("Relative difference, %"), label=label, truth=truth)


def histogram_chart(figures: dict) -> str:
    again = figures["rerandomised"]
    if not again:
        return ""
    label = _("p-values of %(n)s re-randomisations, spread evenly if chance alone were at work.") % {
        "n": f"{again['draws']:,}"
    }
    return charts.histogram(again["histogram"], title=_("p-value"), label=label)


def histogram_rows(figures: dict) -> list[tuple[str, int]]:
    counts = figures["rerandomised"]["histogram"] if figures["rerandomised"] else []
    return [(f"{i / len(counts):.2f}", n) for i, n in enumerate(counts)]


def truth(figures: dict) -> dict | None:
    """The planted effect beside the estimate of it, for a rehearsal."""
    if "truth" not in figures:
        return None
    planted = figures["truth"]
    first = verdicts.primary_of(figures)
    told = {
        "planted": verdicts.percent(planted["purchases"]),
        "seed": planted["seed"],
        "effects": [(effect_words(name), verdicts.percent(planted[name], is_signed=False)) for name in EFFECTS],
    }
    if first and first.get("relative") is not None:
        told |= {
            "estimate": verdicts.percent(first["relative"]),
            "low": verdicts.percent(first["relative_low"]),
            "high": verdicts.percent(first["relative_high"]),
            "holds": first["relative_low"] <= planted["purchases"] <= first["relative_high"],
        }
    return told


CSV_HEADER = [
    "metric", "control", "treated", "n_control", "n_treated", "mean_control", "mean_treated", "absolute", "low", "high",
    "relative", "relative_low", "relative_high", "p_value", "p_adjusted", "variance_kept", "standard_error",
]  # fmt: skip


def csv_rows(figures: dict):
    """Every comparison with its raw figures; money in minor units, as frozen."""
    for one in figures["comparisons"]:
        named = one | {"control": " + ".join(one["control"]), "treated": " + ".join(one["treated"])}
        yield [named.get(column) for column in CSV_HEADER]
