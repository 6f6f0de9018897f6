"""verify_ledger names what was tampered with in holds, rewards, codes, tender, budgets, waiting points, merges and partners."""

from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from config.celery import app
from loyalty import operations, queries, tasks, verifying
from loyalty.models import Reward, RuleSet
from loyalty.operations import Spend
from tests.loyalty.conftest import MARCH, open_shop
from tests.loyalty.test_verify_ledger import as_owner, unguarded  # noqa: F401 (a fixture)


@pytest.fixture
def shelf(as_owner, db):  # noqa: F811
    """One of everything that can be held, spent, handed out, waited for, merged and funded."""
    shop = open_shop()
    budgeted = RuleSet.objects.latest("version").definition | {
        "pending": {"days": 14},
        "rules": [{"code": "extra", "name": "Extra", "bonus_points": 10, "budget": {"points": 1_000}}],
    }
    member, double, buyer = shop.member(), shop.member(), shop.member()
    for one in (member, buyer):
        shop.adjust(one, 1_000)
    held = shop.hold(member, 50, until=MARCH + timedelta(days=1)).hold
    shop.capture(held.public_id, points=20, lets_rest_go=True)
    shop.hold(member, 30, until=MARCH + timedelta(days=1))
    reward = Reward.objects.create(
        kind="amount", name_en="A mug", points=40, amount=500, valid_from=MARCH - timedelta(days=1), is_partial=True
    )
    first, _second = (
        operations.redeem_reward(member_id=member.pk, reward_id=reward.pk, source="portal", client_key=key, at=MARCH)
        for key in ("one", "two")
    )
    operations.reverse_redemption(redemption_id=first.redemption.public_id, source="desk", client_key="undo", at=MARCH)
    paid = operations.record_paid_purchase(
        source="till", client_key="paid", store_code="S1", purchased_at=MARCH, currency="USD",
        lines=[shop.line(2_000)], member_id=buyer.pk, spend=Spend(points=400),
    )  # fmt: skip
    shop.refund(paid.recorded, (1, 1_000))
    bakery = operations.add_partner(
        code="bakery", name="Bakery", terms=operations.Terms(date(2026, 1, 1), "USD", 900, 800)
    )
    operations.issue_points(partner=bakery, member_id=buyer.pk, points=70, client_key="given", at=MARCH)
    operations.accept_points(partner=bakery, member_id=buyer.pk, points=30, client_key="taken", at=MARCH)
    operations.set_funders(cause="reward:1", percents={"bakery": 50})
    operations.fund_act(
        source="partner:bakery", client_key="taken", kind="redeemed", cause="reward:1", points=30, at=MARCH
    )
    counted = Reward.objects.create(
        kind="amount", name_en="A cup", points=40, amount=500, valid_from=MARCH - timedelta(days=1), stock_left=3
    )
    operations.set_funders(cause=f"reward:{counted.pk}", percents={"bakery": 50})
    cups = [
        operations.redeem_reward(member_id=buyer.pk, reward_id=counted.pk, source="portal", client_key=key, at=MARCH)
        for key in ("cup one", "cup two")
    ]
    operations.reverse_redemption(redemption_id=cups[0].redemption.public_id, source="desk", client_key="cup", at=MARCH)
    operations.create_pool(
        name="Cups", reward=counted, count=3, valid_from=MARCH, valid_until=MARCH + timedelta(days=9)
    )
    operations.publish_rule_set(definition=budgeted, live_from=MARCH + timedelta(days=1), name="Budgeted")
    shop.buy(buyer, 5_000, at=MARCH + timedelta(days=2))
    operations.mature_points(at=MARCH + timedelta(days=20))
    shop.adjust(double, 25)
    shop.merge(member, double, at=MARCH + timedelta(days=20))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    shop.wallet, shop.other = (queries.wallet_of(one.pk).pk for one in (member, double))
    return shop


BREACHES = {
    "a hold moved to another lot": (
        "UPDATE loyalty_hold SET lot_expires_on[1] = lot_expires_on[1] + 31 WHERE state = 'open'",
        "What is on hold came from its lots and returns to them",
    ),
    "a capture forgotten": (
        "UPDATE loyalty_hold SET captured = 10, released = 40 WHERE state = 'captured'",
        "Holds captured and let go what the ledger says",
    ),
    "tender given back to another lot": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET expires_on = expires_on + 31 WHERE reason = 'restored' AND purchase_id IS NOT NULL"),
        "What paid for a purchase comes back to the lots it was taken from",
    ),
    "tender that nobody paid": (
        unguarded("loyalty_tender", "UPDATE loyalty_tender SET lot_units[1] = lot_units[1] + 1 WHERE units > 0"),
        "What paid for a purchase comes back to the lots it was taken from",
    ),
    "a reward's points given back to another lot": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET expires_on = expires_on + 31 WHERE reason = 'restored' AND purchase_id IS NULL"),
        "The points of a reward taken back are in their lots again",
    ),
    "a reward for less than it costs": ("UPDATE loyalty_redemption SET points = 41 WHERE state = 'granted'", "Every reward was paid for"),
    "a reward taken back and still good": (
        "UPDATE loyalty_voucher SET is_void = false WHERE is_void",
        "A reward that was taken back cannot be used",
    ),
    "a code that belongs to nobody": ("UPDATE loyalty_voucher SET owned_at = NULL WHERE NOT is_void", "A code gives its owner one benefit"),
    "stock below nothing": (
        """ALTER TABLE loyalty_reward DROP CONSTRAINT a_reward_is_never_oversold, DROP CONSTRAINT loyalty_reward_stock_left_check;
           UPDATE loyalty_reward SET stock_left = -1""",
        "No reward is oversold",
    ),
    "stock that vanished": ("UPDATE loyalty_reward SET stock_left = stock_left - 1 WHERE stock_left > 0", "A reward's stock is what was put in less what was handed out"),
    "a redemption that vanished": (
        unguarded("loyalty_redemption", "UPDATE loyalty_redemption SET reward_id = (SELECT id FROM loyalty_reward WHERE stock_left IS NULL) WHERE reward_id = (SELECT id FROM loyalty_reward WHERE stock_left IS NOT NULL)"),
        "A reward's stock is what was put in less what was handed out",
    ),
    "a code taken out of its pool": (
        "DELETE FROM loyalty_voucher WHERE id = (SELECT min(id) FROM loyalty_voucher WHERE pool_id IS NOT NULL AND owned_at IS NULL)",
        "A pool holds the codes that were put in, used or not",
    ),
    "a code smuggled into a pool": (
        "UPDATE loyalty_voucher SET pool_id = (SELECT id FROM loyalty_voucherpool) WHERE pool_id IS NULL",
        "A pool holds the codes that were put in, used or not",
    ),
    "a partner charged for what was taken back": (
        unguarded("loyalty_funding", "DELETE FROM loyalty_funding WHERE kind = 'returned'"),
        "A partner bears nothing of a reward that was taken back",
    ),
    "a settlement that leaves out a partner": (unguarded("loyalty_partnerterms", "DELETE FROM loyalty_partnerterms"), "Partners' settlements are what the ledger says they moved"),
    "a voucher refilled": ("UPDATE loyalty_entitlement SET left_minor = 501 WHERE left_minor = 500", "An amount used in parts is never more than it was"),
    "a budget refilled": ('UPDATE loyalty_budgetslot SET "left" = "left" + 1 WHERE slot = 1', "What a budget has spent is what its rule gave"),
    "a budget drained": ('UPDATE loyalty_budgetslot SET "left" = "left" - 1 WHERE slot = 1', "What a budget has spent is what its rule gave"),
    "points that wait again": ("UPDATE loyalty_pendingpoints SET points_left = points", "Points that waited come free once"),
    "a wallet merged without its member": (
        "UPDATE members_member SET merged_into_id = NULL WHERE merged_into_id IS NOT NULL",
        "Wallets are merged as their members are",
    ),
    "merged points in another lot": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET expires_on = expires_on + 31 WHERE reason = 'merge' AND credit_account = 10"),
        "What went on after a merge arrived in the same lot",
    ),
    "a partner's points under another's name": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET source_id = (SELECT id FROM sales_source WHERE code = 'till') WHERE debit_account = 8"),
        "Partners' points are a partner's, with terms",
    ),
    "a partner who pays too much": (unguarded("loyalty_funding", "UPDATE loyalty_funding SET points = 31"), "Partners pay no more of an act than it moved"),
}  # fmt: skip


def test_each_planted_breach_is_named_and_a_sound_ledger_has_none(shelf):
    assert broken() == set()
    missed = {}
    for breach, (planted, words) in BREACHES.items():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(planted)
            if words not in (found := broken()):
                missed[breach] = found
            transaction.set_rollback(True)
    assert missed == {}


def test_the_new_promises_can_be_asked_of_a_few_wallets(shelf):
    asked = list(verifying.verify(wallet_ids=[shelf.wallet, shelf.other]))
    assert [finding.promise.words for finding in asked if finding.breaches] == []
    assert {words for _planted, words in BREACHES.values()} & {finding.promise.words for finding in asked}


def broken() -> set[str]:
    return {finding.promise.words for finding in verifying.verify() if finding.breaches}


def test_the_beat_checks_a_sample_every_hour_and_seals_what_is_over():
    """By the names the workers know the chores under; each of them exists and is a task."""
    schedule = {entry["task"]: entry["schedule"] for entry in app.conf.beat_schedule.values()}
    assert schedule["loyalty.tasks.verify_sample"] == 3600
    assert schedule["loyalty.tasks.seal_days"] <= 24 * 3600
    assert {"loyalty.tasks.verify_sample", "loyalty.tasks.seal_days"} <= app.tasks.keys()
    assert tasks.verify_sample.name in schedule
