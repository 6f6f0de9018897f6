"""Questions about recommendations, offers and decisions."""

import json
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.templatetags.static import static
from django.utils.translation import override

from recommender import reasons, shelf, stored
from recommender.models import (
    Decision,
    OfferPosterior,
    RankerVersion,
    Slot,
    benefit_words,
)
from recommender.stored import Recommended
from sales.models import Category

MESSAGE_SLOTS = (Slot.BUY_AGAIN.value, Slot.NEW_FOR_YOU.value)  # what a message always has a list of, be it empty


def recommendations(member_id: int, slot: str, *, limit: int = 10) -> list[Recommended]:
    """What this member is likely to want in one slot, best first. Exclusions and dismissals are obeyed as of now."""
    on = shelf.read()
    silent = on.excluded()
    return [row.told(silent) for row in stored.listed(member_id, slot, on)[:limit]]


def in_words(rows) -> list[Recommended]:
    """Decisions (with their categories) as they are told to the reader."""
    names = _names(reasons.mentioned(rows))
    return [_in_words(row, benefit_words(row.benefit, row.amount), row.position, names) for row in rows]


def decisions(cause: str):
    """Decisions of one cause, as a QuerySet."""
    return Decision.objects.filter(cause=cause)


def offer_values(cause: str, member_ids, language: str) -> dict[int, dict[str, list[dict]]]:
    """What the offer blocks of a message show each member: slot → offers in order, as plain dicts, in one language.

    Every asked member is a key, every slot a list, empty when nothing was decided. Equal offers are one dict that all of
    their members share: who wants to change one, copies it.
    """
    values: dict[int, dict[str, list[dict]]] = {
        member_id: {slot: [] for slot in MESSAGE_SLOTS} for member_id in member_ids
    }
    with connection.cursor() as cursor:
        cursor.execute(_OFFERS_OF_MEMBERS, {"cause": cause, "members": list(values)})
        rows = cursor.fetchall()
    decided = [(member_id, slot, offers.split(_NEXT)) for member_id, slot, offers in rows]
    told = _tell_offers({offer for *_whose, offers in decided for offer in offers}, language)
    for member_id, slot, offers in decided:
        values[member_id][slot] = [told[offer] for offer in offers]
    return values


# A row for each member and slot, its offers in order as one text, so that equal ones are read and put into words once. What
# stands between them and between their parts is in none of these: they are numbers, codes and JSON, which escapes it.
_PART, _NEXT = "\x1f", "\x1e"
_OFFERS_OF_MEMBERS = """
SELECT member_id, slot,
       string_agg(concat_ws(E'\\x1f', category_id, benefit, amount, reason_code, reason_params), E'\\x1e' ORDER BY position)
  FROM recommender_decision
 WHERE cause = %(cause)s AND member_id = ANY(%(members)s)
 GROUP BY member_id, slot
"""


class _Told(NamedTuple):
    """One offer as it was decided, whoever it was decided for."""

    category_id: int
    category: Category
    benefit: str
    amount: int
    reason_code: str
    reason_params: dict


def _tell_offers(offers: set[str], language: str) -> dict[str, dict]:
    """Each different offer in words: thousands of members share a few hundred."""
    facts = {offer: _facts(offer) for offer in offers}
    categories = Category.objects.in_bulk({category_id for category_id, *_ in facts.values()})
    rows = {
        offer: _Told(category_id, categories[category_id], *what) for offer, (category_id, *what) in facts.items()
    }  # plain tuples: an object of the model for each would cost more than the words
    told = {}
    with override(language):
        names = _names(reasons.mentioned(rows.values()))
        for offer, row in rows.items():
            shown = _in_words(row, benefit_words(row.benefit, row.amount), 0, names)
            told[offer] = {
                "category_id": shown.category_id, "name": shown.name, "reason": shown.reason, "benefit": shown.benefit,
                "icon": shown.icon, "icon_url": icon_url(shown.icon),
            }  # fmt: skip
    return told


def _facts(offer: str) -> tuple:
    category_id, benefit, amount, reason_code, reason_params = offer.split(_PART)
    return int(category_id), benefit, int(amount), reason_code, json.loads(reason_params)


def icon_url(icon: str) -> str:
    """The absolute address of a category icon as PNG, for e-mail."""
    return f"{settings.SITE_URL}{_icon_path(icon, settings.STATIC_URL)}"


@lru_cache(maxsize=512)
def _icon_path(icon: str, _static_url: str) -> str:
    """A file's address changes only with a release. The prefix is asked for because tests move it."""
    return static(f"recommender/icons/{icon}.png")


def live(slot: str) -> RankerVersion | None:
    return RankerVersion.objects.filter(slot=slot, status=RankerVersion.Status.LIVE).first()


def weights() -> dict[str, dict[int, float]]:
    """What was learned: slot → group (category of level 2) → weight. A group that is not here weighs 1."""
    found = defaultdict(dict)
    for slot, group_id, weight in OfferPosterior.objects.values_list("slot", "group_id", "weight"):
        found[slot][group_id] = weight
    return dict(found)


def _names(ids) -> dict[int, str]:
    """Names of the types that reasons mention; what has been excluded since is mentioned no more."""
    if not ids:
        return {}
    return {
        category.pk: category.name
        for category in Category.objects.filter(pk__in=ids).exclude(pk__in=shelf.read().excluded())
    }


def _in_words(row, benefit: str, place: int, names: dict[int, str]) -> Recommended:
    return Recommended(
        category_id=row.category_id,
        name=row.category.name,
        reason=reasons.words(row.reason_code, row.reason_params, names),
        icon=row.category.icon or "other",
        benefit=benefit,
        rank=place,
    )
