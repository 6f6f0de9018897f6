"""Purchases paid with points, cashback, gift cards and rewards: what they earn, and how each part comes back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries
from loyalty.models import Entitlement, Reward, SpendingPolicy, Tender, Transfer, Wallet
from loyalty.operations import CannotPay, Card, EntitlementIn, KeyReused, NotEnoughPoints, Spend
from sales import catalogue
from sales.lines import Line
from sales.models import Product, PurchaseLine
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import at_once, is_sound

LATER = MARCH + timedelta(days=3)


def pay(shop, member, minor, spend, *, key=None, at=MARCH, product="milk", **others):
    amounts = minor if isinstance(minor, list) else [minor]
    return operations.record_paid_purchase(
        source="till", client_key=key or shop.key(), store_code="S1", purchased_at=at, currency="USD",
        lines=[Line(product, Decimal(1), amount) for amount in amounts], member_id=member and member.pk, spend=spend,
        **others,
    )  # fmt: skip


def refund(shop, paid, *lines, at=LATER, quantity=0):
    return operations.refund(
        source="till", client_key=shop.key(), purchase_id=paid.recorded.purchase_id, refunded_at=at,
        lines=[(number, Decimal(quantity), minor) for number, minor in lines],
    )  # fmt: skip


def lots(member):
    wallet = queries.wallet_of(member.pk)
    return dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


def offer(member, benefit, amount, *, cause="offer", **others):
    row = EntitlementIn(member.pk, None, benefit, amount, MARCH - timedelta(days=1), LATER, cause, **others)
    assert operations.entitle([row]) == 1
    return Entitlement.objects.get(cause=cause)


def card_of(issued, minor):
    return Card(issued.card, minor)


@pytest.fixture
def member(shop):
    member = shop.member()
    shop.buy(member, 50_000, at=MARCH - timedelta(days=60))
    shop.buy(member, 49_900)  # one point below the next tier
    return member


def test_a_hold_pays_for_a_purchase_in_one_act_and_lets_its_rest_go(shop, member):
    held = shop.hold(member, 900, until=LATER)
    with pytest.raises(operations.CannotPay, match="no such hold"):
        pay(shop, shop.member(), [3000], Spend(points=800, hold_id=held.hold.public_id))
    spend = Spend(points=800, hold_id=held.hold.public_id)
    paid = pay(shop, member, [3000, 1000], spend, key="held")
    assert (paid.to_pay_minor, paid.recorded.available) == (3200, 231)
    assert pay(shop, member, [3000, 1000], spend, key="held").is_replay
    held.hold.refresh_from_db()
    assert (held.hold.state, held.hold.captured, held.hold.released) == ("captured", 800, 100)
    refund(shop, paid, (1, 3000), (2, 1000))
    assert lots(member) == {date(2027, 1, 31): 500, date(2027, 3, 31): 499}, "what was held is restored to its lots"
    with pytest.raises(operations.CannotCapture, match="ended"):
        pay(shop, member, [3000], spend)
    assert is_sound()


def test_points_and_money_pay_together_and_only_money_earns(shop, member):
    paid = pay(shop, member, [3000, 1000], Spend(points=800))
    assert (paid.to_pay_minor, paid.recorded.points, paid.recorded.available) == (3200, 32, 231)
    [part] = paid.tenders
    assert (part.kind, part.units, part.minor, part.line_minor) == ("points", 800, 800, [600, 200])
    assert list(zip(part.lot_expires_on, part.lot_units, strict=True)) == [
        (date(2027, 1, 31), 500), (date(2027, 3, 31), 300),
    ]  # fmt: skip
    assert list(PurchaseLine.objects.filter(purchase=paid.recorded.purchase_id).values_list("total_minor", flat=True)) == [
        3000, 1000,
    ]  # fmt: skip
    assert queries.entries(member.pk)[1].sentence == "−800 points: paid a part of a purchase"
    assert is_sound()


def test_what_points_paid_comes_back_as_points_to_their_lots_and_not_as_cash(shop, member):
    before = lots(member)
    paid = pay(shop, member, [3000, 1000], Spend(points=800))
    first = refund(shop, paid, (1, 3000))
    assert (first.points_restored, first.money_minor, first.points) == (600, 2400, 24)
    second = refund(shop, paid, (2, 1000))
    assert (second.points_restored, second.money_minor, second.points) == (200, 800, 8)
    assert lots(member) == before
    assert queries.entries(member.pk)[0].sentence.endswith("200 points given back")
    assert is_sound()


def test_points_that_would_have_expired_meanwhile_do_not_come_back_to_life(shop, member):
    paid = pay(shop, member, 4000, Spend(points=800))
    answer = refund(shop, paid, (1, 4000), at=MARCH.replace(year=2027, month=2))
    assert (answer.points_restored, answer.debt_added) == (800, 0)
    assert lots(member) == {date(2027, 3, 31): 499}
    assert is_sound()


def test_a_percentage_an_amount_and_a_free_product_are_taken_off_and_do_not_earn(shop, member):
    mug = offer(member, "amount", 500, currency="USD", needs_code=True)
    offer(member, "percent", 10, cause="ten")
    free = offer(member, "product", 1, cause="free", product_id=Product.objects.get(code="milk").pk)
    paid = pay(shop, member, [1000, 2000], Spend(benefits=(mug.public_id,)))
    assert (paid.to_pay_minor, paid.recorded.points) == (1300, 13)
    assert {part.kind: part.minor for part in paid.tenders} == {"benefit": 500}
    assert sorted(part.minor for part in paid.tenders) == [200, 500, 1000]
    free.refresh_from_db()
    assert free.uses_left == 0
    assert is_sound()


def test_an_amount_may_be_used_in_parts(shop, member):
    offer(member, "amount", 1000, is_partial=True)
    assert pay(shop, member, 600, Spend()).to_pay_minor == 0
    assert Entitlement.objects.get().left_minor == 400
    assert pay(shop, member, 600, Spend()).to_pay_minor == 200
    assert (Entitlement.objects.get().left_minor, Entitlement.objects.get().uses_left) == (0, 0)


def test_a_reward_used_on_goods_that_come_back_is_given_back_once_all_of_them_are(shop, member):
    mug = offer(member, "amount", 500, needs_code=True)
    paid = pay(shop, member, [1000, 1000], Spend(benefits=(mug.public_id,)))
    refund(shop, paid, (1, 750))
    mug.refresh_from_db()
    assert mug.uses_left == 0
    refund(shop, paid, (2, 750), at=LATER + timedelta(days=10))
    mug.refresh_from_db()
    assert (mug.uses_left, mug.valid_until) == (1, LATER + timedelta(days=40))
    assert is_sound()


def test_by_policy_a_used_reward_stays_used(shop, member):
    SpendingPolicy.objects.update(returned_rewards="lose")
    mug = offer(member, "amount", 500, needs_code=True)
    refund(shop, pay(shop, member, 1000, Spend(benefits=(mug.public_id,))), (1, 500))
    mug.refresh_from_db()
    assert mug.uses_left == 0


def test_an_offer_that_multiplied_points_is_given_back_with_the_whole_purchase(shop, member):
    operations.entitle([EntitlementIn(member.pk, None, "multiply", 300, MARCH, LATER, "x3")])
    sale = shop.buy(member, [1000, 1000])
    assert (sale.points, Entitlement.objects.get().uses_left) == (60, 0)
    shop.refund(sale, (1, 1000))
    assert Entitlement.objects.get().uses_left == 0
    shop.refund(sale, (2, 1000))
    assert Entitlement.objects.get().uses_left == 1
    assert is_sound()


def test_a_budget_of_offers_is_never_overspent(shop):
    members = [shop.member() for _ in range(3)]
    for one in members:
        offer(one, "amount", 400, cause=f"offer-{one.pk}", budget="spring", budget_minor=1000)
    assert [pay(shop, one, 900, Spend()).to_pay_minor for one in members[:2]] == [500, 500]
    with pytest.raises(CannotPay, match="run out"):
        pay(shop, members[2], 900, Spend())
    assert Entitlement.objects.get(member=members[2]).uses_left == 1


def test_gift_cards_are_money_and_cashback_is_not(shop, member):
    reward = Reward.objects.create(
        name_en="Cash", kind="cashback", points=100, amount=700, valid_from=MARCH - timedelta(days=1)
    )
    operations.redeem_reward(member_id=member.pk, reward_id=reward.pk, source="portal", client_key="cash", at=MARCH)
    card = operations.issue_gift_card(
        minor=2000, currency="USD", valid_until=date(2027, 3, 1), source="till", client_key="gift", at=MARCH
    )
    paid = pay(shop, member, 3000, Spend(cashback_minor=700, cards=(card_of(card, 1500),)))
    assert (paid.to_pay_minor, paid.recorded.points) == (800, 23)
    answer = refund(shop, paid, (1, 1500))
    assert (answer.money_minor, answer.points_restored) == (400, 0)
    cashback = Wallet.objects.get(member=member, currency__code="cashback:USD")
    assert (cashback.available, Wallet.objects.get(gift_card=card.card).available) == (350, 1250)
    assert is_sound()


def test_a_gift_card_pays_for_a_purchase_of_nobody(shop):
    card = operations.issue_gift_card(
        minor=2000, currency="USD", valid_until=date(2027, 3, 1), source="till", client_key="gift", at=MARCH
    )
    paid = pay(shop, None, 3000, Spend(cards=(card_of(card, 2000),)))
    assert (paid.to_pay_minor, paid.recorded.points) == (1000, 0)
    assert refund(shop, paid, (1, 3000)).money_minor == 1000
    assert Wallet.objects.get(gift_card=card.card).available == 2000
    assert is_sound()


@pytest.mark.parametrize(
    ("minor", "spend", "refused"),
    [
        (500, Spend(points=600), (CannotPay, "More is paid")),
        (5000, Spend(points=99), (CannotPay, "At least 100")),
        (500_000, Spend(points=1001), (NotEnoughPoints, "Only 999")),
        (5000, Spend(cashback_minor=5), (NotEnoughPoints, "Only 0")),
        (5000, Spend(benefits=("00000000-0000-0000-0000-000000000000",)), (CannotPay, "cannot be used any more")),
    ],
)
def test_a_tender_that_does_not_fit_moves_nothing(shop, member, minor, spend, refused):
    before = lots(member), Transfer.objects.count()
    with pytest.raises(refused[0], match=refused[1]):
        pay(shop, member, minor, spend)
    assert (lots(member), Transfer.objects.count(), Tender.objects.count()) == (*before, 0)


def test_a_price_that_changed_since_it_was_shown_records_nothing(shop, member):
    with pytest.raises(CannotPay, match="has changed"):
        pay(shop, member, 1000, Spend(), expected_minor=900)
    assert pay(shop, member, 1000, Spend(points=100), expected_minor=900).to_pay_minor == 900


def test_a_second_try_answers_the_same_though_the_reward_is_used_by_now(shop, member):
    mug = offer(member, "amount", 500, needs_code=True)
    spend = Spend(points=200, benefits=(mug.public_id,))
    first, again = (pay(shop, member, 2000, spend, key="once") for _ in range(2))
    assert (again.is_replay, again.to_pay_minor, again.recorded.purchase_id, again.recorded.points) == (
        True, first.to_pay_minor, first.recorded.purchase_id, first.recorded.points,
    )  # fmt: skip
    with pytest.raises(KeyReused):
        pay(shop, member, 2000, Spend(points=300, benefits=(mug.public_id,)), key="once")
    assert queries.wallet_of(member.pk).available == 999 - 200 + 13


def test_one_gift_card_at_many_tills_at_once_pays_what_is_on_it(committed_shop):
    shop = committed_shop
    card = operations.issue_gift_card(
        minor=1000, currency="USD", valid_until=date(2027, 3, 1), source="till", client_key="gift", at=MARCH
    )

    def till():
        try:
            return pay(shop, None, 900, Spend(cards=(card_of(card, 300),)))
        except NotEnoughPoints as refusal:
            return refusal

    answers = at_once([till for _ in range(12)])
    assert sum(isinstance(one, operations.Paid) for one in answers) == 3
    assert (Wallet.objects.get(gift_card=card.card).available, is_sound()) == (100, True)


def test_one_key_at_many_tills_at_once_takes_the_points_once(committed_shop):
    shop, member = committed_shop, committed_shop.member()
    shop.buy(member, 50_000)
    answers = at_once([lambda: pay(shop, member, 2000, Spend(points=300), key="once") for _ in range(12)])
    assert sorted(one.is_replay for one in answers) == [False] + [True] * 11
    assert (queries.wallet_of(member.pk).available, is_sound()) == (500 - 300 + 17, True)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(st.integers(100, 3000), min_size=1, max_size=3),
    share=st.integers(1, 100),
    cuts=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3000)), max_size=6),
)
def test_any_split_and_order_of_refunds_gives_back_the_same(shop, lines, share, cuts):
    """Points paid, money paid and points earned: after everything is back, the wallet is as if nothing was bought."""
    for source in ("till", "ledger"):  # made outside the savepoints, as this process remembers them
        catalogue.source_id(source)
    catalogue.facts(["milk"])
    mark = transaction.savepoint()
    try:
        member = shop.member()
        shop.buy(member, 30_000, at=MARCH - timedelta(days=60))
        shop.buy(member, 60_000)
        before = lots(member), Wallet.objects.get(member=member).carry_micropoints
        points = max(100, sum(lines) * share // 100)
        if points > min(sum(lines), 900):
            return
        paid = pay(shop, member, lines, Spend(points=points))
        left, restored, money = list(lines), 0, 0
        for place, minor in [(place % len(lines), minor) for place, minor in cuts] + list(enumerate(lines)):
            part = min(minor, left[place])
            if part:
                answer = refund(shop, paid, (place + 1, part))
                left[place] -= part
                restored += answer.points_restored
                money += answer.money_minor
        assert (left, restored, money) == ([0] * len(lines), points, paid.to_pay_minor)
        assert (lots(member), Wallet.objects.get(member=member).carry_micropoints) == before
        assert is_sound()
    finally:
        transaction.savepoint_rollback(mark)
