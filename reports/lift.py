"""A frozen lift report, arranged for a page: rows with words, charts, and the same rows for CSV."""

from django.utils.translation import gettext as _

from campaigns import verdicts
from campaigns.outcomes import METRICS
from reports import charts

EFFECTS = ("purchases", "opens", "clicks", "redemptions", "redemptions_held_out", "unsubscribes")


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
    return f"{value:+,.3f}".replace("-", "−") if is_signed else f"{value:,.3f}"


def arms(figures: dict) -> list[dict]:
    currency = figures["currency"]
    return [
        {
            "name": verdicts.arm_words([arm["name"]]),
            "is_holdout": arm["is_holdout"],
            "share": verdicts.percent(arm["share"], is_signed=False),
            "n": arm["n"],
            "metrics": [value_words(metric, arm[metric]["mean"], currency) for metric in METRICS],
            "sum": verdicts.money(arm["spend"]["sum"], currency),
            "responses": arm["responses"],
        }
        for arm in figures["arms"]
    ]


def comparisons(figures: dict) -> list[dict]:
    return [_comparison(one, figures["currency"]) for one in figures["comparisons"]]


def _comparison(one, currency):
    told = {
        "metric": verdicts.metric_words(one["metric"]),
        "control": verdicts.arm_words(one["control"]),
        "treated": verdicts.arm_words(one["treated"]),
        "n_control": one["n_control"],
        "n_treated": one["n_treated"],
        "cannot": one.get("cannot", False),
    }
    if told["cannot"]:
        return told
    told |= {key: value_words(one["metric"], one[key], currency, is_signed=True) for key in ("absolute", "low", "high")}
    told["p_value"] = f"{one['p_value']:.3f}" if one["p_value"] >= 0.001 else "< 0.001"
    if one["relative"] is not None:
        told |= {key: verdicts.percent(one[key]) for key in ("relative", "relative_low", "relative_high")}
    return told


def interval_chart(figures: dict) -> str:
    """The relative difference of each metric, every variant together against the holdout."""
    rows, seen = [], set()
    for one in figures["comparisons"]:
        if one["metric"] in seen or one.get("cannot") or one.get("relative") is None:
            continue
        seen.add(one["metric"])
        rows.append(
            {
                "name": verdicts.metric_words(one["metric"]),
                "low": one["relative_low"] * 100, "estimate": one["relative"] * 100, "high": one["relative_high"] * 100,
            }
        )  # fmt: skip
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
    "relative", "relative_low", "relative_high", "p_value",
]  # fmt: skip


def csv_rows(figures: dict):
    """Every comparison with its raw figures; money in minor units, as frozen."""
    for one in figures["comparisons"]:
        named = one | {"control": " + ".join(one["control"]), "treated": " + ".join(one["treated"])}
        yield [named.get(column) for column in CSV_HEADER]
