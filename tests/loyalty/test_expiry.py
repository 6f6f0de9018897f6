"""Expiry by lot and by inactivity: on read and by the job, told once beforehand, and taken back by staff."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import TestCase
from hypothesis import given
from hypothesis import strategies as st

from loyalty import operations, queries, signals
from loyalty.earning import InvalidRuleSet, compile_rule_set
from loyalty.earning.expiry import Expiry, months_before
from loyalty.models import ExpiryNotice, SpendingPolicy, Transfer, Wallet
from loyalty.operations import CannotReinstate, KeyReused
from tests.loyalty.conftest import MARCH
from tests.loyalty.test_concurrency import is_sound

EARN = [{"currency": "USD", "points": 1, "per_minor": 100}]


def publish(**expiry):
    operations.publish_rule_set(definition={"earn": EARN, "expiry": expiry}, live_from=MARCH, name="Expiry")


def available(member, at):
    return queries.balance(member.pk, at=at).available


def expire(at):
    done = operations.expire_points(at=at)
    assert operations.expire_points(at=at) == operations.Expired(0, 0)  # a second run finds nothing
    return done.points


def reinstate(member, version, *, at, key="back", reason="Was in hospital"):
    return operations.reinstate(
        member_id=member.pk,
        expiry_version=version,
        reason=reason,
        by_user_id=None,
        source="desk",
        client_key=key,
        at=at,
    )


@pytest.mark.parametrize(
    ("said", "last_day"),
    [
        ({"months": 12}, date(2027, 3, 31)),
        ({"days": 90}, date(2026, 6, 8)),
        ({"years": 0}, date(2026, 12, 31)),
        ({"years": 1}, date(2027, 12, 31)),
        ({"inactive_months": 6}, date(9999, 12, 31)),
        (None, date(9999, 12, 31)),
    ],
)
def test_the_last_day_of_points(said, last_day):
    assert compile_rule_set({"earn": EARN, "expiry": said}).expires_on(date(2026, 3, 10)) == last_day


@pytest.mark.parametrize(
    "said", [{}, {"weeks": 3}, {"days": 0}, {"days": 3, "months": 1}, {"inactive_months": 0}, {"months": True}, "never"]
)
def test_an_expiry_that_says_nothing_clear_is_refused(said):
    with pytest.raises(InvalidRuleSet, match="expiry: write"):
        compile_rule_set({"earn": EARN, "expiry": said})


@given(days=st.integers(0, 30_000), months=st.integers(1, 60))
def test_months_before_never_overshoot(days, months):
    at = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=days)
    before = months_before(at, months)
    assert (at.year - before.year) * 12 + at.month - before.month == months
    assert before.day == at.day or before.day < at.day <= 31
    assert Expiry("months", 1, months).active_from(at) == before - timedelta(days=1)


def test_inactivity_expires_everything_on_read_and_once_by_the_job(shop):
    publish(inactive_months=6)
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    still, over = datetime(2026, 9, 11, 2, tzinfo=UTC), datetime(2026, 9, 12, tzinfo=UTC)
    assert (available(member, still), available(member, over)) == (100, 0)
    assert (expire(still), expire(over)) == (0, 100)
    assert queries.entries(member.pk)[0].sentence == "−100 points: expired, because nothing happened for a long time"
    assert is_sound()


def test_a_purchase_after_too_long_a_pause_revives_nothing(shop):
    publish(inactive_months=6)
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    assert shop.buy(member, 1_000, at=MARCH + timedelta(days=100)).available == 110
    assert shop.buy(member, 1_000, at=MARCH + timedelta(days=400)).available == 10
    assert is_sound()


def test_any_activity_keeps_all_lots(shop):
    publish(inactive_months=6)
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    shop.redeem(member, 10, at=MARCH + timedelta(days=100))
    assert available(member, MARCH + timedelta(days=250)) == 90
    shop.adjust(member, 5, at=MARCH + timedelta(days=250))
    assert expire(MARCH + timedelta(days=400)) == 0
    with pytest.raises(operations.NotEnoughPoints):  # nobody needs a job to know
        shop.redeem(member, 1, at=MARCH + timedelta(days=500))
    assert Transfer.objects.filter(reason="inactivity").count() == 1


def test_notices_30_and_7_days_ahead_are_told_once(shop):
    member, told = shop.member(), []
    shop.buy(member, 10_000, at=MARCH)  # until 31 March 2027
    shop.buy(member, 5_000, at=MARCH + timedelta(days=31))  # a month more

    def hear(notices, **_):
        told.extend((n.member_id, n.last_day, n.horizon_days, n.points) for n in notices)

    signals.points_expiring.connect(hear)
    try:
        for day in (date(2027, 2, 28), date(2027, 3, 1), date(2027, 3, 2), date(2027, 3, 24), date(2027, 3, 25)):
            with TestCase.captureOnCommitCallbacks(execute=True):
                for _ in range(2):
                    operations.notice_expiry(at=datetime(day.year, day.month, day.day, 15, tzinfo=UTC))
    finally:
        signals.points_expiring.disconnect(hear)
    assert told == [(member.pk, date(2027, 3, 31), 30, 100), (member.pk, date(2027, 3, 31), 7, 100)]
    assert ExpiryNotice.objects.count() == 2


def test_a_job_that_did_not_run_for_long_gives_the_nearest_notice_only(shop):
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    [notice] = operations.notice_expiry(at=datetime(2027, 3, 29, 15, tzinfo=UTC))
    assert (notice.horizon_days, operations.notice_expiry(at=datetime(2027, 3, 30, 15, tzinfo=UTC))) == (7, [])


def test_inactivity_is_told_beforehand_too(shop):
    publish(inactive_months=6)
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    [notice] = operations.notice_expiry(at=datetime(2026, 8, 20, tzinfo=UTC))
    assert (notice.last_day, notice.horizon_days, notice.points) == (date(2026, 9, 10), 30, 100)


def expired_version(member):
    return Transfer.objects.get(wallet__member=member, credit_account=3).version


def test_points_that_inactivity_took_come_back_to_their_lots(shop):
    operations.publish_rule_set(
        definition={"earn": EARN, "expiry": {"months": 24, "inactive_months": 6}}, live_from=MARCH, name="Both"
    )
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    over = MARCH + timedelta(days=200)
    expire(over)
    done = reinstate(member, expired_version(member), at=over + timedelta(days=5))
    again = reinstate(member, expired_version(member), at=over + timedelta(days=5))
    assert (done.points, done.into_lot, done.available, again.is_replay) == (100, date(2028, 3, 31), 100, True)
    assert queries.entries(member.pk)[0].sentence == "100 points: reinstated – Was in hospital"
    assert expire(over + timedelta(days=30)) == 0
    with pytest.raises(CannotReinstate, match="already"):
        reinstate(member, expired_version(member), at=over + timedelta(days=5), key="other")
    assert is_sound()


def test_points_whose_day_is_over_come_back_for_some_days(shop):
    member = shop.member()
    shop.buy(member, 10_000, at=MARCH)
    over = datetime(2027, 4, 2, 15, tzinfo=UTC)
    expire(over)
    with pytest.raises(CannotReinstate, match="too long ago"):
        reinstate(member, expired_version(member), at=over + timedelta(days=61))
    with pytest.raises(CannotReinstate, match="No points"):
        reinstate(member, 1, at=over)
    done = reinstate(member, expired_version(member), at=over + timedelta(days=60))
    assert done.into_lot == over.date() + timedelta(days=90)
    assert is_sound()


def test_a_refund_of_expired_points_makes_no_debt_and_leaves_nothing_to_reinstate(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000, at=MARCH)
    shop.buy(member, 4_000, at=MARCH + timedelta(days=40))
    over = datetime(2027, 4, 2, 15, tzinfo=UTC)
    answer = shop.refund(sale, (1, 7_000), at=over)
    assert (answer.points, answer.debt_added, answer.available) == (70, 0, 40)
    done = reinstate(member, expired_version(member), at=over)
    assert (done.points, done.available) == (30, 70)
    answer = shop.refund(sale, (1, 3_000), at=over)  # what was reinstated is there to be taken
    assert (answer.points, answer.debt_added, answer.available) == (30, 0, 40)
    assert is_sound()


def test_a_refund_after_a_part_was_spent_and_the_rest_expired_owes_only_what_was_spent(shop):
    member = shop.member()
    sale = shop.buy(member, 10_000, at=MARCH)
    shop.redeem(member, 60, at=MARCH)
    answer = shop.refund(sale, (1, 10_000), at=datetime(2027, 4, 2, 15, tzinfo=UTC))
    assert (answer.points, answer.debt_added) == (100, 60)
    assert is_sound()


# -- what is owed ------------------------------------------------------------------------------------------------------


def owing(shop, policy=None, **others):
    """A member who spent 100 points and brings the goods back."""
    member = shop.member()
    sale = shop.buy(member, 10_000)
    shop.redeem(member, 100)
    answer = operations.refund(
        source="till", client_key=shop.key(), purchase_id=sale.purchase_id, lines=[(1, Decimal(1), 10_000)],
        refunded_at=MARCH, debt_policy=policy, **others,
    )  # fmt: skip
    return member, answer


def test_by_default_a_debt_is_deducted_from_the_next_earnings(shop):
    member, answer = owing(shop)
    assert (answer.debt_added, answer.available, answer.debt) == (100, 0, 100)
    shop.adjust(member, 50)  # a gift is not earned: it may be spent
    assert shop.redeem(member, 50).available == 0
    assert shop.buy(member, 3_000).debt_paid == 30
    assert queries.balance(member.pk, at=MARCH).debt == 70
    assert is_sound()


def test_a_debt_may_count_against_the_balance(shop):
    member, _ = owing(shop, "negative")
    shop.adjust(member, 130)
    wallet = Wallet.objects.get(member=member)
    assert (wallet.available, wallet.debt, wallet.is_debt_netted) == (30, 0, False)
    assert (
        queries.entries(member.pk)[0].sentence
        == "130 points: goodwill – Late delivery, 100 points paid back what was owed"
    )
    assert is_sound()


def test_a_debt_may_be_written_off(shop):
    member, answer = owing(shop, "write_off")
    assert (answer.points, answer.debt_added, answer.written_off, answer.debt) == (100, 100, 100, 0)
    assert shop.buy(member, 3_000).available == 30
    assert "100 points written off" in queries.entries(member.pk)[1].sentence
    assert is_sound()


def test_the_programmes_policy_counts_unless_a_refund_says_otherwise(shop):
    SpendingPolicy.objects.update(debt="write_off")
    assert owing(shop)[1].written_off == 100
    assert owing(shop, "deduct")[1].debt == 100
    with pytest.raises(operations.CannotRefund, match="debt_policy"):
        owing(shop, "forget")


def test_a_refund_under_another_policy_is_another_act(shop):
    member = shop.member()
    sale = shop.buy(member, 1_000)
    ask = {
        "source": "till", "client_key": "back", "purchase_id": sale.purchase_id, "lines": [(1, Decimal(1), 1_000)],
        "refunded_at": MARCH,
    }  # fmt: skip
    operations.refund(**ask)
    with pytest.raises(KeyReused):
        operations.refund(**ask, debt_policy="write_off")
