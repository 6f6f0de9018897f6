"""Recording a sale with what pays for it, and handing rewards out: one act, named before its first try."""

from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _

import loyalty.operations
import members.operations
import members.queries
import sales.queries
from members import clock
from pos import presence
from pos.handing_in import TILL_PRODUCT, amount_of
from sales.lines import Line


class NotSold(Exception):
    """The sale was refused, and nothing moved; the text says what to do."""


class SoldBefore(NotSold):
    """Something else was recorded from this page already: it needs a name of its own, and a yes."""

    def __init__(self):
        super().__init__(_("A sale was recorded from this page already. If this is another one, press Enter again."))


def counter_of(request, person, here, *, amount: int | None, key: str) -> loyalty.operations.Counter:
    """The act as the ledger takes it. Without an amount nothing is sold."""
    lines = [Line(TILL_PRODUCT, Decimal(1), amount, name="Sale by amount")] if amount else []
    return loyalty.operations.Counter(
        here.source, key, here.store.code, clock.now(), settings.CURRENCY, lines, person.pk, request.user.pk
    )


def sell(request, person, here, *, amount: int | None, key: str, wish, **terms) -> str | None:
    """Record it and return the public id of the purchase; None when rewards were handed out and nothing was sold.

    `terms` are those of `record_at_counter`: what to pay is expected, and who allows it. Raises NotSold.
    """
    if members.queries.is_own_account(request.user, person):
        raise NotSold(_("This is your own account. A colleague records your purchases."))
    if not amount and not any(wish):
        raise NotSold(_("Type the amount in digits, such as 24.60."))
    if told := _told(here, key, person, amount):
        return told  # Enter was pressed twice: one sale
    try:
        done = loyalty.operations.record_at_counter(
            counter=counter_of(request, person, here, amount=amount, key=key), wish=wish, **terms
        )
    except loyalty.operations.KeyReused as reused:
        if told := _told(here, key, person, amount):
            return told
        raise SoldBefore from reused
    except loyalty.operations.LedgerRefusal as refusal:
        raise NotSold(str(refusal)) from refusal
    presence.end(request)
    _write_down(request, person, done)
    return str(done.paid.recorded.public_id) if done.paid else None


def _told(here, key: str, person, amount: int | None) -> str | None:
    """What this page recorded before, if it is the same sale. `total_minor` is what is on the receipt, after benefits."""
    told = sales.queries.told(here.source, key)
    if told is None or not amount:
        return None
    if (told.member_id, amount_of(told)) != (person.pk, amount):
        raise SoldBefore
    return str(told.public_id)


def _write_down(request, person, done):
    """Who did it, beside the member: once, whatever was pressed twice."""
    for one in done.redeemed:
        if not one.is_replay:
            _note(request, person, "adjusted", one.redemption.public_id)
    if done.paid and not done.paid.recorded.is_replay:
        _note(request, person, "awarded", done.paid.recorded.public_id)


def _note(request, person, act: str, public_id):
    members.operations.note_access(user=request.user, member_id=person.pk, act=act, door="pos", note=str(public_id))
