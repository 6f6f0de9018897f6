"""What is foretold of a member, over the wire: every score with its doubt, its reason and how fresh it is, and what was said before."""

from datetime import date, datetime
from uuid import UUID

from django.http import Http404
from django.utils.translation import override
from ninja import Router, Schema
from pydantic import Field

import members.queries
from api import asking
from api.models import ApiClient
from insights import queries, telling_scores
from insights.models import ScoreKind
from members.models import Member

router = Router(tags=["profiles"])


class EarlierOut(Schema):
    value: float
    as_of: datetime


class ScoreOut(Schema):
    kind: str = Field(description=f"One of {', '.join(ScoreKind.values)}.")
    value: float = Field(
        description="A probability or rank from 0 to 1; minor units of `currency` (value); a number (purchases); days from `as_of` "
        "(next_purchase, replenishment); recency, frequency and money as fifths, 111 to 555 (rfm)."
    )
    low: float | None = Field(description="Lower end of the 95 % interval, where there is one.")
    high: float | None
    on: date | None = Field(description="The day that is foretold.")
    product_type: int | None = Field(description="Of a replenishment: the number of the product type.")
    horizon_days: int = Field(description="How far ahead it speaks; 0: of now.")
    currency: str
    reason: str = Field(description="Why, in the member's language; empty where there is nothing to say.")
    as_of: datetime = Field(description="Purchases before this moment were seen.")
    model: str
    earlier: list[EarlierOut] = Field(description="What runs before said, the latest first.")


class ScoresOut(Schema):
    scores: list[ScoreOut]


@router.get(
    "/members/{uuid:public_id}/scores", response={200: ScoresOut, **asking.ANSWERS}, summary="What is foretold, and why"
)
def scores(request, public_id: UUID):
    """Empty for who bought too little yet, or said no to personal recommendations. Counted anew every night."""
    asking.allowed(request, ApiClient.Scope.PROFILE)
    member = members.queries.by_public_id(public_id)
    if member is None or member.status != Member.Status.ACTIVE:
        raise Http404
    before = queries.earlier(member.pk)
    with override(member.language):
        return 200, {"scores": [_told(one, before) for one in queries.profile(member.pk) if not one.run.subject]}


def _told(one, before) -> dict:
    run = one.run
    earlier = [] if one.category_id else before.get(run.kind, [])
    return {
        "kind": run.kind, "value": one.value, "low": one.low, "high": one.high, "on": one.on, "product_type": one.category_id,
        "horizon_days": run.horizon_days, "currency": run.currency, "as_of": run.at, "model": run.model,
        "reason": telling_scores.words(one.reason_code, one.reason_params),
        "earlier": [{"value": said.value, "as_of": said.run.at} for said in earlier],
    }  # fmt: skip
