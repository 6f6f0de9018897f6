"""Codes in hand as a file that `import_vouchers` of another house takes: vouchers with an owner or without, and gift cards.

A code is money to whoever reads it, so the file is made for its owner alone and never written over another.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from django.utils.translation import gettext as _

from loyalty.exchange.writing import cards_of_members, money
from loyalty.models import GiftCard, Reward, Voucher
from loyalty.operations.acting import day_of

HEADINGS = ("code", "card", "reward", "kind", "value", "currency", "valid_from", "valid_until", "status", "used_at")
CHUNK = 2_000


class AlreadyThere(Exception):
    """There is a file of this name; the message says so."""


@dataclass
class Written:
    """What the file holds: rows, and by currency what the unused are worth, in minor units, as the import's control totals count them.

    `left_out` are codes that nobody can use elsewhere: their owner was erased, or they are blocked or over with money on them.
    """

    codes: int = 0
    values: Counter = field(default_factory=Counter)
    left_out: int = 0


@dataclass(frozen=True)
class _Code:
    code: str
    member_id: int | None
    until: date
    begins: date | None = None
    reward: str = ""
    minor: int = 0
    currency: str = ""
    is_card: bool = False
    used_at: datetime | None = None


def write(path: Path, *, at: datetime) -> Written:
    """Write the file, in the order of the codes. Raises AlreadyThere."""
    written, cards, found = Written(), cards_of_members(), []
    for one in (*_vouchers(at), *_gift_cards(at)):
        if one is None or (one.member_id is not None and one.member_id not in cards):
            written.left_out += 1
        else:
            found.append(one)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise AlreadyThere(_("%(path)s is there already. Choose another name.") % {"path": path}) from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADINGS)
        for one in sorted(found, key=lambda one: one.code):
            writer.writerow(_row(one, cards))
            written.codes += 1
            if one.currency and not one.used_at:
                written.values[one.currency] += one.minor
    return written


def _row(one: _Code, cards: dict[int, str]) -> tuple:
    return (
        one.code, cards.get(one.member_id, ""), one.reward, "gift_card" if one.is_card else "voucher",
        money(one.minor, one.currency) if one.currency else "", one.currency, one.begins or "", one.until,
        "used" if one.used_at else "unused", one.used_at.astimezone(UTC).isoformat() if one.used_at else "",
    )  # fmt: skip


def _vouchers(at: datetime) -> Iterator[_Code | None]:
    rows = Voucher.objects.filter(is_void=False).select_related("pool__reward", "entitlement__redemption__reward")
    for one in rows.order_by("pk").iterator(CHUNK):
        given, pool = one.entitlement, one.pool
        redemption = getattr(given, "redemption", None)
        reward = redemption.reward if redemption else (pool and pool.reward)
        if reward is None or (given is None and pool is None):
            yield None
            continue
        span = given or pool
        used_at = one.owned_at if given is None else (given.used_at if given.uses_left < 1 else None)
        left = given.left_minor if given and used_at is None else None
        is_money = _is_only_money(reward) or (left is not None and left < reward.amount)
        yield _Code(
            one.code, given and given.member_id, day_of(span.valid_until),
            begins=day_of(span.valid_from) if span.valid_from > at else None, reward="" if is_money else reward.name_en,
            minor=(reward.amount if left is None else left) if is_money else 0, currency=reward.currency if is_money else "", used_at=used_at,
        )  # fmt: skip


def _is_only_money(reward: Reward) -> bool:
    """Money off that another system's code brought along; it stands in no catalogue."""
    return reward.kind == Reward.Kind.AMOUNT and not reward.points and not reward.is_active


def _gift_cards(at: datetime) -> Iterator[_Code | None]:
    for one in GiftCard.objects.select_related("wallet").order_by("pk").iterator(CHUNK):
        left = one.wallet.available
        if one.is_blocked or (left and one.valid_until < day_of(at)):
            yield None
            continue
        yield _Code(one.code, one.member_id, one.valid_until, minor=left, currency=one.currency, is_card=True)
