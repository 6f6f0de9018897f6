"""Holds: set aside, captured in parts, let go by word or by time; and never more than once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty import operations, queries, verifying
from loyalty.models import Hold, Transfer
from loyalty.operations import CannotCapture, KeyReused, NotEnoughPoints
from sales import catalogue
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import at_once

SOON = MARCH + timedelta(minutes=10)
LATER = MARCH + timedelta(hours=1)


def lots(member):
    wallet = queries.wallet_of(member.pk)
    return dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True))


def balance(member, at=MARCH):
    found = queries.balance(member.pk, at=at)
    return found.available, found.held, found.debt


def is_sound():
    return [(f.promise.words, f.breaches) for f in verifying.verify() if f.breaches] == []


class Acts:
    """Holds in one line each."""

    def __init__(self, shop):
        self.shop = shop

    def hold(self, member, points, *, at=MARCH, key=None, **others):
        return operations.hold(
            member_id=member.pk, points=points, source="web", client_key=key or self.shop.key(), at=at, **others
        )

    def capture(self, held, points, *, at=SOON, key=None, **others):
        return operations.capture(
            hold_id=held.hold.public_id, points=points, source="web", client_key=key or self.shop.key(), at=at, **others
        )

    def void(self, held, *, at=SOON, key=None):
        return operations.void(hold_id=held.hold.public_id, source="web", client_key=key or self.shop.key(), at=at)


@pytest.fixture
def acts(shop):
    return Acts(shop)


@pytest.fixture
def member(shop):
    member = shop.member()
    shop.buy(member, 8000, at=MARCH - timedelta(days=60))
    shop.buy(member, 12_000)
    return member


def test_what_is_held_cannot_be_spent(acts, member):
    held = acts.hold(member, 150)
    assert (held.available, balance(member)) == (50, (50, 150, 0))
    with pytest.raises(NotEnoughPoints):
        acts.shop.redeem(member, 51)
    with pytest.raises(NotEnoughPoints):
        acts.hold(member, 51)
    assert balance(member) == (50, 150, 0)
    assert is_sound()


def test_hold_100_capture_60_let_40_expire_comes_to_spending_60(acts, member):
    twin = acts.shop.member()
    acts.shop.buy(twin, 8000, at=MARCH - timedelta(days=60))
    acts.shop.buy(twin, 12_000)
    acts.shop.redeem(twin, 60)
    acts.capture(acts.hold(member, 100), 60)
    assert balance(member, at=SOON) == (100, 40, 0)
    assert balance(member, at=LATER) == (140, 0, 0)  # read before any job has run
    assert operations.release_holds(at=LATER) == operations.Released(1, 40)
    assert operations.release_holds(at=LATER) == operations.Released(0, 0)
    assert lots(member) == lots(twin) == {date(2027, 1, 31): 20, date(2027, 3, 31): 120}
    assert balance(member, at=LATER) == balance(twin, at=LATER)
    assert is_sound()


def test_a_hold_ends_once(acts, member):
    held = acts.hold(member, 100)
    done = acts.capture(held, 60, lets_rest_go=True)
    assert (done.available, done.hold.state, done.hold.captured, done.hold.released) == (140, "captured", 60, 40)
    for act in (lambda: acts.capture(held, 1), lambda: acts.void(held)):
        with pytest.raises(CannotCapture, match="ended: captured"):
            act()
    voided = acts.hold(member, 30)
    assert acts.void(voided).hold.state == "voided"
    with pytest.raises(CannotCapture, match="ended: voided"):
        acts.capture(voided, 1)
    late = acts.hold(member, 30)
    with pytest.raises(CannotCapture, match="ended: expired"):
        acts.capture(late, 30, at=LATER)
    assert balance(member, at=LATER) == (140, 0, 0)
    assert is_sound()


def test_captures_never_add_up_to_more_than_was_held(acts, member):
    held = acts.hold(member, 100)
    acts.capture(held, 60)
    with pytest.raises(CannotCapture, match="Only 40 points are still held"):
        acts.capture(held, 41)
    assert acts.capture(held, 40).hold.state == "captured"
    assert (balance(member), Hold.objects.get().captured) == ((100, 0, 0), 100)


def test_the_same_act_again_answers_the_same_and_another_body_conflicts(acts, member):
    held = acts.hold(member, 100, key="h")
    again = acts.hold(member, 100, key="h")
    assert (again.hold.pk, again.is_replay, again.available) == (held.hold.pk, True, 100)
    with pytest.raises(KeyReused):
        acts.hold(member, 99, key="h")
    acts.capture(held, 60, key="c")
    assert acts.capture(held, 60, key="c").is_replay
    with pytest.raises(KeyReused):
        acts.capture(held, 61, key="c")
    with pytest.raises(KeyReused):
        acts.shop.buy(member, 100, key=acts.shop.redeem(member, 1, key="r") and "r")
    assert balance(member) == (99, 40, 0)


def test_points_that_expire_while_they_are_held_are_gone_when_they_are_let_go(acts, member):
    until = datetime(2027, 2, 2, tzinfo=UTC)
    held = acts.hold(member, 100, expires_at=until)
    acts.capture(held, 30, at=until - timedelta(hours=1))  # they were promised while they could be spent
    acts.void(held, at=until - timedelta(minutes=1))
    assert lots(member) == {date(2027, 3, 31): 120}
    assert is_sound()


def test_points_let_go_pay_first_what_a_refund_left_owed(acts, member):
    shop = acts.shop
    sale = shop.buy(member, 5000)
    held = acts.hold(member, 250)
    shop.refund(sale, (1, 5000))
    assert balance(member) == (0, 250, 50)
    assert balance(member, at=LATER) == (200, 0, 0)
    acts.void(held)
    assert balance(member) == (200, 0, 0)
    assert is_sound()


def test_a_hold_in_words(acts, member):
    held = acts.hold(member, 100)
    acts.capture(held, 60, lets_rest_go=True, note="a mug")
    words = [entry.sentence for entry in queries.entries(member.pk)][:2]
    assert words == [
        "60 points of what was set aside: spent on a mug, 40 points no longer set aside",
        "−100 points: set aside",
    ]


def test_many_captures_at_once_never_capture_more_than_was_held(committed_shop):
    acts, member = Acts(committed_shop), committed_shop.member()
    committed_shop.buy(member, 10_000)
    held = acts.hold(member, 100)
    refused = (CannotCapture, NotEnoughPoints)

    def capture():
        try:
            return acts.capture(held, 30)
        except refused as reason:
            return reason

    answers = at_once([capture for _ in range(8)] + [lambda: operations.release_holds(at=LATER) for _ in range(2)])
    captured = [a for a in answers if isinstance(a, operations.Held)]
    assert len(captured) <= 3
    operations.release_holds(at=LATER)
    assert balance(member, at=LATER) == (100 - 30 * len(captured), 0, 0)
    assert is_sound()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    earned=st.tuples(st.integers(1, 300), st.integers(0, 300)), captures=st.lists(st.integers(1, 200), max_size=4),
    share=st.integers(1, 100), ending=st.tuples(st.sampled_from(["void", "expire", "read"]), st.sampled_from([0, 20, 390])),
)  # fmt: skip
def test_hold_capture_and_release_come_to_spending_only_what_was_captured(shop, earned, captures, share, ending):
    """Whatever is captured in whatever parts, the wallet ends as its twin's that spent so much when the hold was made."""
    (early, late), (ending, days) = earned, ending
    for source in ("till", "web", "ledger"):  # made outside the savepoints, as this process remembers them
        catalogue.source_id(source)
    mark = transaction.savepoint()
    try:
        acts, member, twin = Acts(shop), shop.member(), shop.member()
        for one in (member, twin):
            shop.buy(one, early * 100, at=MARCH - timedelta(days=60))
            shop.buy(one, late * 100)
        points = max(1, (early + late) * share // 100)
        end = MARCH + timedelta(days=days, hours=1)
        held, spent = acts.hold(member, points, expires_at=end), 0
        for part in captures:
            if spent + part <= points:
                acts.capture(held, part)
                spent += part
        if spent:
            shop.redeem(twin, spent)
        if ending == "void" and spent < points:
            acts.void(held, at=end - timedelta(minutes=1))
        operations.expire_points(at=end)
        if ending == "expire":
            operations.release_holds(at=end)
        assert balance(member, at=end) == balance(twin, at=end)
        operations.release_holds(at=end)
        assert lots(member) == lots(twin)
        assert is_sound()
    finally:
        transaction.savepoint_rollback(mark)


def test_one_wallet_lock_and_one_round_trip(acts, member, django_assert_num_queries):
    for _ in range(2):  # the first makes the source, the second learns its id
        acts.hold(member, 1)
    with django_assert_num_queries(3):  # the policy, the act, the hold to answer with
        acts.hold(member, 1)
    assert Transfer.objects.filter(reason="hold").count() == 3
