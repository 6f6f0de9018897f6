"""The endpoints: translate, make one call, translate back."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from api import problems, schemas
from api.models import ApiClient
from api.problems import Refused
from api.tokens import Caller, Token
from loyalty import operations as loyalty
from loyalty import queries as points
from loyalty.earning.reasons import as_json
from loyalty.rules import NoRuleSet
from members import clock, normalise
from members import queries as members
from members.models import Member
from sales import queries as sales
from sales.catalogue import UnknownStore
from sales.lines import Line
from sales.models import Purchase

CLOCK_SKEW = timedelta(minutes=10)
MEMBER_KINDS = {"card": "card", "phone": "phone", "email": "email", "external_id": "external"}
REFUSALS = {400: schemas.Problem, 401: schemas.Problem, 403: schemas.Problem, 422: schemas.Problem}


class _HouseAPI(NinjaAPI):
    """The interface as it is today: what belongs to a module that is switched off is not described, as it is not there.

    Which paths those are is known at the top of the house, which puts its own `is_described` here (config/urls.py).
    """

    is_described = None

    def get_openapi_schema(self, **kwargs):
        schema = super().get_openapi_schema(**kwargs)
        if self.is_described:
            schema["paths"] = {path: said for path, said in schema["paths"].items() if self.is_described(path)}
        return schema


api = _HouseAPI(
    title="Regulars",
    version="1",
    description="Purchases in, points out. Keys are yours: the same body under the same key is one purchase, however often it is sent.",
    auth=Token(),
    urls_namespace="api",
)
api.add_exception_handler(Refused, problems.refused)
api.add_exception_handler(ValidationError, problems.invalid)
api.add_exception_handler(AuthenticationError, problems.unauthenticated)
api.add_exception_handler(Http404, problems.missing)
api.add_exception_handler(HttpError, problems.http_error)


@api.post(
    "/purchases",
    response={201: schemas.PurchaseOut, 200: schemas.PurchaseOut, 409: schemas.Problem, **REFUSALS},
    summary="Record a purchase and award its points",
)
def record_purchase(request, purchase: schemas.PurchaseIn):
    """201 when it is new; 200 with `replay: true` when this receipt was recorded before; 409 when the receipt's key names another one."""
    caller = _allowed(request, ApiClient.Scope.PURCHASES)
    _past(purchase.purchased_at, "purchased_at")
    lines = [
        Line(line.product, line.quantity, line.total_minor, line.unit, None, line.name, line.category)
        for line in purchase.lines
    ]
    try:
        recorded = loyalty.record_purchase(
            source=caller.source, client_key=purchase.receipt, store_code=purchase.store,
            purchased_at=purchase.purchased_at, currency=purchase.currency, lines=lines, **_member(purchase.member),
        )  # fmt: skip
    except loyalty.KeyReused as reason:
        raise Refused(409, str(reason), field="receipt") from None
    except loyalty.UnknownMember as reason:
        raise Refused(422, str(reason), field="member") from None
    except UnknownStore as reason:
        raise Refused(422, str(reason), field="store") from None
    except NoRuleSet as reason:
        raise Refused(422, str(reason), field="purchased_at") from None
    except loyalty.CannotRecord as reason:
        raise Refused(422, str(reason), field="lines") from None
    return _answer(
        200 if recorded.is_replay else 201,
        {} if recorded.member_id is None else recorded.explanation,
        {
            "id": str(recorded.public_id),
            "receipt": purchase.receipt,
            "replay": recorded.is_replay,
            "points": recorded.points,
            "debt_paid": recorded.debt_paid,
            "available": recorded.available,
            "tier": recorded.tier_after_code,
        },
    )


@api.post(
    "/purchases/{uuid:public_id}/refunds",
    response={201: schemas.RefundOut, 200: schemas.RefundOut, 404: schemas.Problem, 409: schemas.Problem, **REFUSALS},
    summary="Refund a purchase, or lines of it",
)
def refund(request, public_id: UUID, refund: schemas.RefundIn):
    """Takes back what the lines earned, under the rules as they were. Any split of a refund takes back the same."""
    caller = _allowed(request, ApiClient.Scope.REFUNDS)
    _past(refund.refunded_at, "refunded_at")
    purchase = sales.receipt(public_id)
    if purchase is None or purchase.source_id != caller.source_id or purchase.kind != Purchase.Kind.SALE:
        raise Http404
    try:
        done = loyalty.refund(
            source=caller.source, client_key=refund.receipt, purchase_id=purchase.pk, lines=_refund_lines(caller, purchase, refund),
            refunded_at=refund.refunded_at, store_code=refund.store,
        )  # fmt: skip
    except loyalty.KeyReused as reason:
        raise Refused(409, str(reason), field="receipt") from None
    except UnknownStore as reason:
        raise Refused(422, str(reason), field="store") from None
    except loyalty.LedgerRefusal as reason:
        raise Refused(422, str(reason), field="lines") from None
    return (200 if done.is_replay else 201), {
        "id": done.public_id,
        "receipt": refund.receipt,
        "replay": done.is_replay,
        "points_taken_back": done.points,
        "debt_added": done.debt_added,
        "available": done.available,
        "tier": done.tier_code,
    }


@api.get(
    "/members/{uuid:public_id}",
    response={200: schemas.MemberOut, 404: schemas.Problem, 401: schemas.Problem, 403: schemas.Problem},
    summary="A member's points and tier",
)
def member(request, public_id: UUID):
    """Balance, what expires next, the tier and the way to the next one. Nothing that names a person."""
    _allowed(request, ApiClient.Scope.MEMBERS)
    found = members.by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    at = clock.now()
    balance, progress = points.balance(found.pk, at=at), points.tier_progress(found.pk, at=at)
    return 200, {
        "public_id": found.public_id,
        "available": balance.available,
        "pending": balance.pending,
        "debt": balance.debt,
        "next_expiry": balance.next_expiry and dict(zip(("on", "points"), balance.next_expiry, strict=True)),
        "tier": _tier(progress.tier),
        "qualifying_points": progress.qualifying,
        "next_tier": progress.next_tier and _tier(progress.next_tier),
        "points_to_next_tier": progress.missing,
    }


def _answer(status: int, explanation: dict, body: dict) -> HttpResponse:
    """What the schema promises, written as it is. Checking every answer against its schema costs as much as planning the points."""
    text = f'{json.dumps(body)[:-1]}, "explanation": {as_json(explanation)}}}'
    return HttpResponse(text, status=status, content_type="application/json; charset=utf-8")


def _allowed(request, scope: str) -> Caller:
    """The caller, when its token has this scope."""
    if scope not in request.auth.scopes:
        raise Refused(403, _("This needs the scope %(scope)s. Ask for a token that has it.") % {"scope": scope})
    return request.auth


def _past(moment: datetime, field: str):
    if moment > datetime.now(UTC) + CLOCK_SKEW:
        raise Refused(
            422,
            _("%(moment)s lies in the future. Check the clock and the zone.") % {"moment": moment.isoformat()},
            field=field,
            code="future",
        )


def _member(said: schemas.MemberIn | None) -> dict:
    """Whom a purchase belongs to, as the ledger asks for it: an id, or a reference that its own statement resolves."""
    if said is None:
        return {}
    given = [(name, value) for name, value in said if value is not None]
    if len(given) != 1:
        raise Refused(
            422,
            _("Name the member in exactly one way: public_id, card, phone, email or external_id."),
            field="member",
            code="member_form",
        )
    [(name, value)] = given
    if name == "public_id":
        found = members.by_public_id(value)
        if found is None or found.status != Member.Status.ACTIVE:
            raise Refused(
                422, _("No member has this id. Check it, or enrol the member first."), field="member.public_id"
            )
        return {"member_id": found.pk}
    kind = MEMBER_KINDS[name]
    try:
        return {"member_reference": (kind, normalise.NORMALISERS[kind](value))}
    except ValueError as reason:
        raise Refused(422, str(reason), field=f"member.{name}") from None


def _refund_lines(caller: Caller, purchase: Purchase, said: schemas.RefundIn) -> list[tuple]:
    """The lines a refund takes back; when none are named, all that is left, or what the same key took back before.

    Money is the ledger's to check; that no more goods come back than were sold is asked here.
    """
    # Before its key is looked up: told twice at once, the other may be done between the two.
    left = sales.refundable(purchase)
    before = sales.purchase_by_key(caller.source, said.receipt)
    if said.lines is None and before is not None and before.refunds_id == purchase.pk:
        return [(line.refunds_line_no, -line.quantity, -line.total_minor) for line in before.lines.order_by("line_no")]
    if said.lines is None:
        return left
    quantities = {line_no: quantity for line_no, quantity, _total in left}
    for place, line in enumerate(said.lines):
        if before is None and line.quantity > quantities.get(line.line, line.quantity):
            raise Refused(
                422, _("Line %(line)s has only %(left)s left to take back.") % {"line": line.line, "left": quantities[line.line].normalize()},
                field=f"lines.{place}.quantity",
            )  # fmt: skip
    return [(line.line, line.quantity, line.total_minor) for line in said.lines]


def _tier(tier) -> dict:
    return {"code": tier.code, "name": tier.name}
