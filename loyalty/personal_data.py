"""What the ledger holds about one person, told to them; and what of it goes when they are forgotten."""

from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty import queries, remarks
from loyalty.models import Entitlement, TierChange, Wallet
from loyalty.operations import memberships
from loyalty.progress import MemberEvent, Referral, ReferralCode
from loyalty.sharing import PoolShare
from loyalty.spending.models import GiftCard, Hold, Redemption, Voucher
from loyalty.standing import Membership, PaymentEvent, TierGrant
from members.personal_data import Section, rows_of

ENTRIES_AT_ONCE = 500


def sections(member_id: int) -> list[Section]:
    return [*_points(member_id), *_spending(member_id), *_belonging(member_id)]


def _points(member_id: int) -> list[Section]:
    return [
        Section(
            "wallets",
            _("Balances"),
            rows_of(
                Wallet.objects.filter(member_id=member_id).order_by("pk"),
                "available", "pending", "held", "debt", currency="currency__code", tier="tier__name_en",
                tier_since="tier_since", last_purchase_at="last_purchase_at",
            ),
        ),
        Section("points", _("Points, each entry explained"), list(_entries(member_id))),
        Section(
            "events",
            _("What you did beside purchases"),
            rows_of(MemberEvent.objects.filter(member_id=member_id).order_by("pk"), "occurred_at", "event", "subject"),
        ),
    ]  # fmt: skip


def _entries(member_id: int):
    """The whole ledger, oldest first, in the words the portal uses."""
    found, before = [], None
    while page := queries.entries(member_id, limit=ENTRIES_AT_ONCE, before_version=before):
        found += page
        before = min(entry.version for entry in page)
    for entry in reversed(found):
        yield {
            "at": entry.occurred_at, "points": entry.points, "balance_after": entry.available_after, "reason": entry.reason,
            "explanation": entry.sentence, "expires_on": entry.expires_on,
        }  # fmt: skip


def _spending(member_id: int) -> list[Section]:
    theirs = Redemption.objects.filter(wallet__member_id=member_id).order_by("redeemed_at", "pk")
    return [
        Section(
            "benefits",
            _("Offers and benefits given to you"),
            rows_of(
                Entitlement.objects.filter(member_id=member_id).order_by("valid_from", "pk"),
                "benefit", "amount", "valid_from", "valid_until", "uses_left", "used_at", category="category__path",
            ),
        ),
        Section(
            "redemptions",
            _("Rewards you redeemed"),
            rows_of(theirs, "redeemed_at", "points", "state", "reversed_at", reward="reward__name_en"),
        ),
        Section(
            "vouchers",
            _("Your vouchers"),
            rows_of(
                Voucher.objects.filter(entitlement__member_id=member_id).order_by("owned_at", "pk"),
                "code", "owned_at", "is_void",
            ),
        ),
        Section(
            "gift_cards",
            _("Your gift cards"),
            rows_of(
                GiftCard.objects.filter(member_id=member_id).order_by("issued_at", "pk"),
                "code", "currency", "issued_minor", "valid_until", "issued_at", left_minor="wallet__available",
            ),
        ),
        Section(
            "holds",
            _("Points set aside"),
            rows_of(
                Hold.objects.filter(wallet__member_id=member_id).order_by("held_at", "pk"),
                "held_at", "points", "captured", "released", "state", "expires_at",
            ),
        ),
    ]  # fmt: skip


def _belonging(member_id: int) -> list[Section]:
    """Tiers, paid membership, household and friends. Of a friend nothing is told: that is theirs."""
    return [
        Section(
            "tier_changes",
            _("Tier changes"),
            rows_of(
                TierChange.objects.filter(wallet__member_id=member_id).order_by("at", "pk"),
                at="at", before="from_tier__name_en", after="to_tier__name_en", qualifying_points="qualifying_points",
            ),
        ),
        Section(
            "memberships",
            _("Paid membership"),
            rows_of(
                Membership.objects.filter(member_id=member_id).order_by("joined_at", "pk"),
                "joined_at", "status", "period_ends_at", "subscription_id", tier="plan__tier__name_en",
            ),
        ),
        Section(
            "household_shares",
            _("What you share with your household"),
            rows_of(
                PoolShare.objects.filter(member_id=member_id).order_by("since", "pk"),
                "since", "until", "percent", "is_head", "may_spend",
            ),
        ),
        Section(
            "referrals",
            _("Friends who came by your code"),
            rows_of(Referral.objects.filter(referrer_id=member_id).order_by("at", "pk"), "at", "state", "settled_at"),
        ),
    ]  # fmt: skip


def forget(member_id: int):
    """Offers that were given say what a person was thought to want: used and unused, they go. The ledger's rows stay."""
    Entitlement.objects.filter(member_id=member_id).delete()
    ReferralCode.objects.filter(member_id=member_id).delete()
    remarks.forget(member_id)
    TierGrant.objects.filter(wallet__member_id=member_id).update(note="")
    GiftCard.objects.filter(member_id=member_id).update(member=None)
    PoolShare.objects.filter(member_id=member_id, until=None).update(until=timezone.now())
    paid = memberships.membership_of(member_id)
    if (
        paid and not paid.is_leaving
    ):  # nobody is charged after they were forgotten; if the provider is away, this is told again
        memberships.leave(member_id=member_id, at=timezone.now())
    for subscription_id in Membership.objects.filter(member_id=member_id).values_list("subscription_id", flat=True):
        PaymentEvent.objects.filter(raw__contains=subscription_id).update(raw="")  # it holds name, address and card
