"""Sealed days: what was posted shows for ever whether it was touched."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from loyalty import sealing
from loyalty.models import DayDigest
from tests.loyalty.conftest import open_shop
from tests.loyalty.test_verify_ledger import as_owner, plant, unguarded  # noqa: F401 (a fixture)


@pytest.fixture
def sealed(as_owner, db):  # noqa: F811
    """A ledger of today, sealed as if it were the day after tomorrow."""
    shop = open_shop()
    members = [shop.member() for _ in range(4)]
    for minor in (1_000, 2_000, 3_000):
        for member in members:
            shop.buy(member, minor)
    plant("SET CONSTRAINTS ALL IMMEDIATE")
    shop.days = sealing.seal_days(at=timezone.now() + timedelta(days=2))
    return shop


def said(**options) -> str:
    out = StringIO()
    try:
        call_command("verify_ledger", chain=True, stdout=out, no_color=True, **options)
    except CommandError as error:
        return out.getvalue() + str(error)
    return out.getvalue()


def test_days_are_sealed_once_each_and_chained(sealed):
    first, *_others = DayDigest.objects.order_by("day")
    assert first.transfers == 12
    assert len(first.bucket_roots) == 256
    assert sealing.seal_days(at=timezone.now() + timedelta(days=2)) == []
    assert list(sealing.check_chain()) == []
    assert len(sealing.seal_days(at=timezone.now() + timedelta(days=5))) == 3
    assert list(sealing.check_chain()) == []
    assert "as it was sealed" in said()


def test_a_day_is_sealed_only_an_hour_after_it_ended(shop):
    shop.buy(shop.member(), 1_000)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert sealing.seal_days(at=midnight + timedelta(minutes=59)) == []
    assert len(sealing.seal_days(at=midnight + timedelta(minutes=60))) == 1


TAMPERING = {
    "a transfer raised": "UPDATE loyalty_transfer SET points = points + 1 WHERE version = 2 AND wallet_id = (SELECT min(id) FROM loyalty_wallet)",
    "a transfer removed": "DELETE FROM loyalty_transfer WHERE version = 3 AND wallet_id = (SELECT max(id) FROM loyalty_wallet)",
    "a transfer slipped in": (
        "INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account, points,"
        " available_after, expires_on, reason, note, occurred_at, posted_at) SELECT wallet_id, 4, source_id, 'slipped', 0, body_hash, 1, 10,"
        " points, available_after, expires_on, reason, note, occurred_at, posted_at FROM loyalty_transfer WHERE version = 1 LIMIT 1"
    ),
    "a note reworded": "UPDATE loyalty_transfer SET note = 'x' WHERE version = 1 AND wallet_id = (SELECT min(id) FROM loyalty_wallet)",
}


@pytest.mark.parametrize("change", TAMPERING)
def test_tampering_with_a_sealed_day_shows_and_names_the_group_of_wallets(sealed, change):
    plant(unguarded("loyalty_transfer", TAMPERING[change]))
    [found] = sealing.check_chain()
    assert found.day == sealed.days[0]
    assert len(found.groups) == 1
    assert "1 sealed days are not what they were" in said()


def test_a_day_sealed_anew_breaks_the_chain_and_a_new_chain_lacks_the_noted_head(sealed):
    noted = sealing.head()[1]
    plant(
        unguarded(
            "loyalty_daydigest",
            "UPDATE loyalty_daydigest SET root = sha256('other') WHERE day = (SELECT min(day) FROM loyalty_daydigest)",
        )
    )
    assert list(sealing.check_chain()) != []
    plant(unguarded("loyalty_daydigest", "DELETE FROM loyalty_daydigest"))
    plant(unguarded("loyalty_transfer", TAMPERING["a note reworded"]))
    sealing.seal_days(at=timezone.now() + timedelta(days=2))
    assert list(sealing.check_chain()) == []
    assert "not in the chain" in said(head=noted)
    assert "as it was sealed" in said(head=sealing.head()[1])


def test_a_day_taken_out_of_the_chain_shows(sealed):
    sealing.seal_days(at=timezone.now() + timedelta(days=5))
    second = sealed.days[0] + timedelta(days=1)
    plant(unguarded("loyalty_daydigest", f"DELETE FROM loyalty_daydigest WHERE day = '{second}'"))
    assert [found.day for found in sealing.check_chain()] == [second + timedelta(days=1)]


def test_sealed_days_cannot_be_edited(sealed):
    for change in (
        "UPDATE loyalty_daydigest SET transfers = 0",
        "DELETE FROM loyalty_daydigest",
        "TRUNCATE loyalty_daydigest",
    ):
        with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
            plant(change)
