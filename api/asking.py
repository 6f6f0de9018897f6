"""What the endpoints of spending share: who asks, for whom, and how a refusal becomes a problem."""

from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _
from pydantic import Field, StringConstraints

from api import schemas
from api.endpoints import _allowed as allowed
from api.endpoints import _member as reference_of
from api.models import ApiClient
from api.problems import Refused
from api.tokens import Caller
from loyalty import fraud
from loyalty import operations as loyalty
from members import queries as members
from sales.catalogue import UnknownStore

ANSWERS = dict.fromkeys((400, 401, 403, 404, 409, 422), schemas.Problem)  # fmt: skip
KEY = Field(description="Your own key for this act, made and stored before the first try.")
Points = Annotated[int, Field(ge=1, le=10**12)]
Code = Annotated[str, StringConstraints(min_length=4, max_length=60, pattern=schemas.PLAIN)]


def spender(request) -> Caller:
    """The caller, when its token may spend points."""
    return allowed(request, ApiClient.Scope.SPENDING)


def actor(caller: Caller) -> str:
    """Who types codes, as the guard against guessing counts it."""
    return f"source:{caller.source_id}"


def member_id(said: schemas.MemberIn) -> int:
    """The member named in exactly one way. Raises Refused."""
    found = reference_of(said)
    if "member_id" in found:
        return found["member_id"]
    known = members.by_identifier(*found["member_reference"])
    if known is None:
        raise Refused(422, _("No member is known by this. Check it, or enrol the member first."), field="member")
    return known.pk


def found_or_404(model, public_id: UUID, **related):
    found = model.objects.filter(public_id=public_id, **related).first()
    if found is None:
        raise Http404
    return found


@contextmanager
def refusals(field: str):
    """Turn what the ledger refuses into a problem that names the field."""
    try:
        yield
    except loyalty.KeyReused as reason:
        raise Refused(409, str(reason), field="key") from None
    except UnknownStore as reason:
        raise Refused(422, str(reason), field="store") from None
    except fraud.TooManyAttempts as reason:
        raise Refused(422, str(reason), field="code") from None
    except loyalty.LedgerRefusal as reason:
        raise Refused(422, str(reason), field=field) from None
