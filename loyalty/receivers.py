"""News from the floor. What stays of an erased member in the ledger names nobody: wallet and entries, so that sums hold."""

from django.dispatch import receiver
from django.utils.translation import gettext as _

from loyalty import queries
from loyalty.models import Entitlement, MemberEvent, Referral, ReferralCode, TierChange, Wallet
from members.personal_data import Section, rows_of
from members.signals import member_erased, personal_data_asked

ENTRIES_AT_ONCE = 500


@receiver(personal_data_asked)
def tell(member_id, **_news):
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
            "tier_changes",
            _("Tier changes"),
            rows_of(
                TierChange.objects.filter(wallet__member_id=member_id).order_by("at", "pk"),
                at="at", before="from_tier__name_en", after="to_tier__name_en", qualifying_points="qualifying_points",
            ),
        ),
        Section(
            "benefits",
            _("Offers and benefits given to you"),
            rows_of(
                Entitlement.objects.filter(member_id=member_id).order_by("valid_from", "pk"),
                "benefit", "amount", "valid_from", "valid_until", "uses_left", "used_at", category="category__path",
            ),
        ),
        Section(
            "events",
            _("What you did beside purchases"),
            rows_of(MemberEvent.objects.filter(member_id=member_id).order_by("pk"), "event", "subject", "occurred_at"),
        ),
        Section(
            "referrals",
            _("Friends who came by your code"),
            rows_of(Referral.objects.filter(referrer_id=member_id).order_by("pk"), "state", "at", "settled_at"),
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


@receiver(member_erased)
def forget(member_id, **_news):
    """Offers that were given say what a person was thought to want; unused and used alike, they go. So does the code by
    which friends knew the person.
    """
    ReferralCode.objects.filter(member_id=member_id).delete()
    Entitlement.objects.filter(member_id=member_id).delete()
