"""The featured members as the home page shows them today: told from the ledger, not from the day they were chosen."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import loyalty.queries
from members.queries import by_public_id


@dataclass(frozen=True)
class Person:
    public_id: str
    name: str
    line: str
    why: str
    badge: str
    desk: str


def people(featured: dict, *, at) -> list[Person]:
    """Who is worth meeting, in the order of their names below; whoever is no longer there is left out."""
    tellers = {"near_tier": _near_tier, "lapsing": _lapsing, "new": _new}
    found = [(why, by_public_id(featured[why]["public_id"])) for why in tellers if why in featured]
    return [tellers[why](member, at) for why, member in found if member is not None]


def desk_address(public_id) -> str:
    try:
        return reverse("desk:member", args=[public_id])
    except NoReverseMatch:
        return ""


def _person(member, line, why, badge) -> Person:
    return Person(str(member.public_id), member.name, line, why, badge, desk_address(member.public_id))


def _near_tier(member, at) -> Person:
    way = loyalty.queries.tier_progress(member.pk, at=at)
    if way.next_tier is None:
        return _person(member, _("On the highest tier"), _("Regular"), "good")
    words = {"missing": way.missing, "tier": way.next_tier.name}
    line = ngettext("%(missing)s point from %(tier)s", "%(missing)s points from %(tier)s", way.missing) % words
    return _person(member, line, _("Near the next tier"), "warn")


def _lapsing(member, at) -> Person:
    wallet = loyalty.queries.wallet_of(member.pk)
    if wallet is None or wallet.last_purchase_at is None:
        return _person(member, _("No purchase yet"), _("Lapsing"), "bad")
    days = max((at - wallet.last_purchase_at).days, 0)
    words = {"days": days, "points": loyalty.queries.balance(member.pk, at=at).available}
    line = ngettext(
        "Last seen %(days)s day ago, with %(points)s points",
        "Last seen %(days)s days ago, with %(points)s points",
        days,
    )
    return _person(member, line % words, _("Lapsing"), "bad")


def _new(member, at) -> Person:
    return _person(
        member, _("Joined on %(day)s") % {"day": date_format(member.joined_at, "DATE_FORMAT")}, _("New"), "good"
    )
