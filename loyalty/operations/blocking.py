"""Stop spending from a wallet whose promises are broken; allow it again once somebody has looked."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import remarks
from loyalty.models import BlockedWallet, Wallet
from loyalty.operations.errors import LedgerRefusal


class CannotUnblock(LedgerRefusal):
    """A wallet that is not blocked, or no reason was given."""


@transaction.atomic
def block_spending(*, breaches: Iterable[tuple[int, str, str]], at: datetime) -> int:
    """Block the wallets of (wallet id, promise, breach in words). Returns how many were free before."""
    first = {}
    for wallet_id, promise, breach in breaches:
        first.setdefault(wallet_id, (promise, breach))
    made = 0
    for wallet_id, (promise, breach) in sorted(first.items()):
        _row, is_new = BlockedWallet.objects.get_or_create(
            wallet_id=wallet_id, lifted_at=None, defaults={"promise": promise[:200], "breach": breach, "blocked_at": at}
        )
        made += is_new
    with connection.cursor() as cursor:
        cursor.execute("SELECT loyalty_block_spending(%s::bigint[], %s::timestamptz)", [sorted(first), at])
    return made


@transaction.atomic
def allow_spending(*, wallet_id: int, reason: str, by_user_id: int | None, at: datetime):
    """Lift the block of a wallet. The reason is kept with who lifted it. Raises CannotUnblock."""
    if not reason.strip():
        raise CannotUnblock(_("Say why: the reason is kept with the decision."))
    lifted = BlockedWallet.objects.filter(wallet_id=wallet_id, lifted_at=None).update(
        lifted_at=at, lifted_by_id=by_user_id, lift_reason=_words(wallet_id, reason, at)
    )
    if not lifted:
        raise CannotUnblock(_("This wallet is not blocked."))
    with connection.cursor() as cursor:
        cursor.execute("SELECT loyalty_allow_spending(%s::bigint)", [wallet_id])


def _words(wallet_id: int, reason: str, at: datetime) -> str:
    holder = Wallet.objects.filter(pk=wallet_id).values_list("member_id", flat=True).first()
    kept = remarks.keep(reason, member_id=holder, source="block", client_key=f"{wallet_id}:{at.isoformat()}")
    return kept or reason.strip()[:200]
