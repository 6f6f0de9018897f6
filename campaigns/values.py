"""What a message says to one member, apart from their name: points, tier, what expires, and their offers.

Built for many members at once at planning, and for one in a preview, by the same function. Names and addresses are not
here: delivery adds them at the moment of sending.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.translation import override

from campaigns.conditions import POINTS, points_expiring
from loyalty import tiers
from loyalty.models import Tier, Wallet
from members.models import Member
from recommender import queries as recommended

EXPIRING_DAYS = 60
OFFERS_URL = "/portal/offers/"


@dataclass(frozen=True)
class Standing:
    """One member's points and tier at one moment, as a message tells them."""

    points: int = 0
    tier_id: int | None = None
    qualifying: int = 0
    expiring_points: int = 0
    expiring_on: str = ""


def for_members(member_ids: list[int], *, cause: str, language: str, at) -> dict[int, dict]:
    """Field → value for each member, in one language; every member asked is a key. A few queries, however many."""
    standings = _standings(member_ids, at)
    ladder = list(Tier.objects.order_by("points_from"))
    offers = recommended.offer_values(cause, member_ids, language) if cause else {}
    with override(language):
        return {
            member_id: _told(standings.get(member_id, Standing()), ladder) | _with_addresses(offers.get(member_id, {}))
            for member_id in member_ids
        }


def for_preview(member: Member, *, at, language: str = "") -> dict:
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
    return told


def _offers_url():
    return f"{settings.SITE_URL}{OFFERS_URL}"


def _with_addresses(slots) -> dict:
    return {slot: [offer | {"url": _offers_url()} for offer in offers] for slot, offers in slots.items()}


def _told(standing: Standing, ladder) -> dict:
    """A member without a tier stands on the ladder's first step."""
    reached = next((tier for tier in ladder if tier.pk == standing.tier_id), ladder[0] if ladder else None)
    above = next((tier for tier in ladder if reached and tier.points_from > reached.points_from), None)
    told = {
        "points": standing.points,
        "tier": reached.name if reached else "",
        "next_tier": above.name if above else "",
        "expiring_points": standing.expiring_points,
        "expiring_on": standing.expiring_on,
    }
    if above:
        span = above.points_from - reached.points_from
        gained = standing.qualifying - reached.points_from
        told["points_to_next_tier"] = max(0, above.points_from - standing.qualifying)
        told["tier_progress"] = max(0, min(100, gained * 100 // span))
    return told


def _standings(member_ids, at) -> dict[int, Standing]:
    today = at.date()
    rows = Wallet.objects.filter(member__in=member_ids, currency__code=POINTS).annotate(
        expiring=points_expiring(today, today + timedelta(days=EXPIRING_DAYS))
    )
    return {wallet.member_id: _standing(wallet, today) for wallet in rows}


def _standing(wallet, today) -> Standing:
    ahead = [day for day in wallet.lot_expires_on if day >= today]
    is_soon = bool(ahead) and ahead[0] <= today + timedelta(days=EXPIRING_DAYS)
    return Standing(
        points=wallet.available,
        tier_id=wallet.tier_id,
        qualifying=_qualifying(wallet, today),
        expiring_points=int(wallet.expiring) if is_soon else 0,
        expiring_on=ahead[0].isoformat() if is_soon else "",
    )


def _qualifying(wallet, today) -> int:
    return sum(tiers.moved(wallet.qualifying_micropoints, wallet.qualifying_month, today=today)) // tiers.MICRO
