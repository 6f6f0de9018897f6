"""One offer for each product type that may be offered."""

from django.db import transaction
from django.db.models import Count

from recommender import queries
from recommender.models import Offer
from sales.models import Category


@transaction.atomic
def make_offers(*, benefit: str = Offer.Benefit.MULTIPLY, amount: int = 300) -> int:
    """Make the missing offers and return how many; an offer that exists is left as staff set it.

    A shop that reviewed its names shows reviewed names only; one that never did shows the source's own. Of types that
    read the same to a member, in any language, only the one with most products gets an offer.
    """
    types = Category.objects.filter(level=3).exclude(pk__in=queries.excluded().values("pk"))
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
