"""What happens at a counter in one go: rewards handed out for points, free products given, and the sale paid with what fits.

All or nothing, in one transaction, under the client's own key; and the same beforehand with nothing written, so that what the
cashier sees is what the ledger will do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty import queries, rewards
from loyalty.models import Entitlement, GiftCard, Reward, SpendingPolicy
from loyalty.operations.paying import CannotPay, Card, Paid, Quote, Spend, points_worth, quote, record_paid_purchase
from loyalty.operations.purchases import _again_after_races
from loyalty.operations.rewards import Redeemed, hand_over, redeem_reward
from sales import catalogue
from sales.lines import Line

TAKEN_OFF = {Reward.Kind.PERCENT, Reward.Kind.AMOUNT}


class Wish(NamedTuple):
    """What the member wants to spend. `benefits` and `rewards` are public ids; cashback and cards pay as much as fits."""

    points: int = 0
    uses_cashback: bool = False
    cards: tuple[GiftCard, ...] = ()
    benefits: tuple[str, ...] = ()
    rewards: tuple[str, ...] = ()


class Counter(NamedTuple):
    """Where and when, and the key the client gave this act. `lines` is empty when nothing is sold."""

    source: str
    client_key: str
    store_code: str
    at: datetime
    currency: str
    lines: Sequence[Line]
    member_id: int
    by_user_id: int | None = None


@dataclass(frozen=True)
class Settled:
    """What was, or would be, done. Money in minor units.

    `points_spent` for rewards and as payment; `points_most` that could pay for what is left, `points_least` at once;
    `extra_minor` is what rewards cost in money besides; `paid` is None where nothing was sold, and beforehand.
    """

    spend: Spend
    points_spent: int
    points_most: int = 0
    points_least: int = 0
    points_minor: int = 0
    to_pay_minor: int | None = None
    extra_minor: int = 0
    redeemed: list[Redeemed] = field(default_factory=list)
    paid: Paid | None = None


def record_at_counter(
    *, counter: Counter, wish: Wish, expected_minor: int | None = None, allow: Callable[[Settled], None] | None = None
) -> Settled:
    """Do it. The same act again hands nothing out twice.

    `allow` is shown what would be done just before it is, and may raise. Raises CannotRedeem, CannotPay, NotEnoughPoints, …
    """
    _make_known(counter)
    return _again_after_races(lambda: _record(counter, wish, expected_minor, allow))


@transaction.atomic
def _record(counter: Counter, wish: Wish, expected_minor, allow) -> Settled:
    settled = _settle(counter, wish)
    if allow:
        allow(settled)
    if not counter.lines:
        return settled
    paid = record_paid_purchase(
        source=counter.source, client_key=counter.client_key, store_code=counter.store_code, purchased_at=counter.at,
        currency=counter.currency, lines=counter.lines, member_id=counter.member_id, spend=settled.spend,
        expected_minor=expected_minor,
    )  # fmt: skip
    return replace(settled, to_pay_minor=paid.to_pay_minor, paid=paid)


def preview_at_counter(*, counter: Counter, wish: Wish) -> Settled:
    """The same by the same code, with nothing written. Raises what `record_at_counter` does."""
    _make_known(counter)
    with transaction.atomic():
        try:
            return _settle(counter, wish)
        finally:
            transaction.set_rollback(True)


def _make_known(counter: Counter):
    """A new source or product is stored before the transaction that may be taken back: the catalogue remembers their ids."""
    catalogue.source_id(counter.source)
    catalogue.facts_of(counter.lines)


def _settle(counter: Counter, wish: Wish) -> Settled:
    redeemed = _redeem(counter, wish.rewards)
    handed = [one.redemption.entitlement for one in redeemed if one.redemption.entitlement_id and not one.is_replay]
    brought = list(Entitlement.objects.filter(public_id__in=wish.benefits, member_id=counter.member_id).order_by("pk"))
    for one in [*handed, *brought]:
        if one.benefit == Entitlement.Benefit.PRODUCT:
            hand_over(entitlement_id=one.public_id, member_id=counter.member_id, at=counter.at)
    named = [one.public_id for one in brought if one.benefit != Entitlement.Benefit.PRODUCT]
    named += [one.public_id for one in handed if one.benefit in TAKEN_OFF]
    spent = wish.points + sum(one.redemption.points for one in redeemed)
    extra = sum(one.redemption.money_minor for one in redeemed)
    if not counter.lines:
        return Settled(Spend(), spent, extra_minor=extra, redeemed=redeemed)
    return _paid_with(counter, wish, tuple(named), Settled(Spend(), spent, extra_minor=extra, redeemed=redeemed))


def _redeem(counter: Counter, public_ids: Sequence[str]) -> list[Redeemed]:
    """In the order of their prices, each under a key of its own that follows from the act's."""
    chosen = Reward.objects.filter(public_id__in=public_ids).order_by("points", "pk")
    return [
        redeem_reward(
            member_id=counter.member_id, reward_id=one.pk, source=counter.source,
            client_key=f"{counter.client_key}:{one.pk}"[:120], at=counter.at, store_code=counter.store_code,
            by_user_id=counter.by_user_id,
        )
        for one in chosen
    ]  # fmt: skip


def _paid_with(counter: Counter, wish: Wish, benefits: tuple, so_far: Settled) -> Settled:
    """Benefits first, then the points asked for, then as much cashback and of each card as is left to pay."""
    policy = rewards.pay_rate()
    before = _quote(counter, Spend(benefits=benefits))
    if before.refused:
        _refuse_what_does_not_fit(before, benefits)
    left = before.to_pay_minor
    worth = points_worth(wish.points, policy) if wish.points else 0
    cashback = min(rewards.cashback_of(counter.member_id, currency=counter.currency, at=counter.at), left - worth)
    cashback = max(cashback, 0) if wish.uses_cashback else 0
    cards, rest = [], max(left - worth - cashback, 0)
    for card in wish.cards:
        if minor := min(card.wallet.available, rest):
            cards.append(Card(card, minor))
            rest -= minor
    spend = Spend(wish.points, cashback, tuple(cards), benefits)
    after = _quote(counter, spend)
    spendable = queries.spendable(counter.member_id, at=counter.at)
    return Settled(
        spend, so_far.points_spent, points_most=_most(spendable, left, policy, counter.currency),
        points_least=policy.pay_points_min, points_minor=worth, to_pay_minor=after.to_pay_minor,
        extra_minor=so_far.extra_minor, redeemed=so_far.redeemed,
    )  # fmt: skip


def _quote(counter: Counter, spend: Spend) -> Quote:
    return quote(
        member_id=counter.member_id, lines=counter.lines, currency=counter.currency, store_code=counter.store_code,
        at=counter.at, spend=spend,
    )  # fmt: skip


def _refuse_what_does_not_fit(priced: Quote, benefits: tuple):
    refused = dict(priced.refused)
    if Entitlement.objects.filter(pk__in=refused, public_id__in=benefits).exists():
        raise CannotPay(
            _("A reward does not fit this sale: it asks for more, or for other goods. Take it off the list.")
        )


def _most(spendable: int, left_minor: int, policy: SpendingPolicy, currency: str) -> int:
    """The most points that pay for what is left without a remainder lost; 0 where they cannot pay."""
    if not policy.pay_minor or policy.pay_currency != currency:
        return 0
    enough = left_minor * policy.pay_points // policy.pay_minor
    most = min(spendable, enough)
    return most if most >= max(policy.pay_points_min, 1) else 0
