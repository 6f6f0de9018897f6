"""Gift cards: sold under the caller's own key, looked up by their code."""

from datetime import date
from uuid import UUID

from ninja import Router, Schema
from pydantic import Field

from api import asking, schemas
from loyalty import operations as loyalty
from members import clock

router = Router(tags=["gift cards"])


class GiftCardIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    minor: schemas.Minor = Field(description="What it is worth, in minor units.")
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["USD"])
    valid_until: date
    member: schemas.MemberIn | None = Field(None, description="Whose app shows it.")


class LookupIn(schemas.Strict):
    code: asking.Code


class GiftCardOut(Schema):
    id: UUID
    left_minor: int
    currency: str
    valid_until: date
    last_four: str


class SoldOut(GiftCardOut):
    code: str
    replay: bool


@router.post("/gift-cards", response={201: SoldOut, 200: SoldOut, **asking.ANSWERS}, summary="Sell a gift card")
def sell(request, said: GiftCardIn):
    """The card's code is its money: hand it to the buyer and keep no copy."""
    caller = asking.spender(request)
    with asking.refusals("minor"):
        done = loyalty.issue_gift_card(
            minor=said.minor, currency=said.currency, valid_until=said.valid_until, source=caller.source,
            client_key=said.key, at=clock.now(), member_id=asking.member_id(said.member) if said.member else None,
        )  # fmt: skip
    left = done.card.wallet.available
    return (200 if done.is_replay else 201), _told(done.card, left) | {"code": done.code, "replay": done.is_replay}


@router.post("/gift-cards/lookup", response={200: GiftCardOut, **asking.ANSWERS}, summary="What is on a gift card")
def lookup(request, said: LookupIn):
    """By its code. Wrong codes are counted."""
    caller = asking.spender(request)
    with asking.refusals("code"):
        card, left = loyalty.find_gift_card(code=said.code, actor=asking.actor(caller), at=clock.now())
    return 200, _told(card, left)


def _told(card, left: int) -> dict:
    return {
        "id": card.public_id, "left_minor": left, "currency": card.currency, "valid_until": card.valid_until,
        "last_four": card.last_four,
    }  # fmt: skip
