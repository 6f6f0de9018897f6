"""Rewards, vouchers and gift cards: handed out once, never more than there are, and taken back whole."""

from datetime import date, timedelta

import pytest

from loyalty import fraud, operations, queries
from loyalty.models import Entitlement, GiftCard, Redemption, Reward, Tier, Transfer, Voucher, Wallet
from loyalty.operations import CannotRedeem, CannotUseCode, KeyReused, NotEnoughPoints
from loyalty.spending import codes
from sales.models import Product, Store
from sales.operations import ensure_stores
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import at_once, is_sound

LATER = MARCH + timedelta(days=3)


def reward(kind="amount", **others):
    given = {"name_en": "A mug", "points": 100, "amount": 500, "valid_from": MARCH - timedelta(days=1)} | others
    return Reward.objects.create(kind=kind, **given)


def redeem(shop, member, chosen, *, at=MARCH, key=None, **others):
    return operations.redeem_reward(
        member_id=member.pk, reward_id=chosen.pk, source="portal", client_key=key or shop.key(), at=at, **others
    )


def state(member):
    wallet = queries.wallet_of(member.pk)
    return wallet.available, dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


@pytest.fixture
def member(shop):
    member = shop.member()
    shop.buy(member, 15_000, at=MARCH - timedelta(days=60))
    shop.buy(member, 15_000)
    return member


def test_a_reward_costs_its_points_and_gives_a_code(shop, member):
    done = redeem(shop, member, reward(stock_left=3))
    assert (done.available, done.redemption.points, codes.is_code(done.code)) == (200, 100, True)
    benefit = Entitlement.objects.get()
    assert (benefit.benefit, benefit.amount, benefit.uses_left, benefit.needs_code) == ("amount", 500, 1, True)
    assert benefit.valid_until == MARCH + timedelta(days=30)
    assert Reward.objects.get().stock_left == 2
    assert queries.entries(member.pk)[0].sentence == "−100 points: spent on A mug"
    assert is_sound()


def test_a_double_tap_is_one_reward(shop, member):
    mug = reward()
    first, again = redeem(shop, member, mug, key="tap"), redeem(shop, member, mug, key="tap")
    assert (again.redemption.pk, again.code, again.is_replay) == (first.redemption.pk, first.code, True)
    assert state(member)[0] == 200
    with pytest.raises(KeyReused):
        redeem(shop, member, reward(name_en="A cup"), key="tap")


def test_the_code_of_a_voucher_lies_encrypted_and_is_found_by_its_keyed_hash(shop, member):
    code = codes.plain(redeem(shop, member, reward()).code)
    voucher = Voucher.objects.get(code_hash=codes.hash_of(codes.shown(code).lower()))
    assert (voucher.code, voucher.last_four) == (code, code[-4:])
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM loyalty_voucher")
        assert code.encode() not in bytes(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"is_active": False}, "no_reward"),
        ({"valid_from": LATER}, "no_reward"),
        ({"valid_until": MARCH - timedelta(hours=1)}, "no_reward"),
        ({"stock_left": 0}, "sold_out"),
    ],
)
def test_a_refused_reward_moves_nothing(shop, member, others, why):
    before = state(member), Transfer.objects.count()
    with pytest.raises(CannotRedeem) as refusal:
        redeem(shop, member, reward(**others))
    assert refusal.value.why == why
    assert (state(member), Transfer.objects.count()) == before
    assert not Redemption.objects.exists()


def test_rewards_of_a_tier_and_of_a_store(shop, member):
    ensure_stores([("S2", "Second Street")])
    for_gold, for_second = reward(), reward()
    for_gold.tiers.add(Tier.objects.get(code="gold"))
    for_second.stores.add(Store.objects.get(code="S2"))
    for chosen, store, why in ((for_gold, None, "other_tier"), (for_second, "S1", "other_store")):
        with pytest.raises(CannotRedeem) as refusal:
            redeem(shop, member, chosen, store_code=store)
        assert refusal.value.why == why
    assert redeem(shop, member, for_second, store_code="S2").available == 200


def test_a_member_has_a_reward_as_often_as_it_may_be_had(shop, member):
    mug = reward(per_member_max=1, per_member_days=2)
    redeem(shop, member, mug)
    with pytest.raises(CannotRedeem, match="as often"):
        redeem(shop, member, mug)
    assert redeem(shop, member, mug, at=LATER).available == 100
    with pytest.raises(NotEnoughPoints):
        redeem(shop, member, reward(points=101), at=LATER)


def test_an_unused_reward_taken_back_returns_points_to_their_lots_and_a_piece_to_the_stock(shop, member):
    before, mug = state(member), reward(points=200, stock_left=1)
    done = redeem(shop, member, mug)
    back = operations.reverse_redemption(
        redemption_id=done.redemption.public_id, source="desk", client_key="back", at=LATER, note="Ordered by mistake"
    )
    again = operations.reverse_redemption(
        redemption_id=done.redemption.public_id, source="desk", client_key="back", at=LATER
    )
    assert (back.points, back.available, again.is_replay) == (200, 300, True)
    assert (state(member), Reward.objects.get().stock_left) == (before, 1)
    assert Voucher.objects.get().is_void
    assert is_sound()


def test_a_used_reward_is_not_taken_back(shop, member):
    done = redeem(shop, member, reward())
    Entitlement.objects.update(uses_left=0)
    with pytest.raises(CannotRedeem, match="used already"):
        operations.reverse_redemption(redemption_id=done.redemption.public_id, source="desk", client_key="x", at=LATER)
    assert state(member)[0] == 200


def test_cashback_and_gift_cards_are_paid_by_points(shop, member):
    redeem(shop, member, reward("cashback", amount=250, voucher_days=90))
    cashback = Wallet.objects.get(member=member, currency__code="cashback:USD")
    assert (cashback.available, cashback.lot_expires_on) == (250, [MARCH.date() + timedelta(days=90)])
    done = redeem(shop, member, reward("gift_card", amount=1000))
    card = done.redemption.gift_card
    assert (card.currency, card.issued_minor, card.wallet.available, codes.shown(card.code)) == (
        "USD", 1000, 1000, done.code,
    )  # fmt: skip
    found, left = operations.find_gift_card(code=done.code, actor="source:1", at=MARCH)
    assert (found, left) == (card, 1000)
    assert is_sound()
    operations.reverse_redemption(redemption_id=done.redemption.public_id, source="desk", client_key="b", at=LATER)
    with pytest.raises(operations.CannotUseCard, match="no longer valid"):
        operations.find_gift_card(code=done.code, actor="source:1", at=LATER)
    assert (state(member)[0], is_sound()) == (200, True)


def test_a_gift_card_is_sold_once_under_its_key(shop):
    ask = {
        "minor": 2500, "currency": "USD", "valid_until": date(2027, 3, 10), "source": "till", "client_key": "card-1", "at": MARCH,
    }  # fmt: skip
    first, again = operations.issue_gift_card(**ask), operations.issue_gift_card(**ask)
    assert (again.card, again.code, again.is_replay) == (first.card, first.code, True)
    with pytest.raises(KeyReused):
        operations.issue_gift_card(**ask | {"minor": 2600})
    assert (GiftCard.objects.count(), is_sound()) == (1, True)


def test_a_reward_with_partners_codes_gives_the_next_one(shop, member):
    cinema = reward("amount", name_en="Cinema")
    pool = operations.create_pool(
        name="Cinema", reward=cinema, count=1, valid_from=MARCH, valid_until=MARCH + timedelta(days=90)
    )
    assert operations.add_codes(pool=pool.pool, brought=["cine-0001-abcd", "CINE0001ABCD", "cine-0002-abcd"]) == 2
    Voucher.objects.filter(last_four=pool.codes[0][-4:]).update(is_void=True)
    given = [codes.plain(redeem(shop, member, cinema).code) for _ in range(3)]
    assert given[:2] == ["CINE0001ABCD", "CINE0002ABCD"]
    assert codes.is_code(given[2])  # no more of the partner's: one of our own


# -- codes -------------------------------------------------------------------------------------------------------------


def test_codes_have_letters_nobody_mixes_up_and_a_check():
    drawn = [codes.new_code() for _ in range(300)]
    assert len(set(drawn)) == 300
    assert {len(code) for code in drawn} == {16}
    assert not set("".join(drawn)) & set("01ILO")
    assert all(codes.is_code(codes.shown(code).lower()) for code in drawn)
    code = drawn[0]
    for place in range(16):
        for letter in codes.ALPHABET:
            changed = code[:place] + letter + code[place + 1 :]
            assert codes.is_code(changed) == (changed == code)
    swapped = [code[:n] + code[n + 1] + code[n] + code[n + 2 :] for n in range(15) if code[n] != code[n + 1]]
    assert not any(map(codes.is_code, swapped))


def test_a_pool_is_made_in_one_statement_and_its_codes_are_shown_once(shop, django_assert_num_queries):
    given = reward()
    with django_assert_num_queries(4):  # begin, the pool, its codes, commit
        made = operations.create_pool(
            name="Spring", reward=given, count=500, valid_from=MARCH, valid_until=MARCH + timedelta(days=9)
        )
    assert (len(set(made.codes)), Voucher.objects.filter(pool=made.pool, owned_at=None).count()) == (500, 500)


def test_a_code_belongs_to_who_types_it_first(shop, member):
    pool = operations.create_pool(
        name="Spring", reward=reward("percent", amount=10), count=1, valid_from=MARCH, valid_until=LATER
    )
    friend, typed = shop.member(), codes.shown(pool.codes[0]).lower()

    def claim(person, code=typed, at=MARCH):
        return operations.claim_voucher(code=code, member_id=person.pk, actor=f"member:{person.pk}", at=at)

    with pytest.raises(CannotUseCode, match="cannot be used now"):
        claim(member, at=LATER + timedelta(days=1))
    assert claim(member) == claim(member) == Entitlement.objects.get(member=member, benefit="percent", amount=10)
    with pytest.raises(CannotUseCode, match="somebody else"):
        claim(friend)
    with pytest.raises(CannotUseCode, match="mistyped"):
        claim(friend, typed[:-1] + "?")
    with pytest.raises(CannotUseCode, match="not known"):
        claim(friend, codes.new_code())
    for _ in range(fraud.WRONG_CODES_MAX - 2):
        with pytest.raises(CannotUseCode):
            claim(friend, codes.new_code())
    with pytest.raises(fraud.TooManyAttempts):
        claim(friend)


# -- many at once ------------------------------------------------------------------------------------------------------


def test_200_tills_and_one_reward_left_grant_exactly_one(committed_shop):
    shop, mug = committed_shop, reward(stock_left=1)
    members = [shop.member() for _ in range(50)]
    for one in members:
        shop.buy(one, 20_000)

    def till(member, key):
        def try_it():
            try:
                return redeem(shop, member, mug, key=key)
            except CannotRedeem as refusal:
                return refusal.why

        return try_it

    answers = []
    for turn in range(4):  # 50 connections at a time
        answers += at_once([till(member, f"{turn}-{n}") for n, member in enumerate(members)])
    granted = [one for one in answers if not isinstance(one, str)]
    assert (len(answers), len(granted), answers.count("sold_out")) == (200, 1, 199)
    assert (Reward.objects.get().stock_left, Redemption.objects.count()) == (0, 1)
    assert sum(queries.wallet_of(one.pk).available for one in members) == 50 * 200 - 100
    assert is_sound()


def test_one_code_typed_at_many_tills_at_once_has_one_owner(committed_shop):
    shop = committed_shop
    pool = operations.create_pool(name="One", reward=reward(), count=1, valid_from=MARCH, valid_until=LATER)
    members = [shop.member() for _ in range(20)]

    def claim(member):
        try:
            return operations.claim_voucher(
                code=pool.codes[0], member_id=member.pk, actor=f"member:{member.pk}", at=MARCH
            )
        except CannotUseCode as refusal:
            return str(refusal)

    answers = at_once([lambda one=one: claim(one) for one in members])
    assert sum(isinstance(one, Entitlement) for one in answers) == Entitlement.objects.count() == 1


def test_a_free_product_is_handed_over_once_and_by_its_owner_only(shop, member):
    coffee = reward("product", amount=1, product=Product.objects.create(code="coffee"))
    redeem(shop, member, coffee)
    given = Entitlement.objects.get()
    other = shop.member()
    with pytest.raises(CannotRedeem):
        operations.hand_over(entitlement_id=given.public_id, member_id=other.pk, at=MARCH)
    operations.hand_over(entitlement_id=given.public_id, member_id=member.pk, at=MARCH)
    with pytest.raises(CannotRedeem, match="handed over already"):
        operations.hand_over(entitlement_id=given.public_id, member_id=member.pk, at=MARCH)
    given.refresh_from_db()
    assert (given.uses_left, state(member)[0]) == (0, 200)
