"""verify_ledger finds every breach that somebody with enough power could plant, and names it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from loyalty import operations, queries, tasks, verifying
from loyalty.models import BlockedWallet, Wallet
from tests.loyalty.conftest import MARCH, open_shop


@pytest.fixture
def as_owner(django_db_setup, django_db_blocker):
    """Django's own connection as the role that owns the tables, so that what is planted ends with the test."""
    serving = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict.update({key: settings.DATABASE_OWNER.get(key, "") for key in serving})
        yield
        connection.close()
        connection.settings_dict.update(serving)


@pytest.fixture
def ledger(as_owner, db):
    """A ledger with one of everything."""
    shop = open_shop()
    first, second = shop.member(), shop.member()
    operations.entitle([(first.pk, None, "multiply", 300, MARCH, MARCH + timedelta(days=9), "campaign:1:1")])
    shop.sale = shop.buy(first, [2460, 120_050], at=MARCH)
    shop.buy(first, 1999)
    shop.refund(shop.sale, (1, 1000))
    shop.redeem(first, 40)
    shop.adjust(second, 25)
    shop.buy(second, 500)
    operations.expire_points(at=MARCH + timedelta(days=600))
    shop.buy(first, 77, at=MARCH + timedelta(days=601))
    third = shop.member()
    for minor in (3_000, 7_000):
        shop.buy(third, minor)
    held = [
        operations.hold_for_review(
            wallet_id=queries.wallet_of(third.pk).pk, version=version, pattern="velocity", facts={}, at=MARCH
        )
        for version in (1, 2)
    ]
    operations.decide_review(review_id=held[0].review_id, release=True, reason="Seen", by_user_id=None, at=MARCH)
    shop.first, shop.second = (queries.wallet_of(member.pk).pk for member in (first, second))
    plant("SET CONSTRAINTS ALL IMMEDIATE")
    return shop


def plant(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def verdict() -> str:
    out = StringIO()
    try:
        call_command("verify_ledger", stdout=out, no_color=True)
    except CommandError as error:
        return out.getvalue() + str(error)
    return out.getvalue()


def test_a_sound_ledger_is_found_sound(ledger):
    said = verdict()
    assert "BROKEN" not in said
    assert [line.split()[0] for line in said.splitlines()[:-1]] == ["holds"] * len(verifying.PROMISES)


def test_a_sample_of_wallets_can_be_checked(ledger):
    out = StringIO()
    call_command("verify_ledger", sample=1, stdout=out, no_color=True)
    assert "Checked 1 wallets" in out.getvalue()


def unguarded(table, change):
    return f"ALTER TABLE {table} DISABLE TRIGGER USER; {change}; ALTER TABLE {table} ENABLE TRIGGER USER"


BREACHES = {
    "a balance raised by hand": (
        "UPDATE loyalty_wallet SET available = available + 1 WHERE id = {first}",
        ["I1  Every balance is the sum", "I2  Lots add up", "I17 The newest event"],
    ),
    "a debt forgotten": ("UPDATE loyalty_wallet SET debt = 9 WHERE id = {second}", ["I1  Every balance", "I5  What was issued"]),
    "a lot moved to another day": (
        "UPDATE loyalty_wallet SET lot_expires_on[1] = lot_expires_on[1] + 31 WHERE id = {first}",
        ["I2  Every lot is the sum of the transfers"],
    ),
    "a lot below zero": (
        ("UPDATE loyalty_wallet SET lot_points = ARRAY[-1, available + 1], lot_expires_on = ARRAY[date '2026-01-31', '2027-01-31']"
        " WHERE id = {first}"),
        ["I3  Nothing is below zero"],
    ),
    "a transfer removed": (
        unguarded("loyalty_transfer", "DELETE FROM loyalty_transfer WHERE wallet_id = {first} AND version = 2"),
        ["I4  Versions have no gap", "I1  Every balance"],
    ),
    "a transfer raised": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET points = points + 1 WHERE wallet_id = {first} AND version = 1"),
        ["I4  Versions have no gap", "I6  An award moved exactly"],
    ),
    "a transfer without a cause": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET purchase_id = 999999 WHERE wallet_id = {first} AND version = 1"),
        ["I6  One act has one effect"],
    ),
    "a body exchanged": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET body_hash = '\\x00' WHERE wallet_id = {first} AND version = 1"),
        ["I6  One act has one effect"],
    ),
    "a guard switched off": (
        "ALTER TABLE loyalty_award DISABLE TRIGGER USER",
        ["loyalty_award has no active trigger"],
    ),
    "a right given": (
        "GRANT UPDATE ON loyalty_transfer TO regulars_app",
        ["the serving role may UPDATE loyalty_transfer"],
    ),
    "a remainder pocketed": (
        "UPDATE loyalty_wallet SET carry_micropoints = (carry_micropoints + 500000) % 1000000 WHERE id = {first}",
        ["I8  Points and remainder"],
    ),
    "a tier given away": (
        "UPDATE loyalty_wallet SET tier_id = (SELECT max(id) FROM loyalty_tier) WHERE id = {second}",
        ["I15 The tier follows"],
    ),
    "qualifying points invented": (
        "UPDATE loyalty_wallet SET qualifying_micropoints[1] = 5000000000 WHERE id = {second}",
        ["I15 The tier follows"],
    ),
    "an award's input changed": (
        unguarded("loyalty_award", "UPDATE loyalty_award SET line_micropoints[1] = line_micropoints[1] + 1 WHERE wallet_id = {second}"),
        ["I16 Every award recomputes"],
    ),
    "an award's multiplier changed": (
        unguarded("loyalty_award", "UPDATE loyalty_award SET tier_percent = 200 WHERE wallet_id = {second}"),
        ["I16 Every award recomputes"],
    ),
    "an offer's effect changed": (
        unguarded(
            "loyalty_award", "UPDATE loyalty_award SET line_extra_micropoints[2] = 1 WHERE line_extra_micropoints IS NOT NULL"
        ),
        ["I16 Every award recomputes"],
    ),
    "points spent after they had expired": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET occurred_at = occurred_at + interval '700 days' WHERE reason = 'redemption'"),
        ["I10 Nothing was spent from a lot that had expired"],
    ),
    "points expired before their last day": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET occurred_at = '2026-03-11Z' WHERE reason = 'expiry'"),
        ["I11 A lot expires after its last day"],
    ),
    "a lot that expired in part": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET points = points - 1 WHERE reason = 'expiry'"),
        ["I11 A lot expires after its last day"],
    ),
    "more spent from a lot than it held": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET points = points * 1000 WHERE reason = 'redemption'"),
        ["I3  No lot was ever below zero"],
    ),
    "points that left and never arrived": (
        unguarded("loyalty_transfer", "UPDATE loyalty_transfer SET credit_account = 5 WHERE reason = 'redemption'"),
        ["I5  What leaves one wallet for another"],
    ),
    "a review emptied": (
        "UPDATE loyalty_review SET state = 'cancelled', decision_reason = 'x' WHERE state = 'open'",
        ["I12 What is held for review"],
    ),
    "a version skipped": ("UPDATE loyalty_wallet SET version = version + 1 WHERE id = {first}", ["I17 The newest event"]),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_planted_breach_is_named(ledger, breach):
    planted, expected = BREACHES[breach]
    plant("ALTER TABLE loyalty_wallet DROP CONSTRAINT points_are_never_negative")
    plant(planted.replace("{first}", str(ledger.first)).replace("{second}", str(ledger.second)))
    said = verdict()
    broken = [line for line in said.splitlines() if "BROKEN" in line or line.startswith("     ")]
    for words in expected:
        assert any(words in line for line in broken), said
    assert "promises are broken" in said


def test_a_receipt_changed_afterwards_is_named(ledger):
    change = (
        f"UPDATE sales_purchaseline SET total_minor = 99 WHERE purchase_id = {ledger.sale.purchase_id} AND line_no = 1"
    )
    plant(unguarded("sales_purchaseline", change))
    assert f"award of purchase {ledger.sale.purchase_id}" in verdict()


@pytest.mark.parametrize("table", ["loyalty_transfer", "loyalty_award", "loyalty_tierchange", "loyalty_ruleset"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_edits_what_was_written(ledger, table, change):
    column = "id" if table == "loyalty_ruleset" else "wallet_id"
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        plant(change.format(table, column, column))


def test_a_wallet_is_never_deleted(ledger):
    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        plant("DELETE FROM loyalty_wallet")


def test_the_serving_role_may_not_even_try(db):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        plant("DELETE FROM loyalty_transfer")


def test_the_hourly_sample_stops_spending_from_a_broken_wallet_only(ledger):
    plant("UPDATE loyalty_wallet SET debt = 9 WHERE id = %s", ledger.second)
    tasks.verify_sample()
    tasks.verify_sample()
    [block] = BlockedWallet.objects.all()
    assert (block.wallet_id, block.promise) == (ledger.second, "Every balance is the sum of its transfers")
    assert "debt is 9" in block.breach
    blocked = Wallet.objects.filter(spending_blocked_at__isnull=False)
    assert [wallet.pk for wallet in blocked] == [ledger.second]


def _rows_known(cursor) -> int:
    cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'loyalty_rulestate'::regclass")
    return cursor.fetchone()[0]


def test_tables_that_grew_since_they_were_analysed_are_analysed_before_the_whole_ledger_is_checked(committed_db):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO loyalty_rulestate (wallet_id, term, period, ends, rule, rule_set_id, terms, measure, units, shift, changed_at)"
            " SELECT n, 'visits', '2026-03-01', '2026-03-31', 'visits', 1, '{}', 0, 0, 0, now() FROM generate_series(1, 3000) n"
        )
        before = _rows_known(cursor)
        next(verifying.verify(wallet_ids=[1]))
        of_a_sample = _rows_known(cursor)
        next(verifying.verify())
        assert (of_a_sample, _rows_known(cursor)) == (before, 3000)
