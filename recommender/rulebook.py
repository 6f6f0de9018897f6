"""The business rules of the house, read from their tables into arrays for `assembling`."""

from datetime import datetime, timedelta

import numpy as np

from recommender import assembling, purchases, queries
from recommender.interactions import Interactions
from recommender.models import AssemblyRules, Dismissal, Exposure, Offer, OfferExclusion, OutOfStock

SENT = ("email", "push")  # channels that come to the member, unasked
AGE_RESTRICTED = (OfferExclusion.Reason.TOBACCO, OfferExclusion.Reason.ALCOHOL, OfferExclusion.Reason.LOTTERY)


def current() -> AssemblyRules:
    """The one row, or the defaults where nobody has set any."""
    return AssemblyRules.objects.first() or AssemblyRules()


def rules(slot: str, *, seen: Interactions, home_stores: np.ndarray, at: datetime) -> assembling.Rules:
    """What holds for lists of this slot as of `at`, over the members and types of `seen`."""
    house = current()
    pairs = {
        assembling.NOT_INTERESTED: assembling.keys_of(
            seen, Dismissal.objects.filter(member_id__in=_asked(seen)).values_list("member_id", "category_id")
        ),
        assembling.OUT_OF_STOCK: assembling.out_of_stock(
            seen, home_stores, set(OutOfStock.objects.values_list("store_id", "category_id"))
        ),
    }
    if house.recent_days:
        pairs[assembling.RECENTLY_BOUGHT] = assembling.recently_bought(seen, house.recent_days)
    if house.sent_days:
        sent = Exposure.objects.filter(channel__in=SENT, shown_at__gte=at - timedelta(days=house.sent_days))
        sent = sent.filter(shown_at__lt=at, member_id__in=_asked(seen)).values_list("member_id", "category_id")
        pairs[assembling.ALREADY_SENT] = assembling.keys_of(seen, sent)
    return assembling.Rules(
        never(slot, seen.item_ids, house), pairs, purchases.groups_of(seen.item_ids.tolist()), house.per_group_max
    )


def never(slot: str, item_ids: np.ndarray, house: AssemblyRules) -> np.ndarray:
    """For each type the rule that keeps it off every list of a slot; an empty text where none does."""
    found = np.full(len(item_ids), "", object)
    offered = dict(Offer.objects.filter(is_active=True).values_list("category_id", "margin_percent"))
    kinds = OfferExclusion.Kind
    excluded = {
        assembling.AGE: queries.excluded(slot, reasons=AGE_RESTRICTED),
        assembling.BRAND: queries.excluded(slot, kinds=[kinds.BRAND]),
        assembling.EXCLUDED: queries.excluded(slot),
    }
    taken = {name: set(nodes.values_list("pk", flat=True)) for name, nodes in excluded.items()}
    for at, pk in enumerate(item_ids.tolist()):
        why = next((name for name, types in taken.items() if pk in types), "")
        if not why and pk not in offered:
            why = assembling.NO_OFFER
        elif not why and offered[pk] < house.margin_percent_min:
            why = assembling.MARGIN
        found[at] = why
    return found


def _asked(seen: Interactions):
    """Whom the question is about: a few by their ids, everybody without a list of a million."""
    from members.models import Member

    if seen.shape[0] > 1000:
        return Member.objects.values("pk")
    return [int(pk) for pk in seen.member_ids]
