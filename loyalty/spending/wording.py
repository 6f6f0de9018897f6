"""Acts of spending in words: one for the history of the member, the cashier, and the desk.

An act is told by its main movement first, then by what else it moved.
"""

from collections import Counter
from collections.abc import Mapping

from django.utils.translation import gettext

from loyalty.models import Account, Transfer
from loyalty.sentences import _joined, count, of_redemption

Reason = Transfer.Reason
_MAIN = (Reason.PURCHASE, Reason.REFUND, Reason.REDEMPTION, Reason.PAYMENT, Reason.HOLD, Reason.REINSTATED)


def moves_of(transfers) -> Counter:
    """Points by (reason, account that gave, account that took), from transfers as the database lists them."""
    moves = Counter()
    for reason, debit, credit, points in transfers:
        moves[reason, int(debit), int(credit)] += int(points)
    return moves


def main_reason(moves: Mapping) -> str:
    """What an act is called when it moved points for several reasons."""
    reasons = [reason for reason, *_ in moves]
    return next((reason for reason in _MAIN if reason in reasons), reasons[0])


def moved(moves: Mapping, reason: str) -> int:
    """All points an act moved for one reason."""
    return sum(points for (why, *_), points in moves.items() if why == reason)


def with_rest(sentence: str, main: str, moves: Mapping) -> str:
    """The sentence of the main movement, and after it what else the act moved."""
    return _joined([sentence, *_rest(main, moves)])


def _rest(main: str, moves: Mapping) -> list[str]:
    words = {
        Reason.RELEASE: gettext("%(points)s no longer set aside"),
        Reason.RESTORED: gettext("%(points)s given back"),
        Reason.DEBT_PAID: gettext("%(points)s paid back what was owed"),
        Reason.WRITE_OFF: gettext("%(points)s written off"),
    }
    return [
        said % {"points": count(moved(moves, reason))}
        for reason, said in words.items()
        if reason != main and moved(moves, reason)
    ]


def of(reason: str, moves: Mapping, *, note: str) -> str | None:
    """The sentence of an act of spending; None for reasons that other rooms put into words."""
    if reason == Reason.REDEMPTION and not any(debit == Account.HELD for _, debit, _ in moves):
        return of_redemption(moved(moves, reason), note)
    points = count(moved(moves, reason))
    if reason == Reason.REDEMPTION:
        said = gettext("%(points)s of what was set aside: spent on %(what)s") if note else gettext(
            "%(points)s of what was set aside: spent"
        )  # fmt: skip
        return said % {"points": points, "what": note}
    words = {
        Reason.HOLD: gettext("−%(points)s: set aside for %(what)s") if note else gettext("−%(points)s: set aside"),
        Reason.INACTIVITY: gettext("−%(points)s: expired, because nothing happened for a long time"),
        Reason.RELEASE: gettext("%(points)s: no longer set aside"),
        Reason.RESTORED: gettext("%(points)s: given back"),
        Reason.REINSTATED: gettext("%(points)s: reinstated – %(what)s"),
        Reason.WRITE_OFF: gettext("%(points)s that were owed: written off – %(what)s"),
        Reason.PAYMENT: gettext("−%(points)s: paid a part of a purchase"),
        Reason.LOADED: gettext("%(points)s: loaded"),
        Reason.DEBT_PAID: gettext("−%(points)s: paid back what was owed"),
    }
    said = words.get(reason)
    return said and said % {"points": points, "what": note}
