"""Finds the members and the store that the demo's home page points at. They are real rows; only their names are invented."""

from datetime import datetime, timedelta

from django.db.models import Count, F, Q

from loyalty.queries import tier_progress, wallets
from members.models import Member, User
from sales.models import Purchase, Store

NEAR_POINTS_MAX = 60


def find(*, at: datetime) -> dict:
    """Facts for `demo.operations.remember`: `featured` members, the `busiest_store`. The demo's cashier works there."""
    featured = {
        "near_tier": _near_tier(at),
        "lapsing": _first(Member.objects.filter(lifecycle_stage="at_risk").order_by("-wallets__available")),
        "new": _first(Member.objects.order_by("-joined_at")),
    }
    store = _busiest_store(at)
    store.staff.add(*User.objects.filter(groups__name__in=["cashier", "store_manager"]))
    return {
        "featured": {why: told for why, told in featured.items() if told},
        "busiest_store": {"code": store.code, "name": store.name},
    }


def _told(member: Member, line: str = "") -> dict:
    return {"public_id": str(member.public_id), "name": member.name, "line": line}


def _first(members) -> dict | None:
    member = members.filter(status="active", language="en", wallets__available__gt=0).first()
    return _told(member) if member else None


def _near_tier(at) -> dict | None:
    """The active shopper with the fewest points missing to the next tier, and enough of a history to look at."""
    shoppers = (
        wallets()
        .filter(member__status="active", member__language="en", last_purchase_at__gte=at - timedelta(days=21))
        .annotate(purchases=Count("awards"))
        .filter(purchases__gte=40)
        .order_by("-purchases")[:400]
    )
    best = None
    for wallet in shoppers:
        progress = tier_progress(wallet.member_id, at=at)
        if progress.next_tier and (best is None or progress.missing < best[0]):
            best = (progress.missing, wallet.member_id)
            if progress.missing <= NEAR_POINTS_MAX:
                break
    return _told(Member.objects.get(pk=best[1]), str(best[0])) if best else None


def _busiest_store(at) -> Store:
    recent = Q(purchases__kind=Purchase.Kind.SALE, purchases__purchased_at__gte=at - timedelta(weeks=12))
    return Store.objects.annotate(receipts=Count("purchases", filter=recent)).order_by(F("receipts").desc()).first()
