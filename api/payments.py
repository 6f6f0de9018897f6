"""Purchases paid with more than money: points, cashback, gift cards and rewards, priced here and not by the till."""

from typing import Annotated
from uuid import UUID

from ninja import Router, Schema
from pydantic import Field

from api import asking, schemas
from api.endpoints import _past
from loyalty import operations as loyalty
from loyalty.rules import NoRuleSet
from members import clock
from sales.lines import Line

router = Router(tags=["payments"])


class CardIn(schemas.Strict):
    code: asking.Code
    minor: schemas.Minor


class SpendIn(schemas.Strict):
    points: Annotated[int, Field(ge=0, le=10**12)] = 0
    hold: UUID | None = Field(None, description="Take the points out of this hold; what it held beyond them is let go.")
    cashback_minor: schemas.Minor = 0
    gift_cards: Annotated[list[CardIn], Field(max_length=5)] = []
    benefits: Annotated[list[UUID], Field(max_length=20)] = Field([], description="Entitlements to use.")


class QuoteIn(schemas.Strict):
    """Lines carry their prices before any benefit."""

    store: schemas.StoreCode
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["USD"])
    member: schemas.MemberIn | None = None
    lines: Annotated[list[schemas.LineIn], Field(min_length=1, max_length=1000)]
    spend: SpendIn = SpendIn()


class PaidPurchaseIn(QuoteIn):
    receipt: schemas.Key = Field(description="Your own key for this purchase.")
    purchased_at: schemas.Moment
    expected_minor: schemas.Minor | None = Field(
        None, description="What you ask for in money; refused when it is another sum."
    )


class PartOut(Schema):
    kind: str = Field(description="benefit, points, cashback or gift_card.")
    minor: int
    units: int
    line_minor: list[int]


class QuoteOut(Schema):
    to_pay_minor: int
    line_totals_minor: list[int] = Field(description="After benefits, before what else pays for them.")
    parts: list[PartOut]
    ships_free: bool


class PaidPurchaseOut(Schema):
    id: UUID
    receipt: str
    replay: bool
    to_pay_minor: int
    points: int = Field(description="Earned, by what was paid in money.")
    available: int | None
    parts: list[PartOut]


@router.post("/quotes", response={200: QuoteOut, **asking.ANSWERS}, summary="What a basket would cost")
def quote(request, said: QuoteIn):
    """Nothing is written or set aside."""
    caller = asking.spender(request)
    with asking.refusals("spend"):
        priced = loyalty.quote(**_basket(said, caller), at=clock.now())
    return 200, {
        "to_pay_minor": priced.to_pay_minor, "line_totals_minor": [line.total_minor for line in priced.lines],
        "parts": [_part(one) for one in priced.parts], "ships_free": priced.ships_free,
    }  # fmt: skip


@router.post(
    "/purchases/paid", response={201: PaidPurchaseOut, 200: PaidPurchaseOut, **asking.ANSWERS},
    summary="Record a purchase and take what pays for it",
)  # fmt: skip
def pay(request, said: PaidPurchaseIn):
    """All or nothing, once under its receipt's key."""
    caller = asking.spender(request)
    _past(said.purchased_at, "purchased_at")
    with asking.refusals("spend"):
        try:
            paid = loyalty.record_paid_purchase(
                source=caller.source, client_key=said.receipt, purchased_at=said.purchased_at,
                expected_minor=said.expected_minor, **_basket(said, caller),
            )  # fmt: skip
        except NoRuleSet as reason:
            raise asking.Refused(422, str(reason), field="purchased_at") from None
    recorded = paid.recorded
    return (200 if paid.is_replay else 201), {
        "id": recorded.public_id, "receipt": said.receipt, "replay": paid.is_replay, "to_pay_minor": paid.to_pay_minor,
        "points": recorded.points, "available": recorded.available, "parts": [_part(one) for one in paid.tenders],
    }  # fmt: skip


def _basket(said: QuoteIn, caller) -> dict:
    at, who = clock.now(), asking.actor(caller)
    cards = [
        loyalty.Card(loyalty.find_gift_card(code=card.code, actor=who, at=at)[0], card.minor)
        for card in said.spend.gift_cards
    ]
    return {
        "store_code": said.store,
        "currency": said.currency,
        "member_id": asking.member_id(said.member) if said.member else None,
        "lines": [
            Line(line.product, line.quantity, line.total_minor, line.unit, None, line.name, line.category)
            for line in said.lines
        ],
        "spend": loyalty.Spend(
            said.spend.points, said.spend.cashback_minor, tuple(cards), tuple(said.spend.benefits), said.spend.hold
        ),
    }


def _part(one) -> dict:
    return {"kind": one.kind, "minor": one.minor, "units": one.units, "line_minor": one.line_minor}
