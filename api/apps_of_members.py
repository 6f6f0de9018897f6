"""Apps on members' phones, over the wire: the token that FCM gave an app, so that pushes reach it."""

from typing import Annotated
from uuid import UUID

from django.http import Http404
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from api import asking, schemas
from api.models import ApiClient
from api.problems import Refused
from members import clock
from members.models import Member
from members.queries import by_public_id
from push import operations, queries

router = Router(tags=["apps"])
Token = Annotated[str, StringConstraints(min_length=20, max_length=4_096, pattern=r"^[!-~]+$")]


class AppIn(schemas.Strict):
    token: Token = Field(description="As FCM gave it to the app. It is stored encrypted, and never told again.")


class AppsOut(Schema):
    apps: int = Field(description="Apps of this member that are registered now. Ten at most: the oldest give way.")
    is_reachable: bool = Field(
        description="Whether a push may go to them: there is an app, and the member said yes to pushes."
    )


def _member(request, public_id: UUID) -> Member:
    asking.allowed(request, ApiClient.Scope.PROFILE)
    found = by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    return found


def _told(member: Member) -> dict:
    apps = len(queries.app_devices([member.pk]).get(member.pk, ()))
    allowed = (
        Member.objects.filter(pk=member.pk).reachable(channel="push", at=clock.now(), purpose="marketing").exists()
    )
    return {"apps": apps, "is_reachable": bool(apps) and allowed}


@router.put("/members/{uuid:public_id}/apps", response={200: AppsOut, **asking.ANSWERS}, summary="Register an app")
def register(request, public_id: UUID, said: AppIn):
    """At each start of the app and whenever FCM gives it a new token. Sending it again changes nothing.

    A token that another member registered before moves along: the phone has changed hands.
    """
    member = _member(request, public_id)
    try:
        operations.register_app(member_id=member.pk, token=said.token, at=clock.now())
    except operations.BadSubscription as reason:
        raise Refused(422, str(reason), field="token") from None
    return 200, _told(member)


@router.post(
    "/members/{uuid:public_id}/apps/forget", response={200: AppsOut, **asking.ANSWERS}, summary="Forget an app"
)
def forget(request, public_id: UUID, said: AppIn):
    """When somebody signs out of the app. A token nobody knows is forgotten already."""
    member = _member(request, public_id)
    operations.unregister_app(member_id=member.pk, token=said.token)
    return 200, _told(member)
