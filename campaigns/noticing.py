"""What members hear of their account by themselves: receipts, tiers that changed, points about to expire.

What happened is read from the rooms' own rows, some time back over again; a message is unique for its cause, so nothing is said twice
and nothing that Redis or a worker lost goes unsaid. Receipts go to who asked for them by e-mail, the others by each way by which the
member wants to hear of their points.
"""

from datetime import timedelta

from django.db.models import CharField, Exists, F, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from delivery import account_letters, channels
from delivery import operations as outbox
from delivery import queries as sent
from loyalty.models import ExpiryNotice, TierChange
from members.models import Member
from push.queries import app_users, subscribers
from sales.models import Purchase

MODULE = "notices"
TRIGGERS = frozenset({"tier", "points_expiring"})
"""What sets a campaign off of which members hear in a notice too."""
LOOKS_BACK = timedelta(hours=48)
"""What is older is no news: a receipt imported later, or a tier of another year."""
NEWEST = 100_000
"""Rows looked through, of tables that have no index by time: they are written in its order."""


def tell(*, at) -> dict[str, int]:
    """Put into the outbox what is not there yet. How many of each. Repeatable."""
    return {"receipts": _receipts(at), "tiers": _tiers(at), "expiring": _expiring(at)}


def _receipts(at) -> int:
    asked = Member.objects.reachable(channel="email", at=at, purpose="receipts").values("pk")
    lately = Purchase.objects.filter(purchased_at__gt=at - LOOKS_BACK, purchased_at__lte=at, member__in=asked)
    return _enqueue(lately, account_letters.RECEIPT, channel="email", at=at, purpose="transactional")


def _tiers(at) -> int:
    """The latest step of each member: who rose twice in an hour hears of the higher tier."""
    lately = _newest(TierChange).filter(at__gt=at - LOOKS_BACK, at__lte=at, from_tier__isnull=False)
    later = TierChange.objects.filter(wallet=OuterRef("wallet"), pk__gt=OuterRef("pk"), at__lte=at)
    return _to_each_way(lately.filter(~Exists(later)), account_letters.TIER_CHANGE, at=at)


def _expiring(at) -> int:
    lately = _newest(ExpiryNotice).filter(at__gt=at - LOOKS_BACK, at__lte=at, last_day__gte=at.date())
    return _to_each_way(lately.filter(wallet__available__gt=0), account_letters.EXPIRY_NOTICE, at=at)


def _newest(model) -> QuerySet:
    newest = model.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return model.objects.filter(pk__gt=newest - NEWEST, wallet__member__isnull=False)


def _to_each_way(rows: QuerySet, kind: str, *, at) -> int:
    """By e-mail, push, app and text message, where it is set up, to who said yes to news of their points by it."""
    rows = rows.annotate(member_id=F("wallet__member_id"))
    return sum(
        _enqueue(rows.filter(member_id__in=who), kind, channel=channel, at=at, purpose="points")
        for channel, who in _reached(at).items()
        if channels.ways(channel)
    )


def _reached(at) -> dict[str, QuerySet]:
    def agreed(channel):
        return Member.objects.reachable(channel=channel, at=at, purpose="points").values("pk")

    pushed = agreed("push")
    return {
        "email": agreed("email"), "push": pushed.filter(pk__in=subscribers()), "mobile": pushed.filter(pk__in=app_users()),
        "sms": agreed("sms"),
    }  # fmt: skip


def _enqueue(rows: QuerySet, kind: str, *, channel: str, at, purpose: str) -> int:
    """Every row as a message of its own: `kind`:pk is what it says, and why."""
    named = Concat(Value(f"{kind}:"), Cast("pk", CharField()), output_field=CharField())
    rows = rows.annotate(content=named, own_cause=Concat(Value("account:"), named, output_field=CharField()))
    waiting = rows.filter(~Exists(sent.about(OuterRef("own_cause"), channel=channel)))
    return outbox.enqueue(messages=waiting, channel=channel, at=at, purpose=purpose)
