"""What is known of a member, over the wire: custom fields, tags, the life-cycle stage, and meetings elsewhere."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import asking, schemas
from api.endpoints import _past
from api.models import ApiClient
from api.problems import Refused
from members import clock, modules, operations, queries
from members.models import Member

router = Router(tags=["profiles"])
Code = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$")]
SOCIAL = {"like", "comment", "share"}
Kind = Literal["page", "search", "cart", "like", "comment", "share", "call", "email", "chat", "visit", "other"]


class ProfileIn(schemas.Strict):
    custom: dict[Code, str | int | float | bool | None] = Field(
        {}, description="Custom fields by their codes; null clears one. What is not named stays."
    )
    add_tags: Annotated[list[Code], Field(max_length=50)] = []
    remove_tags: Annotated[list[Code], Field(max_length=50)] = []


class StageOut(Schema):
    stage: str
    since: datetime | None


class ProfileOut(Schema):
    public_id: UUID
    custom: dict[str, Any]
    tags: list[str]
    life_cycle: StageOut


class TouchpointIn(schemas.Strict):
    key: schemas.Key = asking.KEY
    kind: Kind
    at: schemas.Moment
    member: schemas.MemberIn | None = None
    visitor: Annotated[str, StringConstraints(max_length=120, pattern=schemas.PLAIN)] = Field(
        "", description="The browser's own id where nobody is signed in. Ask its owner before you send it."
    )
    event: Annotated[str, StringConstraints(max_length=40, pattern=schemas.PLAIN)] = Field(
        "", description="Your own name of an event of kind “other”: check_in_kiosk."
    )
    subject: Annotated[str, StringConstraints(max_length=200, pattern=schemas.PLAIN)] = Field(
        "", description="What it was about, never who: a product, a page's path, a post."
    )
    words: Annotated[str, StringConstraints(max_length=4000, pattern=schemas.PLAIN)] = ""
    direction: Literal["in", "out"] = "in"


class TouchpointsIn(schemas.Strict):
    touchpoints: Annotated[list[TouchpointIn], Field(min_length=1, max_length=500)]


class TouchpointsOut(Schema):
    taken: int = Field(description="Written down now or by an earlier try.")
    without_consent: int = Field(description="Left out, because the member did not allow it.")
    unknown: list[str] = Field(description="Keys of those whose member is not known.")


def _writer(request):
    return asking.allowed(request, ApiClient.Scope.PROFILE)


def _member(public_id: UUID) -> Member:
    found = queries.by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    return found


def _told(member: Member) -> dict:
    stages = queries.stages_of(member.pk)
    return {
        "public_id": member.public_id,
        "custom": queries.custom_fields(member.pk),
        "tags": queries.tags_of(member.pk),
        "life_cycle": {"stage": member.lifecycle_stage, "since": stages[0].at if stages else member.joined_at},
    }


@router.get(
    "/members/{uuid:public_id}/profile", response={200: ProfileOut, **asking.ANSWERS}, summary="Fields, tags and stage"
)
def profile(request, public_id: UUID):
    """The shop's own fields, the personal ones among them opened: the token must be allowed to see them."""
    _writer(request)
    return 200, _told(_member(public_id))


@router.patch(
    "/members/{uuid:public_id}/profile", response={200: ProfileOut, **asking.ANSWERS}, summary="Set fields and tags"
)
def change(request, public_id: UUID, said: ProfileIn):
    """All of it or nothing. Sending it again changes nothing."""
    caller, member = _writer(request), _member(public_id)
    only = Member.objects.filter(pk=member.pk)
    try:
        with transaction.atomic():
            operations.set_custom_fields(member_id=member.pk, values=said.custom)
            for code in said.add_tags:
                operations.tag_members(code=code, members=only, source=caller.source, at=clock.now())
            for code in said.remove_tags:
                operations.untag_members(code=code, members=only)
    except operations.BadCustomValue as reason:
        raise Refused(422, str(reason), field=f"custom.{reason.code}") from None
    return 200, _told(member)


@router.post("/touchpoints", response={200: TouchpointsOut, **asking.ANSWERS}, summary="Write meetings down")
def note(request, said: TouchpointsIn):
    """Up to 500 at once; each key is taken once, so a batch may be sent again whole."""
    caller, taken, without, unknown = _writer(request), 0, 0, []
    for place, one in enumerate(said.touchpoints):
        _past(one.at, f"touchpoints.{place}.at")
        if (one.member is None) == (not one.visitor):
            raise Refused(422, _("Name either the member or the visitor."), field=f"touchpoints.{place}.member")
        if one.kind in SOCIAL and not modules.is_on("social"):
            raise Refused(422, _("Social events are switched off here."), field=f"touchpoints.{place}.kind")
    with transaction.atomic():
        for one in said.touchpoints:
            try:
                member_id = asking.member_id(one.member) if one.member else None
            except Refused:
                unknown.append(one.key)
                continue
            kept = operations.note_touchpoint(
                source=caller.source, client_key=one.key, member_id=member_id,
                **one.dict(exclude={"key", "member"}),
            )  # fmt: skip
            taken, without = taken + (kept is not None), without + (kept is None)
    return 200, {"taken": taken, "without_consent": without, "unknown": unknown}
