"""The business rules of the house, read from their tables into arrays for `assembling`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from recommender import assembling, purchases
from recommender.interactions import Interactions
from recommender.models import AssemblyRules, Dismissal, Exposure, OfferExclusion, OutOfStock
from recommender.shelf import Shelf

SENT = ("email", "push")  # channels that come to the member, unasked
AGE_RESTRICTED = (OfferExclusion.Reason.TOBACCO, OfferExclusion.Reason.ALCOHOL, OfferExclusion.Reason.LOTTERY)


def current() -> AssemblyRules:
    """The one row, or the defaults where nobody has set any."""
    return AssemblyRules.objects.first() or AssemblyRules()


def rules(
    slots: Iterable[str], *, on: Shelf, seen: Interactions, home_stores: np.ndarray, at: datetime
) -> dict[str, assembling.Rules]:
    """What holds for lists of each slot as of `at`, over the members and types of `seen` and what is `on` the shelf."""
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
    groups = purchases.groups_of(seen.item_ids.tolist())
    return {
        slot: assembling.Rules(never(slot, on, seen.item_ids, house), pairs, groups, house.per_group_max)
        for slot in slots
    }


def never(slot: str, on: Shelf, item_ids: np.ndarray, house: AssemblyRules) -> np.ndarray:
    """For each type the rule that keeps it off every list of a slot; an empty text where none does. The first rule that does is told."""
    found = np.full(len(item_ids), "", object)
    rules = (
        (assembling.AGE, on.excluded(slot, reasons=AGE_RESTRICTED)),
        (assembling.BRAND, on.excluded(slot, kinds=[OfferExclusion.Kind.BRAND])),
        (assembling.EXCLUDED, on.excluded(slot)),
        (assembling.NO_OFFER, set(item_ids.tolist()) - on.margins.keys()),
        (assembling.MARGIN, {pk for pk, margin in on.margins.items() if margin < house.margin_percent_min}),
    )
    for name, types in reversed(rules):
        found[np.isin(item_ids, list(types))] = name
    return found


def _asked(seen: Interactions):
    """Whom the question is about: a few by their ids, everybody without a list of a million."""
    from members.models import Member

    if seen.shape[0] > 1000:
        return Member.objects.values("pk")
    return [int(pk) for pk in seen.member_ids]
