"""Refunds: take goods back, and with them what they earned, under the rules as they were."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import rules, signals
from loyalty.models import DebtPolicy
from loyalty.operations.errors import CannotRefund, KeyReused
from loyalty.operations.purchases import TierMove, _again_after_races, _programme_zone
from loyalty.operations.written_purchases import literal
from sales import catalogue


@dataclass(frozen=True)
class Refunded:
    """What a refund took back. `points` in all, of which `debt_added` could not be taken and is now owed.

    `available` and `debt` are the wallet's after it; None when the purchase earned for nobody. `points_restored` had paid for
    what comes back; `money_minor` is what is given back in money, the rest having been paid otherwise (None for a replay).
    `written_off` of `debt_added` is owed no more.
    """

    purchase_id: int | None
    public_id: object
    points: int
    debt_added: int
    available: int | None
    debt: int | None
    tier_before_code: str | None
    tier_code: str | None
    is_replay: bool
    points_restored: int = 0
    money_minor: int | None = None
    written_off: int = 0


def refund(
    *,
    source: str,
    client_key: str,
    purchase_id: int,
    lines: Sequence[tuple[int, Decimal, int]],
    refunded_at: datetime,
    store_code: str | None = None,
    debt_policy: str | None = None,
) -> Refunded:
    """Refund lines (line_no, quantity, total_minor; all positive) of a purchase, in one SQL round trip.

    Any split and any order of refunds take back the same; a full refund takes back exactly all. Points that paid for a part
    return to their lots. What the member has spent already becomes a debt: `debt_policy` (deduct, negative, write_off) says for
    this refund what becomes of it, else the programme's policy does. Raises CannotRefund, KeyReused.
    """
    said = _Said(purchase_id, lines, refunded_at, store_code, debt_policy)
    row = _again_after_races(partial(_call, source, client_key, said))
    if row["outcome"] == "raced":  # another process stored the same refund meanwhile: ask for its answer
        row = _call(source, client_key, said)
    if row["outcome"] == "conflict":
        raise KeyReused(client_key)
    if row["outcome"] not in {"recorded", "replay"}:
        raise _refusal(row["outcome"], row["line_no"], row["refundable_minor"])
    answer = _answer(row, said)
    if not answer.is_replay:
        _tell(answer)
    return answer


def preview_refund(
    *,
    purchase_id: int,
    lines: Sequence[tuple[int, Decimal, int]],
    refunded_at: datetime,
    debt_policy: str | None = None,
) -> Refunded:
    """The numbers `refund` would give now, by the same code, with nothing written. Raises CannotRefund."""
    said = _Said(purchase_id, lines, refunded_at, None, debt_policy)
    with transaction.atomic():
        row = _call("ledger", f"preview:{purchase_id}", said)
        transaction.set_rollback(True)
    if row["outcome"] != "recorded":
        raise _refusal(row["outcome"], row["line_no"], row["refundable_minor"])
    return replace(_answer(row, said), purchase_id=None, public_id=None)


class _Said(NamedTuple):
    """A refund as its client tells it."""

    purchase_id: int
    lines: Sequence[tuple[int, Decimal, int]]
    refunded_at: datetime
    store_code: str | None
    debt_policy: str | None

    def digest(self) -> bytes:
        lines = [(n, f"{Decimal(q).normalize():f}", t) for n, q, t in self.lines]
        said = (self.purchase_id, lines, int(self.refunded_at.timestamp()))
        said += (self.debt_policy,) if self.debt_policy else ()
        return hashlib.blake2b(repr(said).encode(), digest_size=16).digest()


def _answer(row: dict, said: _Said) -> Refunded:
    tiers = rules.known().tiers
    is_replay = row["outcome"] == "replay"
    refunded_minor = sum(total for *_, total in said.lines)
    return Refunded(
        purchase_id=row["purchase_id"],
        public_id=row["public_id"],
        points=int(row["points"]),
        debt_added=int(row["debt_added"]),
        available=row["available"],
        debt=row["debt"],
        tier_before_code=tiers[row["tier_before_id"]].code if row["tier_before_id"] else None,
        tier_code=tiers[row["tier_id"]].code if row["tier_id"] else None,
        is_replay=is_replay,
        points_restored=int(row["restored"]),
        money_minor=None if is_replay else refunded_minor - row["restored_minor"],
        written_off=int(row["written_off"]),
    )


def _call(source: str, client_key: str, said: _Said) -> dict:
    _check(said)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_refund(%s::bigint, %s::text, %s::bytea, %s::bigint, %s::bigint, %s::smallint[],
                      %s::numeric[], %s::bigint[], %s::text, %s::timestamptz, %s::date)""",
            [
                catalogue.source_id(source),
                client_key,
                said.digest(),
                said.purchase_id,
                catalogue.store_id(said.store_code) if said.store_code else None,
                literal([str(number) for number, *_ in said.lines]),
                literal([str(quantity) for _, quantity, _ in said.lines]),
                literal([str(total) for *_, total in said.lines]),
                said.debt_policy,
                said.refunded_at,
                said.refunded_at.astimezone(_programme_zone()).date(),
            ],
        )
        return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))


def _check(said: _Said):
    if not said.lines:
        raise CannotRefund(_("Choose at least one line to refund."))
    if said.refunded_at.tzinfo is None:
        raise CannotRefund("refunded_at needs a time zone, such as 2026-03-01T17:05:00-05:00.")
    if said.debt_policy not in {None, *DebtPolicy.values}:
        raise CannotRefund(f"debt_policy is one of {', '.join(DebtPolicy.values)}.")
    for _number, quantity, total in said.lines:
        if total < 0 or quantity < 0:
            raise CannotRefund(_("Say what is taken back as amounts above zero."))


def _refusal(outcome: str, line_no: int | None, left: int | None) -> CannotRefund:
    if outcome == "no_purchase":
        return CannotRefund(_("There is no such purchase to refund. Check the receipt."))
    if outcome == "no_line":
        return CannotRefund(_("The receipt has no line %(line)s.") % {"line": line_no})
    return CannotRefund(
        _("Line %(line)s has only %(left)s left to refund. Refund no more than that.")
        % {"line": line_no, "left": f"{(left or 0) / 100:.2f}"}
    )


def _tell(answer: Refunded):
    transaction.on_commit(
        partial(signals.purchases_recorded.send, sender=Refunded, purchase_ids=[answer.purchase_id]), robust=True
    )
    if answer.tier_code != answer.tier_before_code:
        move = TierMove(None, answer.tier_before_code, answer.tier_code, answer.purchase_id)
        transaction.on_commit(partial(signals.tier_changed.send, sender=Refunded, changes=[move]), robust=True)
