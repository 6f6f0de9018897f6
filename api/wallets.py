"""Events of wallets: read by version, or subscribed to by webhook."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from ninja import Router, Schema
from pydantic import Field

from api import schemas, webhooks
from api.endpoints import _allowed
from api.models import ApiClient
from api.problems import Refused
from loyalty import events
from members import queries as members
from members.models import Member
from members.outgoing import BadAddress

router = Router()
MISSING = {401: schemas.Problem, 403: schemas.Problem, 404: schemas.Problem, 422: schemas.Problem}
VERSION_MAX = 2**63 - 1


class WalletOut(Schema):
    id: UUID
    currency: str
    version: int = Field(description="Of the newest event; events have the versions 1 to this one, without a gap.")
    available: int


class WalletEventOut(Schema):
    wallet: UUID
    version: int
    reason: str
    change: int = Field(description="What it did to the available points, with its sign.")
    available: int = Field(description="Available points right after it.")
    points: int
    from_account: str
    into_account: str
    key: str = Field(description="The act's own key; one act may be several events.")
    purchase: UUID | None
    expires_on: str | None
    occurred_at: datetime
    posted_at: datetime


class WalletEventsOut(Schema):
    events: list[WalletEventOut]
    version: int = Field(description="Ask for what comes after this one next.")
    more: bool


class WebhookIn(schemas.Strict):
    url: Annotated[str, Field(max_length=500, examples=["https://example.com/regulars"])]


class WebhookOut(Schema):
    id: UUID
    url: str
    active: bool
    failures: int = Field(description="Tries since the last one that was answered with 2xx.")
    last_error: str
    behind: int = Field(description="Wallets with events that were not taken yet.")


class NewWebhookOut(WebhookOut):
    secret: str = Field(description="Signs every request to you. Shown now and never again.")


def _caller(request):
    return _allowed(request, ApiClient.Scope.MEMBERS)


@router.get(
    "/members/{uuid:public_id}/wallets", response={200: list[WalletOut], **MISSING}, summary="A member's wallets"
)
def wallets(request, public_id: UUID):
    """One a currency, with the version to ask events after."""
    _caller(request)
    found = members.by_public_id(public_id)
    if found is None or found.status != Member.Status.ACTIVE:
        raise Http404
    return 200, [
        {"id": one.public_id, "currency": one.currency.code, "version": one.version, "available": one.available}
        for one in events.wallets_of(found.pk)
    ]


@router.get(
    "/wallets/{uuid:public_id}/events", response={200: WalletEventsOut, **MISSING}, summary="What happened to a wallet"
)
def wallet_events(
    request,
    public_id: UUID,
    after: Annotated[int, Field(ge=0, le=VERSION_MAX)] = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
):
    """In the order of versions, from the one after `after`. Each carries the balance; no version is ever left out."""
    _caller(request)
    wallet = events.wallet_of(public_id)
    if wallet is None:
        raise Http404
    found = events.of_wallet(wallet.pk, after=after, limit=limit)
    reached = found[-1].version if found else after
    return 200, {
        "events": [webhooks.as_said(event) for event in found],
        "version": reached,
        "more": reached < wallet.version,
    }


@router.post("/webhooks", response={201: NewWebhookOut, **MISSING}, summary="Hear of every change of points")
def subscribe(request, webhook: WebhookIn):
    """From now on. The same address again gets a new secret and keeps its place."""
    caller = _caller(request)
    try:
        made, secret = webhooks.subscribe(
            client=ApiClient.objects.get(name=caller.name), url=webhook.url, at=timezone.now()
        )
    except BadAddress as reason:
        raise Refused(422, str(reason), field="url") from None
    return 201, _said(made) | {"secret": secret}


@router.get("/webhooks", response={200: list[WebhookOut], **MISSING}, summary="Your webhooks, and how they fare")
def listed(request):
    caller = _caller(request)
    return 200, [_said(one) for one in webhooks.Webhook.objects.filter(client__name=caller.name).order_by("pk")]


@router.delete("/webhooks/{uuid:public_id}", response={204: None, **MISSING}, summary="Stop a webhook")
def stop(request, public_id: UUID):
    """It forgets its place: who subscribes again hears what happens from then on."""
    caller = _caller(request)
    gone, _what = webhooks.Webhook.objects.filter(client__name=caller.name, public_id=public_id).delete()
    if not gone:
        raise Http404
    return 204, None


def _said(one) -> dict:
    return {
        "id": one.public_id, "url": one.url, "active": one.is_active, "failures": one.failures, "last_error": one.last_error,
        "behind": one.positions.filter(is_behind=True).count(),
    }  # fmt: skip
