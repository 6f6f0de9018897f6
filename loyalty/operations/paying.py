"""Purchases that are not paid in money alone: benefits, points, cashback and gift cards, stored beside the purchase."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty.models import Account, Entitlement, Hold, SpendingPolicy, Tender, Transfer, Wallet
from loyalty.operations.acting import ask, day_of, digest
from loyalty.operations.errors import KeyReused, LedgerRefusal, NotEnoughPoints
from loyalty.operations.holds import end_hold
from loyalty.operations.purchases import POINTS, PurchaseIn, Recorded, _again_after_races, record_purchase
from loyalty.spending import pricing
from loyalty.spending.pricing import spread
from members.queries import ids_of
from sales import catalogue
from sales.lines import Line
from sales.models import Purchase

DISCOUNTS = (
    Entitlement.Benefit.PERCENT,
    Entitlement.Benefit.AMOUNT,
    Entitlement.Benefit.PRODUCT,
    Entitlement.Benefit.SHIPPING,
)


class CannotPay(LedgerRefusal):
    """A tender that does not fit the purchase: too much, below the least, or a benefit that is gone."""


class Card(NamedTuple):
    """A gift card and how much of it to use. `card` is the row that `find_gift_card` gave."""

    card: object
    minor: int


class Spend(NamedTuple):
    """What a member pays with beside money. `benefits` are public ids of their entitlements that ask to be named.

    `hold_id` (public id): the points come out of this hold, which ends with the purchase; what it held beyond them is let go.
    """

    points: int = 0
    cashback_minor: int = 0
    cards: tuple[Card, ...] = ()
    benefits: tuple = ()
    hold_id: object = None


class Part(NamedTuple):
    """One row of the tender to be: `units` leave `wallet_id`; `minor` is what they stand for, `line_minor` its shares."""

    kind: str
    minor: int
    line_minor: list[int]
    units: int = 0
    wallet_id: int | None = None
    entitlement_id: int | None = None
    hold_id: object = None


@dataclass(frozen=True)
class Quote:
    """A basket as it would be paid. `to_pay_minor` is left to pay in money; `refused` says why a benefit does not apply."""

    parts: list[Part]
    lines: list[Line]
    earning_minor: list[int]
    to_pay_minor: int
    refused: list[tuple[int, str]]
    ships_free: bool


@dataclass(frozen=True)
class Paid:
    """A purchase with what paid for it. `recorded` is what record_purchase answers."""

    recorded: Recorded
    to_pay_minor: int
    tenders: list[Tender]
    is_replay: bool


def quote(
    *, member_id: int | None, lines: Sequence[Line], currency: str, store_code: str, at: datetime, spend: Spend
) -> Quote:
    """Price a basket with what the member wants to spend; nothing is written. Lines carry their prices before benefits.

    Benefits that need no naming are taken off by themselves. Raises CannotPay.
    """
    store_id = catalogue.store_id(store_code)
    benefits = _benefits(member_id, spend.benefits, at)
    priced = pricing.price(_items(lines), benefits, currency=currency, store_id=store_id)
    parts = [
        Part(Tender.Kind.BENEFIT, used.minor, used.line_minor, entitlement_id=used.benefit.id) for used in priced.used
    ]
    left, earning = list(priced.line_minor), list(priced.line_minor)
    for part in _of_wallets(member_id, spend, currency):
        if part.minor > sum(left):
            raise CannotPay(_("More is paid than the purchase costs. Pay with less."))
        shares = spread(part.minor, left)
        left = [rest - share for rest, share in zip(left, shares, strict=True)]
        if part.kind != Tender.Kind.GIFT_CARD:  # a gift card was money once; points and cashback do not earn again
            earning = [rest - share for rest, share in zip(earning, shares, strict=True)]
        parts.append(part._replace(line_minor=shares))  # noqa: SLF001 (a named tuple's own way)
    net = [with_total(line, minor) for line, minor in zip(lines, priced.line_minor, strict=True)]
    refused = [(benefit.id, why) for benefit, why in priced.refused]
    return Quote(parts, net, earning, sum(left), refused, priced.ships_free)


def record_paid_purchase(
    *, source: str, client_key: str, store_code: str, purchased_at: datetime, currency: str, lines: Sequence[Line],
    member_id: int | None, spend: Spend, expected_minor: int | None = None,
) -> Paid:  # fmt: skip
    """Record a purchase and take what pays for it, all or nothing. Lines carry their prices before benefits.

    The same act again answers the same, whatever became of the benefits since. `expected_minor` is the money the till asks
    for: when the basket comes to something else, nothing is recorded. Raises CannotPay, NotEnoughPoints, KeyReused and what
    record_purchase raises.
    """
    said = PurchaseIn(source, client_key, store_code, purchased_at, currency, tuple(lines), member_id)
    return _again_after_races(lambda: _record(said, spend, expected_minor))


@transaction.atomic
def _record(said: PurchaseIn, spend: Spend, expected_minor: int | None) -> Paid:
    hashed = _digest(said, spend)
    with connection.cursor() as cursor:  # a second try of the same act waits for the first
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 21))", [f"{said.source} {said.client_key}"])
    if stored := Purchase.objects.filter(source__code=said.source, client_key=said.client_key).first():
        return _replay(stored, said, hashed)
    _lock(said.member_id, spend, said.purchased_at)
    priced = quote(
        member_id=said.member_id, lines=said.lines, currency=said.currency, store_code=said.store_code,
        at=said.purchased_at, spend=spend,
    )  # fmt: skip
    if expected_minor is not None and priced.to_pay_minor != expected_minor:
        raise CannotPay(_("The amount to pay has changed meanwhile. Nothing was recorded; look at it again."))
    key = f"paid:{catalogue.source_id(said.source)}:{said.client_key}"
    taken = [_take(part, f"{key}:{seq}"[:120], hashed, said.purchased_at) for seq, part in enumerate(priced.parts)]
    recorded = _record_net(said, priced.lines, priced.earning_minor)
    tenders = Tender.objects.bulk_create(
        Tender(
            purchase_id=recorded.purchase_id, seq=seq, kind=part.kind, wallet_id=part.wallet_id,
            entitlement_id=part.entitlement_id, client_key=f"{key}:{seq}"[:120], said_hash=hashed, units=part.units,
            minor=part.minor, line_minor=part.line_minor, lot_expires_on=days, lot_units=units,
        )
        for seq, (part, (days, units)) in enumerate(zip(priced.parts, taken, strict=True))
    )  # fmt: skip
    return Paid(recorded, priced.to_pay_minor, tenders, is_replay=False)


def with_total(line: Line, total_minor: int) -> Line:
    return line._replace(total_minor=total_minor)  # noqa: SLF001 (a named tuple's own way)


def _replay(stored: Purchase, said: PurchaseIn, hashed: bytes) -> Paid:
    tenders = list(Tender.objects.filter(purchase=stored).order_by("seq"))
    if stored.kind != Purchase.Kind.SALE or any(bytes(one.said_hash) != hashed for one in tenders):
        raise KeyReused(said.client_key)
    off = [one.line_minor for one in tenders if one.kind == Tender.Kind.BENEFIT]
    lines = [
        with_total(line, line.total_minor - sum(shares[place] for shares in off))
        for place, line in enumerate(said.lines)
    ]
    recorded = _record_net(said, lines, None)  # finds its key, and answers as it did
    paid = sum(one.minor for one in tenders if one.kind != Tender.Kind.BENEFIT)
    return Paid(recorded, sum(line.total_minor for line in lines) - paid, tenders, is_replay=True)


def _record_net(said: PurchaseIn, lines: list[Line], earning_minor: list[int] | None) -> Recorded:
    return record_purchase(
        source=said.source, client_key=said.client_key, store_code=said.store_code, purchased_at=said.purchased_at,
        currency=said.currency, lines=lines, member_id=said.member_id, earning_minor=earning_minor,
    )  # fmt: skip


def _digest(said: PurchaseIn, spend: Spend) -> bytes:
    lines = [(line.product_code, f"{line.quantity.normalize():f}", line.total_minor) for line in said.lines]
    cards = [(card.card.pk, card.minor) for card in spend.cards]
    benefits = sorted(map(str, spend.benefits))
    at = int(said.purchased_at.timestamp())
    held = [str(spend.hold_id)] if spend.hold_id else []
    return digest(
        said.store_code,
        at,
        said.currency,
        said.member_id,
        lines,
        spend.points,
        spend.cashback_minor,
        cards,
        benefits,
        *held,
    )


def _lock(member_id: int | None, spend: Spend, at: datetime):
    """Wallets by id, then benefits by id: what is read from here on stays as it is until the commit."""
    wallets = Wallet.objects.filter(pk__in=[card.card.wallet_id for card in spend.cards])
    benefits = Entitlement.objects.none()
    if member_id is not None:
        wallets = wallets | Wallet.objects.filter(member_id=member_id)
        benefits = _usable(member_id, at)
    for rows in (wallets, benefits):
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _usable(member_id: int, at: datetime):
    return Entitlement.objects.filter(
        member_id=member_id, benefit__in=DISCOUNTS, uses_left__gt=0, valid_from__lte=at, valid_until__gte=at
    )


def _benefits(member_id: int | None, named: Sequence, at: datetime) -> list[pricing.Benefit]:
    if member_id is None:
        if named:
            raise CannotPay(_("A reward belongs to a member. Ask for their card first."))
        return []
    named = {str(one) for one in named}
    found = [one for one in _usable(member_id, at) if not one.needs_code or str(one.public_id) in named]
    if missing := named - {str(one.public_id) for one in found}:
        raise CannotPay(
            _("A reward cannot be used any more: it was used, or its time is over. (%(number)s)")
            % {"number": len(missing)}
        )
    return [
        pricing.Benefit(
            one.pk, one.benefit, one.amount, one.category_id, one.product_id, one.currency, one.max_minor,
            one.basket_minor_from, one.left_minor, tuple(one.store_ids) if one.store_ids is not None else None,
        )
        for one in found
    ]  # fmt: skip


def _items(lines: Sequence[Line]) -> list[pricing.Item]:
    facts = catalogue.facts_of(lines)
    return [
        pricing.Item(
            facts[line.product_code].id, facts[line.product_code].category_ids, line.quantity, line.total_minor
        )
        for line in lines
    ]


def _of_wallets(member_id: int | None, spend: Spend, currency: str) -> list[Part]:
    """What is paid from wallets, without its shares of the lines: points first, then cashback, then cards."""
    parts = []
    if spend.points:
        parts.append(_points(member_id, spend, currency))
    if spend.cashback_minor:
        wallet_id = _wallet(member_id, f"cashback:{currency}")
        parts.append(Part(Tender.Kind.CASHBACK, spend.cashback_minor, [], spend.cashback_minor, wallet_id))
    for card, minor in spend.cards:
        if card.currency != currency:
            raise CannotPay(_("This gift card is in another currency."))
        parts.append(Part(Tender.Kind.GIFT_CARD, minor, [], minor, card.wallet_id))
    if any(part.minor <= 0 for part in parts):
        raise CannotPay(_("What is paid with is above zero."))
    return parts


def points_worth(points: int, policy: SpendingPolicy) -> int:
    """What points pay, in minor units; a fraction of a unit is not paid."""
    return points * policy.pay_minor // policy.pay_points


def _points(member_id: int | None, spend: Spend, currency: str) -> Part:
    points = spend.points
    policy = SpendingPolicy.objects.get(currency_id=POINTS)
    if not policy.pay_minor or policy.pay_currency != currency:
        raise CannotPay(_("Points pay for no purchase here."))
    if points < policy.pay_points_min:
        raise CannotPay(_("At least %(points)s points are paid with at once.") % {"points": policy.pay_points_min})
    wallet_id = _held_by(member_id, spend.hold_id) if spend.hold_id else _wallet(member_id, "points")
    return Part(Tender.Kind.POINTS, points_worth(points, policy), [], points, wallet_id, hold_id=spend.hold_id)


def _held_by(member_id: int | None, hold_id) -> int:
    """The wallet of a hold, if it is this member's own."""
    found = Hold.objects.filter(public_id=hold_id, wallet__member__in=ids_of(member_id) if member_id else []).first()
    if found is None:
        raise CannotPay(_("There is no such hold. Check its id."))
    return found.wallet_id


def _wallet(member_id: int | None, currency_code: str) -> int:
    found = Wallet.objects.filter(member_id=member_id, currency__code=currency_code).first() if member_id else None
    if found is None:
        raise NotEnoughPoints(0)
    return found.pk


def _take(part: Part, key: str, hashed: bytes, at: datetime) -> tuple[list, list]:
    """Take one part, and say from which lots."""
    if part.kind == Tender.Kind.BENEFIT:
        with connection.cursor() as cursor:
            cursor.execute("SELECT loyalty_take_benefit(%s, %s, %s)", [part.entitlement_id, part.minor, at])
            outcome = cursor.fetchone()[0]
        if outcome == "gone":
            raise CannotPay(_("A reward was used elsewhere at this moment. Nothing was recorded; try again."))
        if outcome == "no_budget":
            raise CannotPay(_("An offer has run out for everybody. Nothing was recorded; go on without it."))
        return [], []
    if part.hold_id:
        return _take_held(part, key, hashed, at)
    answer = ask(
        "loyalty_pay", "bigint text bytea bigint timestamptz date", part.wallet_id, key, hashed, part.units, at,
        day_of(at),
    )  # fmt: skip
    if answer["outcome"] == "too_few":
        raise NotEnoughPoints(answer["available"])
    return answer["days"], answer["parts"]


def _take_held(part: Part, key: str, hashed: bytes, at: datetime) -> tuple[list, list]:
    """Capture one part out of its hold, let the rest go, and say from which lots. Raises CannotCapture."""
    end_hold(part.hold_id, hashed, "ledger", key, at, amount=part.units, lets_go=True, note="")
    captured = Transfer.objects.filter(
        wallet=part.wallet_id, client_key=key, debit_account=Account.HELD, credit_account=Account.REDEEMED
    ).order_by("seq")
    days, units = zip(*captured.values_list("expires_on", "points"), strict=True)
    return list(days), list(units)
