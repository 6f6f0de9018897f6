"""What members do beside purchases, what they collect by it, and whom they refer."""

from datetime import date
from typing import Annotated
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import schemas
from api.endpoints import REFUSALS, _allowed, _member, _past
from api.models import ApiClient
from api.problems import Refused
from loyalty import collecting, fraud
from loyalty import operations as loyalty
from loyalty.rules import NoRuleSet
from members import clock
from members import queries as members
from members.models import Member
from sales import queries as sales

EventName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
router = Router()


class EventIn(schemas.Strict):
    key: schemas.Key = Field(description="Your own key for this event, made and stored before the first try.")
    event: EventName = Field(examples=["sign_up", "profile_complete", "survey", "review", "check_in"])
    at: schemas.Moment
    member: schemas.MemberIn
    subject: Annotated[str, StringConstraints(max_length=120, pattern=schemas.PLAIN)] = Field(
        "", description="What it was about, in your words: the product reviewed, the store checked in at."
    )


class BonusOut(Schema):
    code: str = Field(description="Of the rule that gave it.")
    currency: str
    amount: int
    words: str = Field(description="What was given and why, in the language of the request.")


class EventOut(Schema):
    key: str
    replay: bool
    points: int
    available: int
    bonuses: list[BonusOut] = Field(description="What rules gave for it, in any currency; empty when none asks for it.")


class PurchaseEventIn(schemas.Strict):
    event: EventName = Field(examples=["delivered"])
    at: schemas.Moment


class MaturedOut(Schema):
    points: int = Field(description="Points that can be spent now because of it; 0 when they could before.")


class GoalOut(Schema):
    code: str
    kind: str
    name: str
    asked: str = Field(description="What it asks for, in the language of the request.")
    gives: str
    done: int = Field(description="Minor units of money where `is_money`, else a count.")
    target: int
    times: int = Field(description="How often it was reached in this period.")
    is_money: bool
    is_won: bool
    ends: date | None


class BadgeOut(Schema):
    code: str
    name: str
    rule: str
    won_on: date


class ReferralOut(Schema):
    code: str
    friends: int
    paid: int
    friend_gets: str
    referrer_gets: str


class CollectedOut(Schema):
    goals: list[GoalOut]
    badges: list[BadgeOut]
    referral: ReferralOut | None = Field(description="Null while the programme has no referral rule.")


class ReferredIn(schemas.Strict):
    code: Annotated[str, StringConstraints(min_length=4, max_length=16, pattern=schemas.PLAIN)]


class ReferredOut(Schema):
    state: str = Field(description="open until the friend's first purchase that counts; then paid.")


@router.post(
    "/events",
    response={201: EventOut, 200: EventOut, 409: schemas.Problem, **REFUSALS},
    summary="Record something a member did that is no purchase",
)
def record_event(request, event: EventIn):
    """201 when it is new; 200 with `replay: true` when this key was recorded before; 409 when the key names another event."""
    caller = _allowed(request, ApiClient.Scope.PURCHASES)
    _past(event.at, "at")
    try:
        done = loyalty.record_event(
            event=event.event, source=caller.source, client_key=event.key, at=event.at, subject=event.subject,
            **_member(event.member),
        )  # fmt: skip
    except loyalty.KeyReused as reason:
        raise Refused(409, str(reason), field="key") from None
    except loyalty.UnknownMember as reason:
        raise Refused(422, str(reason), field="member") from None
    except NoRuleSet as reason:
        raise Refused(422, str(reason), field="at") from None
    except loyalty.LedgerRefusal as reason:
        raise Refused(422, str(reason), field="event") from None
    return (200 if done.is_replay else 201), {
        "key": event.key, "replay": done.is_replay, "points": done.points, "available": done.available, "bonuses": done.bonuses,
    }  # fmt: skip


@router.post(
    "/purchases/{uuid:public_id}/events",
    response={200: MaturedOut, 404: schemas.Problem, **REFUSALS},
    summary="Something happened to a purchase: points that waited for it can be spent",
)
def purchase_event(request, public_id: UUID, event: PurchaseEventIn):
    """Send it as often as needed; it counts once."""
    caller = _allowed(request, ApiClient.Scope.PURCHASES)
    _past(event.at, "at")
    purchase = sales.receipt(public_id)
    if purchase is None or purchase.source_id != caller.source_id:
        raise Http404
    return 200, {"points": loyalty.mature(purchase=purchase.pk, event=event.event, at=event.at)}


@router.get(
    "/members/{uuid:public_id}/collected",
    response={200: CollectedOut, 404: schemas.Problem, 401: schemas.Problem, 403: schemas.Problem},
    summary="Stamps, challenges, streaks, badges and referrals of a member",
)
def collected(request, public_id: UUID):
    """What is on its way and what was won, in the language of the request."""
    _allowed(request, ApiClient.Scope.MEMBERS)
    member, at = _active(public_id), clock.now()
    return 200, {
        "goals": collecting.goals(member.pk, at=at),
        "badges": collecting.badges(member.pk),
        "referral": collecting.referred(member.pk, at=at),
    }


@router.post(
    "/members/{uuid:public_id}/referral-code",
    response={200: ReferralOut, 404: schemas.Problem, 401: schemas.Problem, 403: schemas.Problem},
    summary="A member's own referral code, made when first asked for",
)
def referral_code(request, public_id: UUID):
    """The same code each time. 404 while the programme has no referral rule."""
    _allowed(request, ApiClient.Scope.PURCHASES)
    member, at = _active(public_id), clock.now()
    if collecting.referred(member.pk, at=at) is None:
        raise Http404
    loyalty.referral_code(member_id=member.pk, at=at)
    return 200, collecting.referred(member.pk, at=at)


@router.post(
    "/members/{uuid:public_id}/referred-by",
    response={200: ReferredOut, 404: schemas.Problem, 429: schemas.Problem, **REFUSALS},
    summary="A new member came by a friend's code",
)
def referred_by(request, public_id: UUID, said: ReferredIn):
    """Before the first purchase; repeatable. Paid to both with the friend's first purchase that counts."""
    _allowed(request, ApiClient.Scope.PURCHASES)
    member = _active(public_id)
    try:
        made = loyalty.refer(code=said.code, friend_id=member.pk, at=clock.now())
    except fraud.TooManyAttempts as reason:
        raise Refused(429, str(reason), field="code") from None
    except loyalty.CannotRefer as reason:
        raise Refused(422, str(reason), field="code") from None
    return 200, {"state": made.state}


def _active(public_id: UUID) -> Member:
    found = members.by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    return found
