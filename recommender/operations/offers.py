"""One offer for each product type that may be offered."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Count

from loyalty import operations as loyalty
from recommender import shelf
from recommender.models import Offer
from sales.models import Category


@transaction.atomic
def give_offers(
    *, given: Iterable[tuple[int, int]], cause: str, valid_from: datetime, valid_until: datetime, reminders=frozenset()
) -> int:
    """Turn an assignment into entitlements: pairs of (member, product type); how many are new. Repeatable for a cause.

    Pairs among `reminders` are what a member buys anyway: they are told, not given a benefit. A type without an active offer,
    or that is never offered, gives nothing.
    """
    pairs = [pair for pair in given if pair not in reminders]
    offerable = set(shelf.read().offerable(""))
    wanted = {category_id for _, category_id in pairs} & offerable
    offers = {offer.category_id: offer for offer in Offer.objects.filter(category_id__in=wanted, is_active=True)}
    return loyalty.entitle(
        loyalty.EntitlementIn(
            member_id=member_id, category_id=category_id, benefit=offers[category_id].benefit,
            amount=offers[category_id].amount, valid_from=valid_from, valid_until=valid_until,
            cause=f"{cause}:{category_id}", product_id=offers[category_id].product_id,
        )
        for member_id, category_id in pairs
        if category_id in offers
    )  # fmt: skip


@transaction.atomic
def make_offers(*, benefit: str = Offer.Benefit.MULTIPLY, amount: int = 300) -> int:
    """Make the missing offers and return how many; an offer that exists is left as staff set it.

    A shop that reviewed its names shows reviewed names only; one that never did shows the source's own. Of types that
    read the same to a member, in any language, only the one with most products gets an offer.
    """
    types = Category.objects.filter(level=3).exclude(pk__in=shelf.read().excluded())
    if types.exclude(name_en="").exists():
        types = types.exclude(name_en="")
    # offers that exist come first: a later label that reads the same gets none
    types = types.annotate(width=Count("products"), offered=Count("offer")).order_by("-offered", "-width", "pk")
    seen, wanted = set(), []
    for category in types:
        names = {name.casefold() for name in (category.name_en or category.raw_name, category.name_zh) if name}
        if not names & seen:
            wanted.append(category.pk)
        seen |= names
    have = set(Offer.objects.values_list("category_id", flat=True))
    made = [Offer(category_id=pk, benefit=benefit, amount=amount) for pk in wanted if pk not in have]
    Offer.objects.bulk_create(made, batch_size=2000)
    return len(made)
