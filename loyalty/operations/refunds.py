"""Refunds: take goods back, and with them what they earned, under the rules as they were."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import rules, signals
from loyalty.operations.errors import CannotRefund, KeyReused
from loyalty.operations.purchases import TierMove, _again_after_races, _literal, _programme_zone
from sales import catalogue


@dataclass(frozen=True)
class Refunded:
    """What a refund took back. `points` in all, of which `debt_added` could not be taken and is now owed.

    `available` and `debt` are the wallet's after it; None when the purchase earned for nobody.
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


def refund(
    *,
    source: str,
    client_key: str,
    purchase_id: int,
    lines: Sequence[tuple[int, Decimal, int]],
    refunded_at: datetime,
    store_code: str | None = None,
) -> Refunded:
    """Refund lines (line_no, quantity, total_minor; all positive) of a purchase, in one SQL round trip.

    Any split and any order of refunds take back the same; a full refund takes back exactly all. What the member has spent
    already becomes a debt that next earnings pay. Raises CannotRefund, KeyReused.
    """
    row = _again_after_races(
        partial(
            _call,
            source,
            client_key,
            purchase_id=purchase_id,
            lines=lines,
            refunded_at=refunded_at,
            store_code=store_code,
        ),
    )
    outcome, refund_id, public_id, points, debt_added, available, debt, tier_before, tier, line_no, left = row
    if outcome == "raced":  # another process stored the same refund meanwhile: ask for its answer
        return refund(
            source=source, client_key=client_key, purchase_id=purchase_id, lines=lines, refunded_at=refunded_at,
            store_code=store_code,
        )  # fmt: skip
    if outcome == "conflict":
        raise KeyReused(client_key)
    if outcome not in {"recorded", "replay"}:
        raise _refusal(outcome, line_no, left)
    tiers = rules.known().tiers
    codes = [tiers[t].code if t else None for t in (tier_before, tier)]
    answer = Refunded(refund_id, public_id, int(points), int(debt_added), available, debt, *codes, outcome == "replay")
    if not answer.is_replay:
        _tell(answer)
    return answer


def preview_refund(*, purchase_id: int, lines: Sequence[tuple[int, Decimal, int]], refunded_at: datetime) -> Refunded:
    """The numbers `refund` would give now, by the same code, with nothing written. Raises CannotRefund."""
    key = f"preview:{purchase_id}"
    with transaction.atomic():
        row = _call("ledger", key, purchase_id=purchase_id, lines=lines, refunded_at=refunded_at, store_code=None)
        transaction.set_rollback(True)
    outcome, _refund, _public, points, debt_added, available, debt, tier_before, tier, line_no, left = row
    if outcome != "recorded":
        raise _refusal(outcome, line_no, left)
    tiers = rules.known().tiers
    codes = [tiers[t].code if t else None for t in (tier_before, tier)]
    return Refunded(None, None, int(points), int(debt_added), available, debt, *codes, is_replay=False)


def _call(source, client_key, *, purchase_id, lines, refunded_at, store_code):
    _check(lines, refunded_at)
    said = repr(
        (purchase_id, [(n, f"{Decimal(q).normalize():f}", t) for n, q, t in lines], int(refunded_at.timestamp()))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_refund(%s::bigint, %s::text, %s::bytea, %s::bigint, %s::bigint, %s::smallint[],
                      %s::numeric[], %s::bigint[], %s::timestamptz, %s::date)""",
            [
                catalogue.source_id(source),
                client_key,
                hashlib.blake2b(said.encode(), digest_size=16).digest(),
                purchase_id,
                catalogue.store_id(store_code) if store_code else None,
                _literal([str(number) for number, *_ in lines]),
                _literal([str(quantity) for _, quantity, _ in lines]),
                _literal([str(total) for *_, total in lines]),
                refunded_at,
                refunded_at.astimezone(_programme_zone()).date(),
            ],
        )
        return cursor.fetchone()


def _check(lines, refunded_at):
    if not lines:
        raise CannotRefund(_("Choose at least one line to refund."))
    if refunded_at.tzinfo is None:
        raise CannotRefund("refunded_at needs a time zone, such as 2026-03-01T17:05:00-05:00.")
    for _number, quantity, total in lines:
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
    transaction.on_commit(partial(signals.purchases_recorded.send, sender=Refunded, purchase_ids=[answer.purchase_id]))
    if answer.tier_code != answer.tier_before_code:
        move = TierMove(None, answer.tier_before_code, answer.tier_code, answer.purchase_id)
        transaction.on_commit(partial(signals.tier_changed.send, sender=Refunded, changes=[move]))
