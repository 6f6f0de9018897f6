"""Complaints and questions from other systems: a web form, a mail robot, an app."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import asking, schemas
from api.models import ApiClient
from api.problems import Refused
from care import operations, queries
from care.models import Case
from members import clock

router = Router(tags=["cases"])
Words = Annotated[str, StringConstraints(min_length=1, max_length=8000, pattern=schemas.PLAIN)]


class CaseIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    text: Words
    subject: Annotated[str, StringConstraints(max_length=200, pattern=schemas.PLAIN)] = ""
    topic: Annotated[str, StringConstraints(max_length=30, pattern=schemas.PLAIN)] = Field(
        "", description="A topic's code; without one the words decide."
    )
    channel: Literal["email", "form", "api", "phone"] = "api"
    store: Annotated[str, StringConstraints(max_length=40, pattern=schemas.PLAIN)] = ""
    receipt: Annotated[str, StringConstraints(max_length=120, pattern=schemas.PLAIN)] = ""
    member: schemas.MemberIn | None = None


class WordIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    text: Words
    channel: Literal["email", "form", "api", "phone"] = "api"


class EntryOut(Schema):
    kind: str
    text: str
    at: datetime


class CaseOut(Schema):
    id: UUID
    number: str
    topic: str
    team: str
    status: str
    outcome: str
    reply_due_at: datetime
    close_due_at: datetime
    replay: bool = False
    entries: list[EntryOut]


def _told(case: Case, *, is_replay=False) -> dict:
    case = queries.case(case.public_id)
    return {
        "id": case.public_id, "number": case.number, "topic": case.topic.code, "team": case.team.code,
        "status": case.status, "outcome": case.outcome, "reply_due_at": case.reply_due_at,
        "close_due_at": case.close_due_at, "replay": is_replay,
        "entries": [
            {"kind": one.kind, "text": one.text, "at": one.at}
            for one in case.entries.all() if one.kind in ("heard", "replied", "auto")
        ],
    }  # fmt: skip


def _own(caller, public_id: UUID) -> Case:
    """A case this client's own source opened; another's is 404."""
    found = queries.case(public_id)
    if found is None or found.source != caller.source:
        raise Http404
    return found


@router.post("/cases", response={201: CaseOut, 200: CaseOut, **asking.ANSWERS}, summary="Open a case")
def open_case(request, said: CaseIn):
    """It is routed at once; the answer names the team and both clocks."""
    caller = asking.allowed(request, ApiClient.Scope.CARE)
    member_id = asking.member_id(said.member) if said.member else None
    try:
        opened = operations.open_case(
            topic=said.topic, text=said.text, subject=said.subject, channel=said.channel, store_code=said.store,
            receipt=said.receipt, source=caller.source, client_key=said.key, at=clock.now(), member_id=member_id,
        )  # fmt: skip
    except operations.UnknownTopic as reason:
        raise Refused(422, str(reason), field="topic") from None
    except ValueError as reason:
        raise Refused(422, str(reason), field="store") from None
    return (200 if opened.is_replay else 201), _told(opened.case, is_replay=opened.is_replay)


@router.get("/cases/{uuid:public_id}", response={200: CaseOut, **asking.ANSWERS}, summary="A case and its answers")
def case(request, public_id: UUID):
    """What the member wrote and what we answered; notes among staff are not told."""
    return 200, _told(_own(asking.allowed(request, ApiClient.Scope.CARE), public_id))


@router.post("/cases/{uuid:public_id}/messages", response={200: CaseOut, **asking.ANSWERS}, summary="A further word")
def hear(request, public_id: UUID, said: WordIn):
    """A closed case opens again."""
    caller = asking.allowed(request, ApiClient.Scope.CARE)
    found = _own(caller, public_id)
    operations.hear(
        case=found, text=said.text, at=clock.now(), channel=said.channel, source=caller.source, client_key=said.key
    )
    return 200, _told(found)
