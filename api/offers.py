"""What a member is offered now, over the wire: each with its reason, and noted as shown."""

from typing import Annotated
from uuid import UUID

from django.http import Http404
from django.utils.translation import override
from ninja import Query, Router, Schema
from pydantic import Field

import members.queries
from api import asking
from api.models import ApiClient
from members import clock
from members.models import Member
from recommender import operations

router = Router(tags=["offers"])
SLOTS = ("buy_again", "new_for_you", "new_products")


class OfferOut(Schema):
    product_type: int = Field(description="The number of the product type.")
    name: str
    reason: str = Field(description="Why, in the member's language.")
    benefit: str = Field(description="What it gives, in the member's language; empty for a plain suggestion.")
    position: int


class OffersOut(Schema):
    buy_again: list[OfferOut] = Field(description="What the member buys already and is likely to want next.")
    new_for_you: list[OfferOut] = Field(description="What the member never bought.")
    new_products: list[OfferOut] = Field(description="What is new in store.")


@router.get(
    "/members/{uuid:public_id}/offers", response={200: OffersOut, **asking.ANSWERS}, summary="Offers with their reasons"
)
def offers(request, public_id: UUID, limit: Annotated[int, Query(ge=1, le=10)] = 5):
    """Asked again on the same day, the same offers come. Each is written down as shown: ask when you show them."""
    asking.allowed(request, ApiClient.Scope.MEMBERS)
    member = members.queries.by_public_id(public_id)
    if member is None or member.status != Member.Status.ACTIVE:
        raise Http404
    with override(member.language):
        shown = operations.show(member_id=member.pk, slots=dict.fromkeys(SLOTS, limit), channel="api", at=clock.now())
    return 200, {
        slot: [
            {
                "product_type": one.category_id,
                "name": one.name,
                "reason": one.reason,
                "benefit": one.benefit,
                "position": place,
            }
            for place, one in enumerate(found, start=1)
        ]
        for slot, found in shown.items()
    }
