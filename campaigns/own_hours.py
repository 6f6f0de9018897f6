"""Each member's own hour: their clicks and purchases of the last months, asked for many members at once."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from django.conf import settings

from campaigns import hours, timing
from delivery.queries import clicks_of
from sales.queries import purchase_moments

LOOKED_BACK = timedelta(days=180)
USUAL_FROM = timedelta(days=30)


def for_members(zones: dict[int, str], *, at: datetime, usual: list[float]) -> dict[int, int]:
    """Hour 0 … 23 of the member's own clock for every member of `zones` (id → name of a time zone). Two queries."""
    since = at - LOOKED_BACK
    clicks = _by_hour(clicks_of(zones, since=since), zones)
    purchases = _by_hour(purchase_moments(zones, since=since), zones)
    nothing: Counter[int] = Counter()
    found = {
        member: hours.best(hours.acts(clicks.get(member, nothing), purchases.get(member, nothing)), usual)
        for member in clicks.keys() | purchases.keys()
    }
    of_the_others = hours.best(nothing, usual)
    return {member: found.get(member, of_the_others) for member in zones}


def usual(*, at: datetime) -> list[float]:
    """When everybody was about lately, hour by hour of the shop's day; what a member without acts is judged by."""
    shop = timing.zone("", otherwise=settings.TIME_ZONE)
    clicks = Counter(moment.astimezone(shop).hour for _one, moment in clicks_of(None, since=at - USUAL_FROM))
    bought = Counter(moment.astimezone(shop).hour for _one, moment in purchase_moments(None, since=at - USUAL_FROM))
    return hours.usual(hours.acts(clicks, bought))


def _by_hour(rows, zones: dict[int, str]) -> dict[int, Counter[int]]:
    found: dict[int, Counter[int]] = defaultdict(Counter)
    for member, moment in rows:
        where = timing.zone(zones[member], otherwise=settings.TIME_ZONE)
        found[member][moment.astimezone(where).hour] += 1
    return found
