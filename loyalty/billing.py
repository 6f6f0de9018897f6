"""The payment provider (Stripe), as memberships need it. Nothing is called, and nothing can be joined, until keys are set.

Settings: STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, and STRIPE_API_URL where a double stands in for Stripe.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import stripe
from django.conf import settings
from django.utils.translation import gettext as _

from loyalty.operations.errors import LedgerRefusal

PAID = {"active", "trialing"}
FAILING = {"past_due", "unpaid"}


class NotSetUp(LedgerRefusal):
    """No keys of the payment provider are set."""


class ProviderFailed(LedgerRefusal):
    """The payment provider could not be reached, or refused."""


class BadSignature(ValueError):
    """An event that the provider did not sign."""


@dataclass(frozen=True)
class Subscription:
    """What the provider says of one subscription now. `state`: paid, failing or ended."""

    id: str
    customer_id: str
    price_id: str
    member_public_id: str
    state: str
    is_leaving: bool
    period_ends_at: datetime | None


def is_set_up() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def _client() -> stripe.StripeClient:
    if not is_set_up():
        raise NotSetUp(_("Paid memberships are not open yet."))
    addresses = {"api": settings.STRIPE_API_URL} if settings.STRIPE_API_URL else None
    return stripe.StripeClient(settings.STRIPE_SECRET_KEY, base_addresses=addresses, max_network_retries=2)


def _asked(call, *args):
    try:
        return call(*args)
    except stripe.StripeError as error:
        raise ProviderFailed(_("The payment provider does not answer. Try again in a few minutes.")) from error


def start_checkout(*, price_id: str, member_public_id: str, success_url: str, cancel_url: str) -> str:
    """The address of the provider's page where the member pays."""
    wanted = {
        "mode": "subscription", "line_items": [{"price": price_id, "quantity": 1}], "client_reference_id": member_public_id,
        "subscription_data": {"metadata": {"member": member_public_id}}, "success_url": success_url, "cancel_url": cancel_url,
    }  # fmt: skip
    return _asked(_client().v1.checkout.sessions.create, wanted).url


def end_with_period(subscription_id: str) -> Subscription:
    """End a subscription with the period that is paid."""
    return _told(_asked(_client().v1.subscriptions.update, subscription_id, {"cancel_at_period_end": True}))


def subscription(subscription_id: str) -> Subscription:
    """What the provider says of a subscription now."""
    return _told(_asked(_client().v1.subscriptions.retrieve, subscription_id))


def _told(found: stripe.Subscription) -> Subscription:
    said = found.to_dict()
    [item, *_] = said["items"]["data"]
    ends = item.get("current_period_end") or said.get("current_period_end")
    state = "paid" if said["status"] in PAID else "failing" if said["status"] in FAILING else "ended"
    return Subscription(
        id=said["id"],
        customer_id=said["customer"],
        price_id=(item.get("price") or item["plan"])["id"],  # older versions of the provider's API say plan
        member_public_id=(said.get("metadata") or {}).get("member", ""),
        state=state,
        is_leaving=bool(said.get("cancel_at_period_end")),
        period_ends_at=datetime.fromtimestamp(ends, UTC) if ends else None,
    )


def signed_event(payload: bytes, signature: str) -> dict:
    """The event in a webhook's body, if the provider signed it. Raises BadSignature, NotSetUp."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise NotSetUp(_("Paid memberships are not open yet."))
    try:
        stripe.WebhookSignature.verify_header(payload.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, 300)
        return json.loads(payload)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise BadSignature(str(error)) from error


def subscription_of(event: dict) -> str | None:
    """Which subscription an event is about; None if none."""
    thing = event.get("data", {}).get("object", {})
    if thing.get("object") == "subscription":
        return thing["id"]
    parent = (thing.get("parent") or {}).get("subscription_details") or {}
    found = thing.get("subscription") or parent.get("subscription")
    return found["id"] if isinstance(found, dict) else found
