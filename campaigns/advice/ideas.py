"""The actions that may be recommended: whom each is for, by which rule, and what its e-mail says."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns import flow_words as words
from insights.trends import CATEGORY, DAYS, Trend, in_season, trends
from loyalty.models import Reward
from sales.models import Category

HOLDOUT_PERCENT = 10
QUIET_DAYS = 14
NEW_DAYS = 60
UNUSED_DAYS = 180
FALLS_MOST = 2
"""So many falling categories are spoken of at once."""
KEPT_S = 26 * 3600


@dataclass(frozen=True)
class Idea:
    """One action: its name and rule in the reader's words, its audience, its e-mail's words by language, its offers by slot."""

    code: str
    name: str
    rule: str
    conditions: dict
    says: dict | Callable[[], dict]
    offers: dict[str, int] = field(default_factory=dict)
    data: tuple[str, ...] = ()


def ideas(*, at) -> list[Idea]:
    """Everything that could be done now, whether or not there is anybody to do it for."""
    return [at_risk(), second_visit(), *points_unused(at), *falling_categories(at)]


def _all(*conditions) -> dict:
    """All of these; and who stays for service is never given a discount."""
    no_discount = {"match": "none", "conditions": [{"type": "stays_for", "drivers": ["service"]}]}
    return {"match": "all", "conditions": [*conditions, no_discount]}


def at_risk() -> Idea:
    from emails.starters import WIN_BACK  # late: the words of an e-mail bring its blocks with them

    return Idea(
        "at_risk", _("Win back who is at risk"),
        _("Life-cycle stage At risk: silent for more than three of their own gaps. Once lapsed, few come back by themselves."),
        _all({"type": "lifecycle_stage", "stages": ["at_risk"]}), WIN_BACK, {"buy_again": 2, "new_for_you": 1},
    )  # fmt: skip


def second_visit() -> Idea:
    return Idea(
        "second_visit", _("Bring newcomers back a second time"),
        _("First bought in the last %(days)d days, once only, and not for %(quiet)d days: a habit begins with the second visit.")
        % {"days": NEW_DAYS, "quiet": QUIET_DAYS},
        _all(
            {"type": "first_purchase", "op": "newer", "days": NEW_DAYS},
            {"type": "purchase_count", "op": "at_most", "count": 1, "days": NEW_DAYS},
            {"type": "last_purchase", "op": "older", "days": QUIET_DAYS},
        ),
        words.SECOND_VISIT, {"buy_again": 1, "new_for_you": 2},
    )  # fmt: skip


def points_unused(at) -> list[Idea]:
    """Points that would buy a reward and lie still; none where the catalogue has nothing for points."""
    offered = Reward.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=at), is_active=True, points__gt=0, valid_from__lte=at
    )
    cheapest = offered.order_by("points").values_list("points", flat=True).first()
    if cheapest is None:
        return []
    return [
        Idea(
            "points_unused", _("Show members what their points buy"),
            _("Points for at least the cheapest reward (%(points)s), and nothing redeemed for %(days)d days: who redeems, comes to the shop.")
            % {"points": f"{cheapest:,}", "days": UNUSED_DAYS},
            {
                "match": "all",
                "conditions": [
                    {"type": "points_balance", "op": "at_least", "points": cheapest},
                    {"type": "reward", "op": "no", "reward": "", "days": UNUSED_DAYS},
                ],
            },
            words.POINTS_WAIT,
            data=(_("The cheapest reward costs %(points)s points.") % {"points": f"{cheapest:,}"},),
        )
    ]  # fmt: skip


def falling_categories(at) -> list[Idea]:
    """Categories that lost more than the whole shop did, surely: for who bought there before and does not any more."""
    found = fallen(at)
    shelves = Category.objects.in_bulk([int(one.key) for one in found])
    return [_falling(one, shelves[int(one.key)]) for one in found if int(one.key) in shelves][:FALLS_MOST]


def fallen(at, *, is_kept: bool = True) -> list[Trend]:
    """What fell and sells all the year: nobody is to be asked back to Halloween in November.

    Purchases of weeks are looked at, which in a large shop takes a minute: once a day is enough, and the beat does it at night. Where
    nothing is kept, as after a flush, or where it is not to be taken, it is looked at now.
    """
    place = f"campaigns:fallen:{at:%Y-%m-%d}"
    kept = cache.get(place) if is_kept and settings.REPORTS_ARE_KEPT else None
    if kept is None:
        found = [one for one in trends(at=at) if one.kind == CATEGORY and one.is_found and not one.is_rising]
        over = in_season([int(one.key) for one in found], at=at)
        kept = [one for one in found if int(one.key) not in over]
        if settings.REPORTS_ARE_KEPT:
            cache.set(place, kept, KEPT_S)
    return kept


def _falling(one, shelf) -> Idea:
    shown = {
        "category": shelf.name,
        "change": _percent(one.change),
        "low": _percent(one.low),
        "high": _percent(one.high),
    }
    bought = {"number": 1, "measure": "times", "category": shelf.pk, "product": "", "brand": "", "store": ""}
    return Idea(
        f"falling_{shelf.pk}", _("Bring back buyers of %(category)s") % shown,
        _("A category that sells all the year and fell more than the whole shop, surely (Holm's p below 0.05): for who bought there in the %(days)d days before and not in the last %(days)d.")
        % {"days": DAYS},
        _all(
            {"type": "bought", "op": "at_least", "days": 2 * DAYS, "until": DAYS, **bought},
            {"type": "bought_category", "op": "not_bought", "category": shelf.pk, "days": DAYS},
        ),
        words.REPLENISHMENT, {"buy_again": 3},
        data=(
            _("Sales of %(category)s: %(change)s beside the whole shop, 95 %% interval %(low)s to %(high)s.") % shown,
            _("%(members)s members who bought there in sixteen weeks; p %(p)s.")
            % {"members": f"{one.members:,}", "p": f"{one.p_value:.2g}"},
        ),
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{'−' if share < 0 else '+'}{abs(100 * share):.0f} %"
