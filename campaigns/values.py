"""What a message says to one member, apart from their name: points, tier, what expires, and their offers.

Built for many members at once at planning, and for one in a preview, by the same function. Names and addresses are not
here: delivery adds them at the moment of sending.
"""

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.utils.translation import override

from campaigns import enclosing
from campaigns.conditions import POINTS
from emails.enclosures import Needs
from loyalty import tiers
from loyalty.models import Tier
from members.models import Member
from recommender import queries as recommended

EXPIRING_DAYS = 60
OFFERS_URL = "/portal/offers/"


class Standing(NamedTuple):
    """One member's points and tier at one moment, as a message tells them."""

    points: int = 0
    tier_id: int | None = None
    qualifying: int = 0
    expiring_points: int = 0
    expiring_on: str = ""


def for_members(member_ids: list[int], *, cause: str, language: str, at, needs: Needs | None = None) -> dict[int, dict]:
    """Field → value for each member, in one language; every member asked is a key. A few queries, however many.

    `needs`: what the words ask for beyond the member's standing and offers; see campaigns.enclosing.
    """
    standings = _standings(member_ids, at)
    ladder = list(Tier.objects.order_by("rank"))
    offers = recommended.offer_values(cause, member_ids, language) if cause else {}
    shown, nothing = _Shown(_offers_url()), Standing()
    with override(language):
        steps = _Steps(ladder)
        brought = enclosing.values(member_ids, needs=needs, cause=cause, at=at) if needs else {}
        told = {}
        for member_id in member_ids:
            told[member_id] = values = _told(standings.get(member_id, nothing), steps)
            values |= shown.slots(offers.get(member_id, {}))
            if brought:
                values |= brought[member_id]
        return told


def for_preview(member: Member, *, at, language: str = "", needs: Needs | None = None) -> dict:
    """The same values for one member, with what would be recommended today as offers, since none are decided yet."""
    language = language or member.language
    told = for_members([member.pk], cause="", language=language, at=at)[member.pk]
    with override(language):
        for slot, n in (("buy_again", 3), ("new_for_you", 2)):
            told[slot] = [
                {
                    "category_id": one.category_id, "name": one.name, "reason": one.reason, "benefit": one.benefit,
                    "icon": one.icon, "icon_url": recommended.icon_url(one.icon), "url": _offers_url(),
                }
                for one in recommended.recommendations(member.pk, slot, limit=n)
            ]  # fmt: skip
    return told | (enclosing.for_preview(member.pk, needs=needs, at=at) if needs else {})


def _offers_url():
    return f"{settings.SITE_URL}{OFFERS_URL}"


class _Shown:
    """Offers as a message carries them: with their address, without what no template names. Members share equal ones."""

    def __init__(self, url: str):
        self._url = url
        self._of: dict[int, dict] = {}  # by the identity of the offer as it was told

    def slots(self, slots: dict[str, list[dict]]) -> dict[str, list[dict]]:
        return {
            slot: [self._of.get(id(offer)) or self._made(offer) for offer in offers] for slot, offers in slots.items()
        }

    def _made(self, offer: dict) -> dict:
        made = {name: words for name, words in offer.items() if name not in ("category_id", "icon")} | {
            "url": self._url
        }
        self._of[id(offer)] = made
        return made


class _Steps:
    """The ladder in the reader's language, each step with its name and the step above it."""

    def __init__(self, ladder: list[Tier]):
        above = [*ladder[1:], None]
        self._of = {
            tier.pk: (tier, tier.name, upper, upper.name if upper else "")
            for tier, upper in zip(ladder, above, strict=True)
        }
        self._first = self._of[ladder[0].pk] if ladder else (None, "", None, "")

    def of(self, tier_id: int | None) -> tuple[Tier | None, str, Tier | None, str]:
        """A member without a tier stands on the ladder's first step."""
        return self._of.get(tier_id, self._first)


def _told(standing: Standing, steps: _Steps) -> dict:
    reached, name, above, name_above = steps.of(standing.tier_id)
    told = {
        "points": standing.points,
        "tier": name,
        "next_tier": name_above,
        "expiring_points": standing.expiring_points,
        "expiring_on": standing.expiring_on,
    }
    if above:
        span = max(1, above.points_from - reached.points_from)
        gained = standing.qualifying - reached.points_from
        told["points_to_next_tier"] = max(0, above.points_from - standing.qualifying)
        told["tier_progress"] = max(0, min(100, gained * 100 // span))
    return told


# By hand: asked for two thousand members at a time, whose ids the ORM would look at one by one.
_STANDINGS = """
SELECT w.member_id, w.available, w.tier_id, w.qualifying_micropoints, w.qualifying_month, lots.first_day, lots.points
  FROM loyalty_wallet w
  JOIN loyalty_currency c ON c.id = w.currency_id AND c.code = %(points)s
 CROSS JOIN LATERAL (
   SELECT min(lot.day) AS first_day, coalesce(sum(lot.points), 0)::bigint AS points
     FROM unnest(w.lot_expires_on, w.lot_points) AS lot (day, points) WHERE lot.day BETWEEN %(today)s AND %(until)s
 ) AS lots
 WHERE w.member_id = ANY(%(members)s::bigint[])
"""


def _standings(member_ids, at) -> dict[int, Standing]:
    today = at.date()
    asked = {
        "points": POINTS, "today": today, "until": today + timedelta(days=EXPIRING_DAYS),
        "members": f"{{{','.join(map(str, member_ids))}}}",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS, asked)
        return {member_id: _standing(facts, today) for member_id, *facts in cursor.fetchall()}


def _standing(facts, today) -> Standing:
    available, tier_id, micropoints, newest_month, first_day, expiring = facts
    return Standing(
        points=available,
        tier_id=tier_id,
        qualifying=sum(tiers.moved(micropoints, newest_month, today=today)) // tiers.MICRO,
        expiring_points=expiring,
        expiring_on=first_day.isoformat() if first_day else "",
    )
