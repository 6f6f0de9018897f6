"""Two members become one, and two again: to the unit, whatever happened in between."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries
from loyalty.models import Entitlement, Transfer, Wallet
from members import operations as people
from members import queries as found
from members.models import Member
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.verdict import assert_sound

LATER = MARCH.replace(month=5)
STANDING = (
    "available", "pending", "held", "debt", "carry_micropoints", "lot_expires_on", "lot_points", "tier_id", "tier_since",
    "tier_keeps_until", "last_purchase_at", "entitled_until", "qualifying_month", "merged_into_id",
)  # fmt: skip


def standing(member) -> dict:
    """Everything a wallet is, except the version that counts its entries."""
    wallet = Wallet.objects.get(member=member)
    months = list(wallet.qualifying_micropoints)
    while months and not months[-1]:
        months.pop()
    return {name: getattr(wallet, name) for name in STANDING} | {"months": months}


def identity(member) -> dict:
    return {
        "identifiers": sorted(member.identifiers.values_list("kind", "value_hash", "is_primary")),
        "tokens": sorted(member.search_tokens.values_list("kind", "token_hash")),
        "consents": found.consent_now(member.pk, at=timezone.now()),
        "status": Member.objects.get(pk=member.pk).status,
        "offers": sorted(Entitlement.objects.filter(member=member).values_list("cause", "uses_left")),
    }


def everything(*members) -> list:
    return [(standing(member), identity(member)) for member in members]


def merge(survivor, absorbed, at=MARCH):
    return operations.merge_members(
        survivor_id=survivor.pk, absorbed_id=absorbed.pk, by_user_id=None, reason="Two cards", at=at
    )


def unmerge(made, at=MARCH):
    return operations.unmerge_members(merge=made, by_user_id=None, at=at)


@pytest.fixture
def pair(shop):
    anna = people.enrol(
        at=MARCH, source="test", given_name="Anna", email="anna@example.com", consents=["email", "push"]
    )
    double = people.enrol(at=MARCH, source="test", given_name="Anna", family_name="Lind", phone="+12125550123")
    people.give_consent(member=double, channel="push", is_granted=False, at=MARCH, source="test")
    shop.buy(anna, 61_160)
    shop.buy(double, 52_445, at=MARCH)
    shop.adjust(double, 30, at=MARCH)
    operations.entitle([(double.pk, None, "multiply", 300, MARCH, LATER, "campaign:1:1")])
    return anna, double


def test_a_merge_preserves_totals_and_reaches_the_tier_of_both(shop, pair):
    anna, double = pair
    before = sum(Wallet.objects.values_list("available", flat=True))
    merge(anna, double)
    kept = Wallet.objects.get(member=anna)
    assert kept.available == before == 611 + 524 + 30
    assert kept.tier.code == "silver"
    assert Wallet.objects.get(member=double).available == 0
    assert_sound()


def test_the_old_card_works_for_the_survivor(shop, pair):
    anna, double = pair
    number = found.identifiers(double)["card"].value
    merge(anna, double)
    by_card = operations.record_purchase(
        source="till", client_key="after", store_code="S1", purchased_at=MARCH, currency="USD",
        lines=[shop.line(1000)], member_reference=("card", number),
    )  # fmt: skip
    assert by_card.member_id == anna.pk
    assert found.by_public_id(double.public_id) == anna
    by_old_id = shop.buy(double, 2000)
    assert by_old_id.available == Wallet.objects.get(member=anna).available
    assert [member.pk for member in found.find("Lind")] == [anna.pk]
    assert_sound()


def test_the_stricter_consent_holds_and_a_yes_of_the_absorbed_is_none(pair):
    anna, double = pair
    people.give_consent(member=double, channel="sms", is_granted=True, at=MARCH, source="test")
    merge(anna, double)
    said = found.consent_now(anna.pk, at=MARCH)
    assert said["email", "marketing"] is True
    assert said["push", "marketing"] is False
    assert ("sms", "marketing") not in said


def test_taking_a_merge_apart_at_once_leaves_both_as_they_were(pair):
    before = everything(*pair)
    unmerge(merge(*pair))
    assert everything(*pair) == before
    assert_sound()


def test_what_came_after_the_merge_stays_with_the_survivor(shop, pair):
    anna, double = pair
    (mine, _), (theirs, _) = everything(anna, double)
    made = merge(anna, double)
    shop.buy(anna, 10_000)
    people.give_consent(member=anna, channel="push", is_granted=False, at=LATER, source="portal")
    unmerge(made)
    assert standing(double) == theirs
    assert (
        standing(anna)["available"] == mine["available"] + 325
    )  # at the silver rate of that day, and by the offer that came over
    assert found.consent_now(anna.pk, at=LATER)["push", "marketing"] is False
    assert_sound()


def test_points_spent_from_the_absorbed_are_owed_by_the_survivor(shop, pair):
    anna, double = pair
    theirs = standing(double)
    made = merge(anna, double)
    shop.redeem(anna, 1_000)
    unmerge(made)
    assert standing(double) == theirs
    kept = Wallet.objects.get(member=anna)
    assert (kept.available, kept.debt) == (0, 1_000 - 611)
    assert_sound()


def test_a_refund_of_an_absorbed_purchase_goes_back_with_it(shop, pair):
    anna, double = pair
    bought = shop.buy(double, 5_000)
    mine = standing(anna)
    made = merge(anna, double)
    taken = shop.refund(bought, (1, 5_000))
    assert taken.points == 150  # by the offer, threefold
    assert taken.available == Wallet.objects.get(member=anna).available
    assert_sound()
    unmerge(made)
    assert standing(anna) == mine
    assert Wallet.objects.get(member=double).available == 524 + 30
    assert_sound()


def test_a_debt_goes_over_and_comes_back(shop, pair):
    anna, double = pair
    bought = shop.buy(double, 50_000)
    shop.redeem(double, 1_000)
    shop.refund(bought, (1, 50_000))
    theirs = standing(double)
    assert theirs["debt"] > 0
    made = merge(anna, double)
    assert Wallet.objects.get(member=anna).debt == theirs["debt"]
    shop.buy(anna, 100_000)
    assert Wallet.objects.get(member=anna).debt == 0
    unmerge(made)
    assert standing(double) == theirs
    assert_sound()


def test_three_records_of_one_person_are_taken_apart_from_the_last(shop, pair):
    anna, double = pair
    third = shop.member()
    shop.buy(third, 40_000)
    before = everything(anna, double, third)
    first = merge(double, anna)
    second = merge(third, double)
    assert Wallet.objects.get(member=third).available == 611 + 524 + 30 + 400
    assert_sound()
    with pytest.raises(operations.CannotMerge, match="merged again"):
        unmerge(first)
    unmerge(second)
    unmerge(first)
    assert everything(anna, double, third) == before
    assert_sound()


def test_a_refused_merge_moves_nothing(pair):
    anna, double = pair
    before = everything(anna, double)
    with pytest.raises(operations.CannotMerge, match="one and the same"):
        merge(anna, anna)
    made = merge(anna, double)
    with pytest.raises(operations.CannotMerge, match="active"):
        merge(anna, double)
    unmerge(made)
    with pytest.raises(operations.CannotMerge, match="already"):
        unmerge(made)
    assert everything(anna, double) == before


def test_the_preview_says_in_words_what_moves_and_moves_nothing(pair):
    anna, double = pair
    before, entries = everything(anna, double), Transfer.objects.count()
    shown = operations.preview_merge(survivor_id=anna.pk, absorbed_id=double.pk, at=MARCH)
    assert everything(anna, double) == before
    assert Transfer.objects.count() == entries
    assert (shown.available, shown.debt, shown.tier) == (1_165, 0, "Silver")
    said = " ".join(shown.moves)
    assert "554 points go over and keep their last day, March 31, 2027." in said
    assert "Phone ••• ••• 0123 works for the survivor" in said
    assert "1 purchase shows in the survivor's history." in said
    assert "1 offer goes over." in said
    assert "1 consent is withdrawn" in said


def test_the_survivors_entries_tell_of_the_merge(pair):
    anna, double = pair
    unmerge(merge(anna, double))
    newest, before, *_ = queries.entries(anna.pk)
    assert newest.points == -before.points == -554
    assert "merge" in before.sentence.lower()


def test_points_that_wait_or_are_held_show_with_the_survivor_until_they_come_over(shop, pair):
    anna, double = pair
    held = shop.hold(double, 100, until=LATER)
    merge(anna, double)
    assert queries.balance(anna.pk, at=MARCH).held == 100
    operations.void(hold_id=held.hold.public_id, source="till", client_key="void", at=MARCH)
    found = queries.balance(anna.pk, at=MARCH)
    assert (found.held, found.available) == (0, 611 + 524 + 30)
    assert_sound()


def test_devices_and_life_cycle_follow_a_merge_and_go_back(pair, django_capture_on_commit_callbacks):
    from insights.operations import refresh_lifecycle
    from members.models import Member
    from push.models import PushSubscription

    anna, double = pair
    for n, member in enumerate(pair):
        PushSubscription.objects.create(
            member=member, endpoint=f"https://push.example/{n}", endpoint_hash=bytes([n]) * 16, p256dh="k", auth="a",
            subscribed_at=MARCH,
        )  # fmt: skip
    Member.objects.filter(pk__in=[one.pk for one in pair]).update(joined_at=MARCH - timedelta(days=700))
    with django_capture_on_commit_callbacks(execute=True):
        made = merge(anna, double)
    assert PushSubscription.objects.filter(member=anna).count() == 2
    assert refresh_lifecycle(at=MARCH + timedelta(days=1))
    with django_capture_on_commit_callbacks(execute=True):
        unmerge(made)
    assert [one.push_subscriptions.count() for one in pair] == [1, 1]


def test_other_rooms_hear_of_it_after_commit(pair, django_capture_on_commit_callbacks):
    from members.signals import member_merged, member_unmerged

    heard = []

    def hear(signal, **news):
        heard.append((signal, news["survivor_id"], news["absorbed_id"]))

    member_merged.connect(hear)
    member_unmerged.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            unmerge(merge(*pair))
    finally:
        member_merged.disconnect(hear)
        member_unmerged.disconnect(hear)
    ids = [member.pk for member in pair]
    assert heard == [(member_merged, *ids), (member_unmerged, *ids)]


acts = st.lists(
    st.tuples(
        st.sampled_from(["buy", "redeem", "refund", "adjust", "gift"]), st.sampled_from([0, 1]), st.integers(1, 90_000)
    ),
    max_size=6,
)


def carry_out(shop, members, what):
    """One act of a history; one that the ledger refuses changes nothing, which is what a refusal promises."""
    act, who, amount = what
    member = members[who]
    try:
        if act == "buy":
            shop.bought.append(shop.buy(member, amount))
        elif act == "redeem":
            shop.redeem(member, amount % 500 + 1)
        elif act == "adjust":
            shop.adjust(member, amount % 300 + 1)
        elif act == "gift":
            operations.give_points(
                from_member_id=member.pk, to_member_id=shop.friend.pk, points=amount % 100 + 1, source="portal",
                client_key=shop.key(), at=MARCH,
            )  # fmt: skip
        elif shop.bought:
            shop.refund(shop.bought[amount % len(shop.bought)], (1, amount % 1_000 + 1))
    except operations.LedgerRefusal:
        pass


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=acts, between=acts)
def test_unmerge_of_merge_is_as_before_whatever_came_before(db, before, between):
    shop = open_shop()
    shop.bought, shop.friend = [], shop.member()
    pair = [shop.member(), shop.member()]
    for member in pair:
        shop.buy(member, 30_000)
    for what in before:
        carry_out(shop, pair, what)
    was = everything(*pair)
    total = sum(w.available - w.debt for w in Wallet.objects.filter(member__in=pair))
    made = merge(*pair)
    assert sum(w.available - w.debt for w in Wallet.objects.filter(member__in=pair)) == total
    unmerge(made)
    assert everything(*pair) == was
    made = merge(*pair)
    old = list(shop.bought)
    shop.bought = []
    for what in between:  # acts of the survivor on what is new
        carry_out(shop, [pair[0], pair[0]], what)
    unmerge(made)
    assert standing(pair[1]) == was[1][0]
    shop.bought = old
    assert_sound(*Wallet.objects.filter(member__in=[*pair, shop.friend]).values_list("pk", flat=True))


@pytest.mark.parametrize("expired_before", [True, False])
def test_a_refund_after_a_merge_charges_nobody_for_points_that_expired_unspent(shop, expired_before):
    """Nobody loses the same points twice: not the member who was merged, nor the one whose wallet they expired in."""
    anna, double = shop.member(), shop.member()
    bought = shop.buy(double, 10_000)
    gone, later = MARCH.replace(year=2027, month=5), MARCH.replace(year=2027, month=6)
    if expired_before:
        operations.expire_points(at=gone)
    merge(anna, double, at=gone if expired_before else MARCH)
    shop.adjust(anna, 70, at=later)
    shop.refund(bought, (1, 4_000), at=later)
    shop.refund(bought, (1, 6_000), at=later)
    kept, absorbed = Wallet.objects.get(member=anna), Wallet.objects.get(member=double)
    assert (kept.available, kept.debt, absorbed.available, absorbed.debt) == (70, 0, 0, 0)
    assert_sound()


def test_a_referral_of_who_became_one_member_is_settled_in_one_wallet(shop):
    """What one purchase moves in a wallet twice, for the friend and for the referrer, stands there twice."""
    shop.publish([{
        "code": "friend", "name": "Bring a friend", "kind": "referral", "gives": {"points": 30}, "gives_referrer": {"points": 50},
        "minimum_minor": 1000,
    }])  # fmt: skip
    anna, paid, other = shop.member(), shop.member(), shop.member()
    code = operations.referral_code(member_id=anna.pk, at=MARCH)
    for friend in (paid, other):
        operations.refer(code=code, friend_id=friend.pk, at=MARCH)
    bought = shop.buy(paid, 1_000)
    merge(anna, paid)
    merge(anna, other)
    assert shop.buy(other, 2_000).points == 20  # nobody refers themselves
    shop.refund(bought, (1, 1_000))
    kept = Wallet.objects.get(member=anna)
    assert (kept.available - kept.debt, kept.version) == (20, Transfer.objects.filter(wallet=kept).count())
    assert_sound()
