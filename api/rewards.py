"""The catalogue of rewards, what members were handed out, and codes they bring."""

from datetime import datetime
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field

from api import asking, schemas
from loyalty import operations as loyalty
from loyalty import rewards as catalogue
from loyalty.models import Redemption, Reward
from members import clock

router = Router(tags=["rewards"])


class RewardOut(Schema):
    id: UUID
    name: str
    words: str
    kind: str
    gives: str = Field(description="What it gives, in words.")
    points: int
    money_minor: int
    currency: str
    stock_left: int | None
    affordable: bool | None = Field(description="Whether the member may have it now; null without a member.")
    why_not: str = Field(description="too_few, other_tier, had_enough, sold_out; empty when they may.")


class RedemptionIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    reward: UUID
    member: schemas.MemberIn
    store: schemas.StoreCode | None = None


class RedemptionOut(Schema):
    id: UUID
    reward: UUID
    state: str
    points: int
    money_minor: int = Field(description="What the member pays for it besides.")
    code: str = Field(description="What the member shows or types; empty for rewards that work by themselves.")
    entitlement: UUID | None = Field(description="Name it among the benefits of a purchase to use it.")
    valid_until: datetime | None
    available: int | None
    replay: bool


class ReversalIn(schemas.Strict):
    key: schemas.Key = asking.KEY


class ClaimIn(schemas.Strict):
    code: asking.Code
    member: schemas.MemberIn


class EntitlementOut(Schema):
    id: UUID
    benefit: str
    amount: int
    currency: str
    valid_until: datetime


@router.get("/rewards", response={200: list[RewardOut], **asking.ANSWERS}, summary="Rewards on offer")
def rewards(request, member: UUID | None = None, store: str | None = None):
    """Those on offer now, by points; with a member, whether they may have each."""
    asking.spender(request)
    of = asking.member_id(schemas.MemberIn(public_id=member)) if member else None
    with asking.refusals("store"):
        return 200, [_reward(one) for one in catalogue.on_offer(member_id=of, store_code=store, at=clock.now())]


@router.post(
    "/redemptions", response={201: RedemptionOut, 200: RedemptionOut, **asking.ANSWERS}, summary="Hand out a reward"
)
def redeem(request, said: RedemptionIn):
    """Takes the points, one piece of the stock, and gives what the reward gives, all or nothing."""
    caller = asking.spender(request)
    reward = Reward.objects.filter(public_id=said.reward).first()
    if reward is None:
        raise Http404
    with asking.refusals("reward"):
        done = loyalty.redeem_reward(
            member_id=asking.member_id(said.member), reward_id=reward.pk, source=caller.source, client_key=said.key,
            at=clock.now(), store_code=said.store,
        )  # fmt: skip
    return (200 if done.is_replay else 201), _redemption(done.redemption, done.code, done.available, done.is_replay)


@router.post(
    "/redemptions/{uuid:public_id}/reversal",
    response={200: RedemptionOut, **asking.ANSWERS},
    summary="Take a reward back",
)
def reverse(request, public_id: UUID, said: ReversalIn):
    """Only while it is unused. Points return to their lots."""
    caller = asking.spender(request)
    asking.found_or_404(Redemption, public_id, source_id=caller.source_id)
    with asking.refusals("id"):
        done = loyalty.reverse_redemption(
            redemption_id=public_id, source=caller.source, client_key=said.key, at=clock.now()
        )
    return 200, _redemption(done.redemption, "", done.available, done.is_replay)


@router.post("/vouchers/claim", response={200: EntitlementOut, **asking.ANSWERS}, summary="Claim a voucher code")
def claim(request, said: ClaimIn):
    """The code becomes the member's; claimed by them before, the same answer until it is used. Wrong codes are counted."""
    caller = asking.spender(request)
    with asking.refusals("code"):
        given = loyalty.claim_voucher(
            code=said.code, member_id=asking.member_id(said.member), actor=asking.actor(caller), at=clock.now()
        )
    return 200, {
        "id": given.public_id, "benefit": given.benefit, "amount": given.amount, "currency": given.currency,
        "valid_until": given.valid_until,
    }  # fmt: skip


def _reward(offered: catalogue.Offered) -> dict:
    one = offered.reward
    return {
        "id": one.public_id, "name": one.name, "words": one.words, "kind": one.kind, "gives": offered.gives,
        "points": one.points, "money_minor": one.money_minor, "currency": one.currency, "stock_left": one.stock_left,
        "affordable": offered.is_affordable, "why_not": offered.why_not,
    }  # fmt: skip


def _redemption(one: Redemption, code: str, available: int, is_replay: bool) -> dict:
    return {
        "id": one.public_id, "reward": one.reward.public_id, "state": one.state, "points": one.points,
        "money_minor": one.money_minor, "code": code,
        "entitlement": one.entitlement.public_id if one.entitlement else None,
        "valid_until": one.entitlement.valid_until if one.entitlement else None, "available": available, "replay": is_replay,
    }  # fmt: skip
