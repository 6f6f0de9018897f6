"""Points between members, households, and partners that give and take them."""

from typing import Annotated
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import schemas
from api.endpoints import _allowed, _member
from api.models import ApiClient
from api.problems import Refused
from loyalty import operations as loyalty
from loyalty import queries as points
from members import clock
from members import queries as members
from members.models import Member

router = Router(tags=["sharing"])
ANSWERS = dict.fromkeys((400, 401, 403, 404, 409, 422), schemas.Problem)
Points = Annotated[int, Field(ge=1, le=10**12)]
Note = Annotated[str, StringConstraints(max_length=100, pattern=schemas.PLAIN)]


class GiftIn(schemas.Strict):
    key: schemas.Key = Field(description="Your own key for this gift, made and stored before the first try.")
    giver: schemas.MemberIn
    taker: schemas.MemberIn
    points: Points
    note: Note = ""


class PointsIn(schemas.Strict):
    key: schemas.Key = Field(description="Your own key for this act, made and stored before the first try.")
    member: schemas.MemberIn
    points: Points
    note: Note = Field("", description="What for; the member reads it. Without: the partner's name.")


class DrawIn(schemas.Strict):
    key: schemas.Key
    points: Points


class MovedOut(Schema):
    points: int
    available: int = Field(description="What the member can spend right after it.")
    version: int = Field(description="Number of the newest entry in the member's ledger.")
    replay: bool


class ShareOut(Schema):
    member: UUID
    percent: int
    is_head: bool
    may_spend: bool


class HouseholdOut(Schema):
    id: UUID
    available: int
    debt: int
    shares: list[ShareOut]


@router.post("/gifts", response={201: MovedOut, 200: MovedOut, **ANSWERS}, summary="Give points to another member")
def give(request, said: GiftIn):
    """They keep their last day. Limits of the day and the month, and the tiers that may give, are the programme's."""
    caller = _allowed(request, ApiClient.Scope.SHARING)
    try:
        given = loyalty.give_points(
            from_member_id=_id(said.giver, "giver"), to_member_id=_id(said.taker, "taker"), points=said.points,
            source=caller.source, client_key=said.key, at=clock.now(), note=said.note,
        )  # fmt: skip
    except loyalty.LedgerRefusal as reason:
        raise _refused(reason) from None
    return _answer(given)


@router.get(
    "/members/{uuid:public_id}/household", response={200: HouseholdOut, **ANSWERS}, summary="A member's household"
)
def household(request, public_id: UUID):
    """What the household can spend, and who shares how much."""
    _allowed(request, ApiClient.Scope.MEMBERS)
    held = points.household_of(_found(public_id).pk, at=clock.now())
    if held is None:
        raise Http404
    shares = [
        {"member": one.member.public_id, "percent": one.percent, "is_head": one.is_head, "may_spend": one.may_spend}
        for one in held.shares
    ]
    return 200, {
        "id": held.household.public_id, "available": held.available, "debt": held.debt, "shares": shares,
    }  # fmt: skip


@router.post(
    "/members/{uuid:public_id}/household/draws",
    response={201: MovedOut, 200: MovedOut, **ANSWERS},
    summary="Bring points of the household into the member's own",
)
def draw(request, public_id: UUID, said: DrawIn):
    """For a member whom the head allows to spend: drawn points are then spent like the member's own."""
    caller = _allowed(request, ApiClient.Scope.SHARING)
    member, at = _found(public_id), clock.now()
    held = points.household_of(member.pk, at=at)
    if held is None:
        raise Http404
    try:
        drawn = loyalty.draw_from_pool(
            household=held.household,
            member_id=member.pk,
            points=said.points,
            source=caller.source,
            client_key=said.key,
            at=at,
        )
    except loyalty.LedgerRefusal as reason:
        raise _refused(reason) from None
    return _answer(drawn)


@router.post("/partner/points", response={201: MovedOut, 200: MovedOut, **ANSWERS}, summary="A partner gives points")
def issue(request, said: PointsIn):
    """Settled at the end of the month under the partner's terms."""
    return _of_partner(request, said, loyalty.issue_points)


@router.post(
    "/partner/redemptions", response={201: MovedOut, 200: MovedOut, **ANSWERS}, summary="A partner accepts points"
)
def accept(request, said: PointsIn):
    """The member spends points at the partner; settled at the end of the month under the partner's terms."""
    return _of_partner(request, said, loyalty.accept_points)


def _of_partner(request, said: PointsIn, verb):
    caller = _allowed(request, ApiClient.Scope.PARTNER)
    partner = loyalty.partner_of_source(caller.source_id)
    if partner is None:
        raise Refused(403, _("This client is no partner's. Ask for a token of the partner's source."))
    try:
        moved = verb(
            partner=partner, member_id=_id(said.member, "member"), points=said.points, client_key=said.key, at=clock.now(),
            note=said.note,
        )  # fmt: skip
    except loyalty.LedgerRefusal as reason:
        raise _refused(reason) from None
    return _answer(moved)


def _found(public_id: UUID) -> Member:
    found = members.by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    return found


def _id(said: schemas.MemberIn, field: str) -> int:
    named = _member(said)
    if "member_id" in named:
        return named["member_id"]
    known = members.by_identifier(*named["member_reference"])
    if known is None:
        raise Refused(422, _("No member is known by this. Check it, or enrol the member first."), field=field)
    return known.pk


def _refused(reason: loyalty.LedgerRefusal) -> Refused:
    is_conflict = isinstance(reason, loyalty.KeyReused)
    return Refused(409 if is_conflict else 422, str(reason), field="key" if is_conflict else "points")


def _answer(moved):
    return (200 if moved.is_replay else 201), {
        "points": moved.points, "available": moved.available, "version": moved.version, "replay": moved.is_replay,
    }  # fmt: skip
