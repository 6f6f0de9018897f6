"""What is foretold of one member, in words: each score with its doubt, its reason, how fresh it is, and what was said before."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from insights import queries, telling_scores
from insights.models import Score, ScoreKind
from loyalty.sentences import money

EARLIER = 6
PRODUCTS = 5  # product types that are told when they will be needed again
PERCENT = {ScoreKind.ALIVE, ScoreKind.CHURN, ScoreKind.LOOK_ALIKE}
RANKS = {ScoreKind.PRICE_DRIVEN, ScoreKind.SERVICE_DRIVEN, ScoreKind.BRAND_DRIVEN}


@dataclass(frozen=True)
class Foretold:
    """One score as a colleague reads it. `earlier` are (moment, words) of runs before, the latest first."""

    label: str
    words: str
    doubt: str
    reason: str
    at: datetime
    earlier: tuple[tuple[datetime, str], ...] = ()


def of_member(member_id: int) -> list[Foretold]:
    """Everything that is said of a member today, in the order of the kinds: two statements however much it is."""
    before = queries.earlier(member_id, limit=EARLIER)
    rows, products = [], 0
    for one in queries.profile(member_id):
        if one.run.kind == ScoreKind.ALIVE and not one.reason_params.get("times", 1):
            continue  # the model takes everybody who came once for a customer still: it would stand beside their risk of leaving
        products += one.category_id is not None
        if products <= PRODUCTS or one.category_id is None:
            rows.append(_told(one, () if one.category_id else before.get(one.run.kind, ())))
    order = [str(label) for _value, label in ScoreKind.choices]
    return sorted(rows, key=lambda row: order.index(row.label))


def _told(one: Score, before) -> Foretold:
    return Foretold(
        str(ScoreKind(one.run.kind).label), words(one), _doubt(one), telling_scores.words(one.reason_code, one.reason_params), one.run.at,
        tuple((score.run.at, words(score)) for score in before),
    )  # fmt: skip


def words(one: Score) -> str:
    """The value with its unit."""
    kind, value = one.run.kind, one.value
    if kind == ScoreKind.RFM:
        fifths = dict(zip(("recency", "frequency", "money"), f"{value:03.0f}", strict=True))
        return _("recency %(recency)s, frequency %(frequency)s, money %(money)s of 5") % fifths
    if kind in PERCENT:
        return f"{value:.0%}"
    if kind in RANKS:
        return _("more than %(percent)s of the members") % {"percent": f"{value:.0%}"}
    if kind == ScoreKind.VALUE:
        return _within(money(round(value), one.run.currency), one.run.horizon_days)
    if kind == ScoreKind.PURCHASES:
        return _within(f"{value:.1f}", one.run.horizon_days)
    day = date_format(one.on, "SHORT_DATE_FORMAT") if one.on else f"{value:.0f}"
    return f"{one.category.name}: {day}" if one.category else day


def _within(said: str, days: int) -> str:
    return ngettext("%(said)s within %(days)s day", "%(said)s within %(days)s days", days) % {
        "said": said,
        "days": days,
    }


def _doubt(one: Score) -> str:
    """The 95 % interval, in the value's own unit."""
    if one.low is None or one.run.kind not in (ScoreKind.VALUE, ScoreKind.PURCHASES):
        return ""
    is_money = one.run.kind == ScoreKind.VALUE
    ends = [money(round(end), one.run.currency) if is_money else f"{end:.0f}" for end in (one.low, one.high)]
    return _("95 %% of such members: %(low)s to %(high)s") % {"low": ends[0], "high": ends[1]}
