"""Holds: points set aside while a web shop waits for its money."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import asking, schemas
from loyalty import operations as loyalty
from loyalty.models import Hold
from members import clock

router = Router(tags=["holds"])
Note = Annotated[str, StringConstraints(max_length=200, pattern=schemas.PLAIN)]


class HoldIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    member: schemas.MemberIn
    points: asking.Points
    expires_at: schemas.Moment | None = Field(None, description="Without: as the programme's policy says.")
    note: Note = Field("", description="What for; the member reads it.")


class CaptureIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    points: asking.Points
    let_rest_go: bool = Field(False, description="True: what is not captured returns to the member at once.")
    note: Note = ""


class VoidIn(schemas.Strict):
    key: schemas.Key = asking.KEY


class HoldOut(Schema):
    id: UUID
    state: str
    points: int
    captured: int
    released: int
    expires_at: datetime
    available: int | None = Field(description="What the member may spend beside the hold.")
    replay: bool


@router.post("/holds", response={201: HoldOut, 200: HoldOut, **asking.ANSWERS}, summary="Set points aside")
def hold(request, said: HoldIn):
    """Capture them in one or several parts, void them, or let them expire: what is not captured returns to its lots."""
    caller = asking.spender(request)
    with asking.refusals("points"):
        return _answer(
            loyalty.hold(
                member_id=asking.member_id(said.member), points=said.points, source=caller.source, client_key=said.key,
                at=clock.now(), expires_at=said.expires_at, note=said.note,
            )
        )  # fmt: skip


@router.get("/holds/{uuid:public_id}", response={200: HoldOut, **asking.ANSWERS}, summary="How a hold stands")
def look(request, public_id: UUID):
    """A hold that ran out is told as open until the next act or job touches it; nothing can be captured of it."""
    return _told(_own(asking.spender(request), public_id), available=None, is_replay=False)


@router.post(
    "/holds/{uuid:public_id}/captures", response={201: HoldOut, 200: HoldOut, **asking.ANSWERS}, summary="Capture"
)
def capture(request, public_id: UUID, said: CaptureIn):
    """Spend a part of what is held. Captures never add up to more than was held."""
    caller = asking.spender(request)
    _own(caller, public_id)
    with asking.refusals("points"):
        return _answer(
            loyalty.capture(
                hold_id=public_id, points=said.points, source=caller.source, client_key=said.key, at=clock.now(),
                lets_rest_go=said.let_rest_go, note=said.note,
            )
        )  # fmt: skip


@router.post("/holds/{uuid:public_id}/void", response={201: HoldOut, 200: HoldOut, **asking.ANSWERS}, summary="Void")
def void(request, public_id: UUID, said: VoidIn):
    """Let everything go that is still held."""
    caller = asking.spender(request)
    _own(caller, public_id)
    with asking.refusals("id"):
        return _answer(loyalty.void(hold_id=public_id, source=caller.source, client_key=said.key, at=clock.now()))


def _own(caller, public_id: UUID) -> Hold:
    found = Hold.objects.filter(public_id=public_id, source_id=caller.source_id).first()
    if found is None:
        raise Http404
    return found


def _answer(held: loyalty.Held):
    return (200 if held.is_replay else 201), _told(held.hold, available=held.available, is_replay=held.is_replay)


def _told(hold: Hold, *, available: int | None, is_replay: bool) -> dict:
    return {
        "id": hold.public_id, "state": hold.state, "points": hold.points, "captured": hold.captured,
        "released": hold.released, "expires_at": hold.expires_at, "available": available, "replay": is_replay,
    }  # fmt: skip
