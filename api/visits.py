"""Visits to a web shop: the small script its pages carry, what the script sends, and whose visits they turn out to be.

The browser's own id is made and signed here, lives thirty days and is then made anew: nobody can send in another's name, and
nobody is followed for years. Without the visitor's yes, and against Do Not Track, nothing is kept.
"""

import json
import uuid
from datetime import timedelta
from typing import Annotated

from django.contrib.staticfiles import finders
from django.core import signing
from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods
from ninja import Router, Schema
from pydantic import Field, StringConstraints, ValidationError

from api import asking, schemas
from api.models import ApiClient
from members import clock, operations
from members.crypto import keyed_hash
from members.models import VisitSite

router = Router(tags=["profiles"])
SALT = "visits"
ROTATES = timedelta(days=30)
BODY_MOST = 16_384
BATCHES_PER_MINUTE = 60
AGO_MOST = timedelta(hours=1)
Token = Annotated[str, StringConstraints(max_length=200)]


class VisitIn(schemas.Strict):
    id: Annotated[str, StringConstraints(min_length=16, max_length=40, pattern="^[0-9a-f-]+$")]
    kind: Annotated[str, StringConstraints(pattern="^(page|search|cart)$")]
    subject: Annotated[str, StringConstraints(max_length=200, pattern=schemas.PLAIN)] = ""
    ago_ms: Annotated[int, Field(ge=0)] = 0


class VisitsIn(schemas.Strict):
    site: Annotated[str, StringConstraints(max_length=40)]
    visitor: Token = ""
    consent: bool
    events: Annotated[list[VisitIn], Field(min_length=1, max_length=20)]


class ClaimIn(schemas.Strict):
    visitor: Token = Field(description="What `regulars.visitor()` answers in the browser of who signed in.")
    member: schemas.MemberIn


class ClaimOut(Schema):
    claimed: int = Field(
        description="Visits that are this member's now; 0 without their yes to personal recommendations."
    )


@require_GET
@cache_control(public=True, max_age=3600)
def script(_request):
    """The script itself, from us alone."""
    with open(finders.find("api/visits.js"), encoding="utf-8") as file:  # noqa: PTH123 - the finder's path
        answer = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@csrf_exempt
@require_http_methods(["POST"])
def take(request):
    """A batch of one browser's visits. Each is taken once; the answer brings the browser's id."""
    if request.headers.get("DNT") == "1" or request.headers.get("Sec-GPC") == "1":
        return HttpResponse(status=204)
    if not _has_time_for(request.META.get("REMOTE_ADDR", "")):
        return HttpResponse(status=429)
    said = _read(request)
    site = said and VisitSite.objects.filter(key=said.site, is_live=True).first()
    if not site or request.headers.get("Origin", "").lower() not in site.origins:
        return HttpResponse(status=403)
    if not said.consent:
        return HttpResponse(status=204)
    visitor = _known(said.visitor) or uuid.uuid4().hex
    now = clock.now()
    for one in said.events:
        operations.note_touchpoint(
            kind=one.kind, at=now - min(timedelta(milliseconds=one.ago_ms), AGO_MOST), source=site.source, client_key=one.id,
            visitor=visitor, subject=one.subject,
        )  # fmt: skip
    answer = JsonResponse({"visitor": said.visitor if _known(said.visitor) else signing.dumps(visitor, salt=SALT)})
    answer["Access-Control-Allow-Origin"] = request.headers["Origin"]
    answer["Vary"] = "Origin"
    return answer


def _read(request) -> VisitsIn | None:
    if len(request.body) > BODY_MOST:
        return None
    try:
        return VisitsIn(**json.loads(request.body))
    except (ValueError, TypeError, ValidationError):
        return None


def _known(token: str) -> str:
    """The browser's own id behind its token; empty where it is not ours, or has had its time."""
    try:
        return signing.loads(token, salt=SALT, max_age=ROTATES) if token else ""
    except (signing.BadSignature, ValueError):  # forged, too old, or no text of ours at all
        return ""


def _has_time_for(address: str) -> bool:
    """At most so many batches a minute from one address, which is kept only as its keyed hash. Without the counter: none."""
    key = f"visits:{keyed_hash(address, kind='network').hex()}"
    try:
        cache.add(key, 0, 60)
        return cache.incr(key) <= BATCHES_PER_MINUTE
    except ValueError:  # flushed between the two: counting begins anew
        cache.set(key, 1, 60)
        return True
    except Exception:  # noqa: BLE001 - whatever became of the counter, a visit is not worth a risk
        return False


@router.post("/visits/claims", response={200: ClaimOut, **asking.ANSWERS}, summary="Whose visits these were")
def claim(request, said: ClaimIn):
    """Earlier visits of a browser become those of the member who signed in on it: once, and only if they allowed it."""
    asking.allowed(request, ApiClient.Scope.PROFILE)
    member_id, visitor = asking.member_id(said.member), _known(said.visitor)
    return 200, {"claimed": operations.claim_visits(member_id=member_id, visitor=visitor, at=clock.now())}
