"""What a report says in words, and the words of every fate. Read in the reader's language; figures come frozen."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from delivery.models import Message
from loyalty import sentences


@dataclass(frozen=True)
class Verdict:
    """The first sentence of a report. `tone` is one of good, bad, none, hidden, unknown."""

    sentence: str
    detail: str
    tone: str


def money(minor: float, currency: str, *, is_signed: bool = False) -> str:
    """“−$3.13” in the reader's language, to the cent."""
    whole = round(minor)
    sign = "−" if whole < 0 else "+" if is_signed else ""
    return sign + sentences.money(abs(whole), currency)


def percent(share: float, *, is_signed: bool = True) -> str:
    sign = "−" if share < 0 else "+" if is_signed else ""
    return f"{sign}{abs(share) * 100:,.1f} %"


def primary_of(figures: dict) -> dict | None:
    """The comparison the verdict rests on: every variant together against the holdout, on the primary metric."""
    found = [c for c in figures["comparisons"] if c["metric"] == figures["primary"]]
    return found[0] if found else None


def of(report) -> Verdict:
    figures = report.figures
    first = primary_of(figures)
    if figures["sample_ratio"]["verdict"] == "red":
        return Verdict(
            _("The split is broken, so no verdict is shown."),
            _("The arms do not hold the members they should; find out why before reading any figure."),
            "hidden",
        )
    if first is None or not any(arm["is_holdout"] for arm in figures["arms"]):
        return Verdict(
            _("Lift unknown: nobody was held out."), _("Only the variants can be compared with each other."), "unknown"
        )
    if first.get("cannot"):
        return Verdict(
            _("Nothing can be said yet: too few members, or nobody bought anything."),
            _("%(control)s held out, %(treated)s sent.")
            % {"control": f"{first['n_control']:,}", "treated": f"{first['n_treated']:,}"},
            "unknown",
        )
    return _read(first, figures)


def shown(one: dict, figures: dict) -> tuple[float, float]:
    """The interval a reader may act on: the planned end's, or at an earlier look the one that holds whenever it is read."""
    is_early = not figures.get("is_final", True) and one.get("live")
    return (one["live"]["low"], one["live"]["high"]) if is_early else (one["low"], one["high"])


def _read(first, figures) -> Verdict:
    currency = figures["currency"]
    ends = shown(first, figures)
    low, high = (money(end, currency, is_signed=True) for end in ends)
    needed = figures["members_needed"]
    members = _("%(control)s members held out, %(treated)s assigned to be sent.") % {
        "control": f"{first['n_control']:,}", "treated": f"{first['n_treated']:,}",
    }  # fmt: skip
    if ends[0] <= 0 <= ends[1]:
        sentence = _("No detectable difference: anywhere from %(low)s to %(high)s per member.") % {
            "low": low,
            "high": high,
        }
        power = _("Detecting 10 %% needs %(needed)s members per arm.") % {"needed": f"{needed:,}"} if needed else ""
        return Verdict(sentence, f"{power} {members}".strip(), "none")
    told = {"size": money(first["absolute"], currency, is_signed=True), "low": low, "high": high}
    if ends[0] > 0:
        return Verdict(
            _("It sold more: %(size)s per member, 95 %% interval %(low)s to %(high)s.") % told, members, "good"
        )
    return Verdict(_("It sold less: %(size)s per member, 95 %% interval %(low)s to %(high)s.") % told, members, "bad")


def of_series(pooled) -> Verdict:
    """All dates of a series in a sentence; the interval holds however often it is read."""
    told = {
        "size": money(pooled.absolute, settings.CURRENCY, is_signed=True),
        "low": money(pooled.low, settings.CURRENCY, is_signed=True),
        "high": money(pooled.high, settings.CURRENCY, is_signed=True),
    }
    detail = _("%(dates)s dates; %(control)s times held out, %(treated)s times sent. In all: %(low)s to %(high)s.") % {
        "dates": pooled.dates, "control": f"{pooled.n_control:,}", "treated": f"{pooled.n_treated:,}",
        "low": money(pooled.total_low, settings.CURRENCY, is_signed=True),
        "high": money(pooled.total_high, settings.CURRENCY, is_signed=True),
    }  # fmt: skip
    if pooled.low > 0:
        sentence = _("It sold more: %(size)s per member and date, interval %(low)s to %(high)s.") % told
        return Verdict(sentence, detail, "good")
    if pooled.high < 0:
        sentence = _("It sold less: %(size)s per member and date, interval %(low)s to %(high)s.") % told
        return Verdict(sentence, detail, "bad")
    sentence = _("No detectable difference: anywhere from %(low)s to %(high)s per member and date.") % told
    return Verdict(sentence, detail, "none")


def skip_words(reason: str) -> str:
    known = dict(Message.Skip.choices) | {
        "global_control": _("in the standing control group"), "over_budget": _("beyond the budget"),
        "not_any_more": _("it no longer applied"), "not_in_audience": _("not in the audience"),
    }  # fmt: skip
    words = _("No longer reachable at launch") if reason == "unreachable" else known.get(reason, reason)
    return _("Skipped: %(reason)s") % {"reason": words}


def fate_words(fate: str) -> str:
    if fate.startswith("skipped:"):
        return skip_words(fate.partition(":")[2])
    return {
        "audience": _("Audience"),
        "sent": _("Sent"),
        "held_out": _("Held out"),
        "waiting": _("Waiting"),
        "failed": _("Failed"),
        "in_doubt": _("In doubt"),
    }.get(fate, fate)


def metric_words(metric: str) -> str:
    return {
        "spend": _("Spend per member"),
        "margin": _("Margin per member"),
        "net": _("Left per member after rewards"),
        "orders": _("Purchases per member"),
        "visits": _("Days with a purchase, per member"),
        "buyers": _("Members who bought"),
        "basket": _("Spend per purchase"),
        "points_earned": _("Points earned per member"),
        "points_spent": _("Points spent per member"),
        "redeemers": _("Members who bought what they were offered"),
        "units": _("Pieces bought of what was offered"),
        "withdrew": _("Members who withdrew a consent"),
        "complained": _("Members who complained of mail"),
    }[metric]


def arm_words(names: list[str]) -> str:
    """An arm's name, or several together; the holdout in the reader's language."""
    own = {"Holdout": _("Held out"), "Rest": _("The rest, sent the winner"), "Addressed": _("All variants")}
    return " + ".join(own.get(name, name) for name in names)
