"""The entries of wallets that hold no points: stamps, tier credits, cashback; for every door, in the reader's language."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from loyalty import bonuses, remarks, sentences
from loyalty.models import Account, Grant, Transfer, Wallet
from loyalty.operations.purchases import POINTS


@dataclass(frozen=True)
class SideEntry:
    """One act in a wallet beside points: `amount` has a sign and counts the wallet's own unit (cents for cashback)."""

    version: int
    amount: int
    available_after: int
    reason: str
    sentence: str
    occurred_at: datetime


@dataclass(frozen=True)
class SideWallet:
    """A wallet beside points: what is in it, in words, and its newest entries."""

    currency: str
    name: str
    available: int
    words: str
    entries: list[SideEntry]


_ACTS = """
SELECT max(version), sum(CASE WHEN credit_account = %(available)s THEN points WHEN debit_account = %(available)s THEN -points ELSE 0 END),
       (array_agg(available_after ORDER BY version DESC))[1], (array_agg(reason ORDER BY version))[1], max(note), max(occurred_at),
       source_id, client_key
  FROM loyalty_transfer WHERE wallet_id = %(wallet)s GROUP BY source_id, client_key ORDER BY 1 DESC LIMIT %(limit)s
"""


def wallets(member_id: int, *, limit: int = 20) -> list[SideWallet]:
    """What a member has beside points, each wallet with its newest entries. Three queries a wallet."""
    held = (
        Wallet.objects.filter(member_id=member_id, version__gt=0).exclude(currency_id=POINTS).select_related("currency")
    )
    return [_side(wallet, limit) for wallet in held.order_by("currency_id")]


def _side(wallet: Wallet, limit: int) -> SideWallet:
    code = wallet.currency.code
    said = {"available": Account.AVAILABLE, "wallet": wallet.pk, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ACTS, said)
        acts = cursor.fetchall()
    words = remarks.opened(act[4] for act in acts)
    given = _given(wallet.pk, [act[-1] for act in acts])
    entries = [
        SideEntry(
            version,
            int(amount),
            after,
            reason,
            _sentence(code, int(amount), reason, words[note], given[source, key]),
            at,
        )
        for version, amount, after, reason, note, at, source, key in acts
    ]
    return SideWallet(code, name_of(code), wallet.available, bonuses.amount(wallet.available, code), entries)


def name_of(currency: str) -> str:
    """What a wallet's unit is called, in the reader's language."""
    names = {"stamps": _("Stamps"), "tier_credits": _("Tier credits")}
    return names.get(currency) or _("Cashback (%(money)s)") % {"money": currency.partition(":")[2]}


def _given(wallet_id: int, keys: Sequence[str]) -> dict[tuple[int, str], list[str]]:
    words: dict[tuple[int, str], list[str]] = defaultdict(list)
    fields = ("source_id", "client_key", "term", "rule_set_id", "wallet__currency__code", "amount", "units", "terms")
    for source_id, client_key, *said in (
        Grant.objects.filter(wallet_id=wallet_id, client_key__in=keys).order_by("pk").values_list(*fields)
    ):
        words[source_id, client_key] += bonuses.in_words([bonuses.Bonus(*said)])
    return words


def _sentence(currency: str, amount: int, reason: str, note: str, given: list[str]) -> str:
    """“2 stamps for Basket card (2 visits)”, “−$3.00 cashback: paid with”."""
    if given:
        return sentences.listed(given)
    words = bonuses.amount(abs(amount), currency)
    said = {"amount": f"−{words}" if amount < 0 else words, "why": note or str(Transfer.Reason(reason).label)}
    return _("%(amount)s: %(why)s") % said
