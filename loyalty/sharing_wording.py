"""Points between wallets in words: gifts, households, merged members, opening balances, partners."""

from collections.abc import Mapping

from django.utils.translation import gettext

from loyalty.models import Account, Transfer
from loyalty.sentences import count

Reason = Transfer.Reason


def of(reason: str, moves: Mapping, *, note: str) -> str | None:
    """The sentence of an act between wallets; None for other reasons. `moves`: points by (reason, giver, taker)."""
    came = sum(points for (why, _, credit), points in moves.items() if why == reason and credit == Account.AVAILABLE)
    went = sum(points for (why, debit, _), points in moves.items() if why == reason and debit == Account.AVAILABLE)
    owed = sum(points for (why, debit, _), points in moves.items() if why == reason and debit == Account.DEBT)
    came -= min(came, went)
    words = _coming(reason) if came else _going(reason)
    if words is None:
        return None
    said = words % {"points": count(came or went or owed)}
    return gettext("%(said)s – %(note)s") % {"said": said, "note": note} if note else said


def _coming(reason: str) -> str | None:
    return {
        Reason.GIFT: gettext("%(points)s: a gift"),
        Reason.POOL: gettext("%(points)s: from the household"),
        Reason.MERGE: gettext("%(points)s: came over when two cards were merged"),
        Reason.OPENING: gettext("%(points)s: brought along from before"),
        Reason.PARTNER: gettext("%(points)s: from a partner"),
    }.get(reason)


def _going(reason: str) -> str | None:
    return {
        Reason.GIFT: gettext("−%(points)s: given away"),
        Reason.POOL: gettext("−%(points)s: shared with the household"),
        Reason.MERGE: gettext("−%(points)s: went over when a merge of two cards was made or undone"),
    }.get(reason)
