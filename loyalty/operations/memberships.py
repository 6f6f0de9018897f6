"""Paid memberships: the payment provider's news switch the tier on and off.

An event says only which subscription it is about; what counts is what the provider says of it when asked, under a lock. So
events may come twice, late and in any order.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import billing
from loyalty.models import Membership, MembershipPlan, PaymentEvent, Tier, TierGrant
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.tiers import give_tier
from members.models import Member

GRACE = timedelta(days=7)
SLACK = timedelta(days=3)  # for the renewal's news to arrive after a period has ended
MONITORED_MAX = 500


class CannotJoin(LedgerRefusal):
    """A membership that cannot be begun or ended so."""


def open_plans() -> list[MembershipPlan]:
    """The plans members may join, the cheapest first; none until the provider's keys are set."""
    if not billing.is_set_up():
        return []
    return list(MembershipPlan.objects.select_related("tier").filter(is_open=True).order_by("amount_minor", "pk"))


def add_plan(*, tier_code: str, price_id: str, amount_minor: int, currency: str, interval: str) -> MembershipPlan:
    """Put a paid tier up for joining at a price the provider knows by `price_id`. Raises CannotJoin."""
    tier = Tier.objects.filter(code=tier_code, how=Tier.How.PAID).first()
    if tier is None:
        raise CannotJoin(_("There is no paid tier %(tier)s.") % {"tier": tier_code})
    facts = {"tier": tier, "amount_minor": amount_minor, "currency": currency, "interval": interval, "is_open": True}
    plan, _is_new = MembershipPlan.objects.update_or_create(price_id=price_id, defaults=facts)
    return plan


def membership_of(member_id: int) -> Membership | None:
    """The membership a member has now."""
    standing = Membership.objects.exclude(status=Membership.Status.ENDED).select_related("plan__tier")
    return standing.filter(member=member_id).order_by("-joined_at").first()


def join(*, member_id: int, plan: MembershipPlan, success_url: str, cancel_url: str) -> str:
    """Where the member pays. Nothing is joined before the provider says so. Raises CannotJoin, billing.NotSetUp, ProviderFailed."""
    if not plan.is_open:
        raise CannotJoin(_("This membership is no longer offered."))
    if membership_of(member_id):
        raise CannotJoin(_("You are a member already."))
    public_id = Member.objects.values_list("public_id", flat=True).get(pk=member_id)
    return billing.start_checkout(
        price_id=plan.price_id, member_public_id=str(public_id), success_url=success_url, cancel_url=cancel_url
    )


def leave(*, member_id: int, at: datetime) -> Membership:
    """End a membership with the period that is paid. Raises CannotJoin, billing.NotSetUp, ProviderFailed."""
    held = membership_of(member_id)
    if held is None:
        raise CannotJoin(_("There is no membership to end."))
    return _apply(billing.end_with_period(held.subscription_id), at)


def hear_event(*, payload: bytes, signature: str, at: datetime) -> str:
    """Take an event of the provider: kept as it came, obeyed once. Returns obeyed, ignored or replay.

    Raises billing.BadSignature, NotSetUp, and ProviderFailed: then the provider sends it again, and it is obeyed then.
    """
    event = billing.signed_event(payload, signature)
    kept, _is_new = PaymentEvent.objects.get_or_create(
        event_id=event["id"], defaults={"kind": event["type"], "raw": payload.decode(), "received_at": at}
    )
    if kept.handled_at is not None:
        return "replay"
    about = billing.subscription_of(event)
    outcome = "ignored"
    if about is not None and refresh(subscription_id=about, at=at):
        outcome = "obeyed"
    PaymentEvent.objects.filter(pk=kept.pk).update(handled_at=at, outcome=outcome)
    return outcome


@transaction.atomic
def refresh(*, subscription_id: str, at: datetime) -> Membership | None:
    """Ask the provider about a subscription and follow it; None when it is not one of ours."""
    with connection.cursor() as cursor:  # two events about one subscription queue up, so the later question counts
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 21))", [subscription_id])
    return _apply(billing.subscription(subscription_id), at)


def refresh_all(*, at: datetime) -> int:
    """Ask about every standing membership whose period is over: for news that never came."""
    due = Membership.objects.exclude(status=Membership.Status.ENDED).filter(period_ends_at__lt=at)
    ids = list(due.order_by("period_ends_at", "pk").values_list("subscription_id", flat=True)[:MONITORED_MAX])
    for subscription_id in ids:
        refresh(subscription_id=subscription_id, at=at)
    return len(ids)


def _apply(told: billing.Subscription, at: datetime) -> Membership | None:
    plan = MembershipPlan.objects.select_related("tier").filter(price_id=told.price_id).first()
    held = Membership.objects.select_related("member").filter(subscription_id=told.id).first()
    member = held.member if held else Member.objects.filter(public_id=told.member_public_id or None).first()
    if plan is None or member is None or (held is None and told.state == "ended"):
        return None
    status = {"paid": Membership.Status.ACTIVE, "failing": Membership.Status.GRACE}.get(
        told.state, Membership.Status.ENDED
    )
    grace_until = None
    if status == Membership.Status.GRACE:
        grace_until = (held and held.grace_until) or at + GRACE
    facts = {
        "member": member, "plan": plan, "customer_id": told.customer_id, "status": status, "is_leaving": told.is_leaving,
        "period_ends_at": told.period_ends_at, "grace_until": grace_until, "changed_at": at,
    }  # fmt: skip
    membership, _is_new = Membership.objects.update_or_create(
        subscription_id=told.id, defaults=facts, create_defaults=facts | {"joined_at": at}
    )
    give_tier(
        member_id=member.pk, tier_code=plan.tier.code, kind=TierGrant.Kind.MEMBERSHIP, cause=f"membership:{told.id}",
        until=_tier_until(membership, at), by_user_id=None, at=at,
    )  # fmt: skip
    return membership


def _tier_until(membership: Membership, at: datetime) -> datetime:
    """Until when the tier stays if nothing more is heard."""
    if membership.status == Membership.Status.ENDED:
        return at - timedelta(seconds=1)
    if membership.status == Membership.Status.GRACE:
        return membership.grace_until
    return (membership.period_ends_at or at) + SLACK
