"""Vouchers and gift cards of another system come in to the unit, or not at all; and nobody is handed a code that is in somebody's hands."""

import csv
from datetime import UTC, date, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from loyalty import operations, rewards
from loyalty.models import Account, Entitlement, GiftCard, Reward, Transfer, Voucher, VoucherPool, Wallet
from loyalty.operations import CannotUseCard, CannotUseCode
from loyalty.operations.acting import day_of
from loyalty.spending import codes
from members import operations as members
from members.cards import new_card_number
from members.clock import now
from sales import catalogue
from tests.conftest import another_database
from tests.loyalty.conftest import open_shop
from tests.loyalty.test_concurrency import is_sound
from tests.loyalty.test_rewards import redeem, reward

FAR = "2099-03-31"
FILE = """code,card,reward,kind,value,currency,valid_from,valid_until,status,used_at
FREE-COFFEE-01,{ann},Free coffee,,,,,2099-03-31,unused,
FREE-COFFEE-02,,free COFFEE,,,,,2099-03-31,,
FREE-COFFEE-03,{bob},Free coffee,,,,2020-01-01,2099-03-31,used,2025-12-24
FREE-COFFEE-04,,Free coffee,,,,,2099-03-31,used,2025-12-24 10:00:00
FREE-COFFEE-05,,Free coffee,,,,,2021-01-31,unused,
TEN-2024-AAAA,,,voucher,10.00,USD,,2099-06-30,unused,
TEN-2024-BBBB,{ann},,voucher,10,usd,2098-01-01,2099-06-30,unused,
TEN-2024-CCCC,,,voucher,10,,,,used,2024-05-05
9000 0000 0001,{ann},,gift_card,24.60,USD,,2099-12-31,unused,
9000 0000 0002,,,gift_card,5,EUR,,2099-12-31,unused,
9000 0000 0003,,,gift_card,0,USD,,2019-12-31,,
"""
CONTROL = {"control_codes": 11, "control_value": [("USD", 4_460), ("EUR", 500)], "source": "Oldster"}


@pytest.fixture
def house(shop, tmp_path):
    """Ann and Bob, a coffee in the catalogue, and the file."""
    cards = [new_card_number() for _ in range(2)]
    shop.ann, shop.bob = map(shop.member, cards)
    reward("percent", name_en="Free coffee", amount=100, points=50, valid_from=datetime(2020, 1, 1, tzinfo=UTC))
    shop.file = tmp_path / "vouchers.csv"
    shop.file.write_text(FILE.format(ann=cards[0], bob=cards[1]))
    shop.cards = cards
    return shop


def stored() -> tuple:
    """Everything that an import of codes writes, as plain values."""
    return (
        list(Voucher.objects.order_by("pk").values_list("pk", "pool", "code_hash", "last_four", "entitlement", "owned_at")),
        list(VoucherPool.objects.order_by("pk").values_list("pk", "name", "valid_from", "valid_until", "codes_put_in", "brought_from")),
        list(Entitlement.objects.order_by("pk").values()), list(GiftCard.objects.order_by("pk").values("pk", "wallet", "member", "issued_minor")),
        list(Wallet.objects.order_by("pk").values("pk", "available", "lot_expires_on", "lot_points")), Transfer.objects.count(),
        Reward.objects.count(),
    )  # fmt: skip


def claim(code: str, member) -> Entitlement:
    return operations.claim_voucher(code=code, member_id=member.pk, actor=f"member:{member.pk}", at=now())


def test_codes_come_in_to_the_unit_and_a_second_run_changes_nothing(house, capsys):
    call_command("import_vouchers", house.file, **CONTROL, control_reward=[("Free coffee", 5)])
    told = capsys.readouterr().out
    assert told.splitlines() == [
        "11 codes: 11 brought in now, 0 known before. 4 belong to members, 4 are used, 1 ran out unused; 3 are gift cards.",
        "  Free coffee: 5", "  Gift cards in EUR: 1", "  Gift cards in USD: 2", "  Vouchers worth $10.00: 3",
        "  Not used yet: €5.00", "  Not used yet: $44.60",
    ]  # fmt: skip
    before = stored()
    assert sum(pool.codes_put_in for pool in VoucherPool.objects.all()) == Voucher.objects.count() == 8
    assert set(Transfer.objects.values_list("debit_account", "credit_account", "reason")) == {
        (Account.OPENING, Account.AVAILABLE, Transfer.Reason.OPENING)
    }
    assert sorted(Wallet.objects.filter(gift_card__isnull=False).values_list("gift_card__currency", "available")) == [
        ("EUR", 500), ("USD", 0), ("USD", 2_460),
    ]  # fmt: skip
    call_command("import_vouchers", house.file, **CONTROL)
    assert "0 brought in now, 11 known before" in capsys.readouterr().out
    assert (stored(), is_sound()) == (before, True)


def test_a_code_lies_as_our_own_do_and_its_clear_text_nowhere(house):
    call_command("import_vouchers", house.file, **CONTROL, verbosity=0)
    one = Voucher.objects.get(code_hash=codes.hash_of("free coffee 01"))
    assert (one.code, one.last_four, one.entitlement.member, one.entitlement.cause) == (
        "FREECOFFEE01", "EE01", house.ann, f"voucher:{one.pk}",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM loyalty_voucher UNION ALL SELECT code FROM loyalty_giftcard")
        assert not [raw for (raw,) in cursor if b"COFFEE" in bytes(raw) or b"9000" in bytes(raw)]


def test_each_is_redeemed_once_by_whom_it_belongs_to_and_else_refused_in_words(house):
    call_command("import_vouchers", house.file, **CONTROL, verbosity=0)
    assert [(one.name, one.code) for one in rewards.owned(house.ann.pk, at=now())] == [
        ("Free coffee", "FREE-COFF-EE01")
    ]
    assert claim("free-coffee-01", house.ann).member == house.ann
    assert claim("FREE COFFEE 02", house.bob).benefit == "percent"
    ten = claim("TEN-2024-AAAA", house.bob)
    assert (ten.benefit, ten.amount, ten.currency, day_of(ten.valid_until)) == (
        "amount",
        1_000,
        "USD",
        date(2099, 6, 30),
    )
    for code, member, words in (
        ("FREE-COFFEE-01", house.bob, "belongs to somebody else"), ("FREE-COFFEE-02", house.ann, "belongs to somebody else"),
        ("FREE-COFFEE-03", house.bob, "used already"), ("FREE-COFFEE-04", house.bob, "used already"),
        ("FREE-COFFEE-05", house.ann, "its time is over"), ("TEN-2024-BBBB", house.ann, "has not come"),
        ("TEN-2024-CCCC", house.ann, "used already"),
    ):  # fmt: skip
        with pytest.raises(CannotUseCode, match=words):
            claim(code, member)
    card, left = operations.find_gift_card(code="9000-0000-0001", actor="user:1", at=now())
    assert (card.member, left, card.valid_until) == (house.ann, 2_460, date(2099, 12, 31))
    with pytest.raises(CannotUseCard, match="no longer valid"):
        operations.find_gift_card(code="900000000003", actor="user:1", at=now())
    assert is_sound()


def test_what_a_merged_record_brought_along_is_its_survivors_and_the_same_file_still_changes_nothing(house, capsys):
    call_command("import_vouchers", house.file, **CONTROL, verbosity=0)
    house.merge(house.bob, house.ann, at=now())
    assert [(code, left) for _card, code, left in rewards.gift_cards_of(house.bob.pk, at=now())] == [
        ("9000-0000-0001", 2_460)
    ]
    assert [one.name for one in rewards.owned(house.bob.pk, at=now())] == ["Free coffee"]
    before = stored()
    call_command("import_vouchers", house.file, **CONTROL)
    assert "0 brought in now, 11 known before" in capsys.readouterr().out
    assert (stored(), is_sound()) == (before, True)


def test_a_code_in_somebodys_hands_is_handed_out_to_nobody(house):
    call_command("import_vouchers", house.file, **CONTROL, verbosity=0)
    house.adjust(house.bob, 500)
    coffee = Reward.objects.get(name_en="Free coffee")
    given = redeem(house, house.bob, coffee, at=now())
    assert codes.is_code(given.code), "a code of our own, not the paper that a customer holds"
    for pool in VoucherPool.objects.all():
        assert operations.give_codes(pool_id=pool.pk, member_ids=[house.bob.pk], at=now()) == 0
    assert [one.reward.name_en for one in rewards.on_offer(member_id=None, at=now())] == ["Free coffee"]


def test_totals_that_differ_bring_nothing_in_and_each_is_told(house):
    empty = stored()
    wrong = {"control_codes": 12, "control_value": [("USD", 4_461)], "control_reward": [("Free coffee", 4)]}
    with pytest.raises(CommandError) as refused:
        call_command("import_vouchers", house.file, **CONTROL | wrong)
    assert str(refused.value).splitlines() == [
        "The file has 11 codes; the control total is 12.",
        "The file has codes worth EUR, and no control total says how much: add --control-value EUR=….",
        "What is not used yet is worth $44.60; the control total is $44.61.",
        "The file has 5 codes for Free coffee; the control total is 4.",
        "Nothing was brought in.",
    ]
    assert stored() == empty


BAD = """code,card,reward,kind,value,currency,valid_from,valid_until,status,used_at
GOOD-CODE-0001,,Free coffee,,,,,2099-03-31,,
GOOD-CODE-0001,,Free coffee,,,,,2099-03-31,,
SHORT1,,Free coffee,,,,,2099-03-31,,
1.23457E+11,,Free coffee,,,,,2099-03-31,,
CODE-NOBODY-01,{nobody},Free coffee,,,,,2099-03-31,,
CODE-REWARD-01,,Free tea,,,,,2099-03-31,,
CODE-BOTH-0001,,Free coffee,,5,USD,,2099-03-31,,
CODE-KIND-0001,,,coupon,5,USD,,2099-03-31,,
CODE-VALUE-001,,,,5.001,USD,,2099-03-31,,
CODE-VALUE-002,,,,-5,USD,,2099-03-31,,
CODE-MONEY-001,,,,5,XYZ,,2099-03-31,,
CODE-DAYS-0001,,Free coffee,,,,2099-04-01,2099-03-31,,
CODE-DAYS-0002,,Free coffee,,,,,31.3.2099,,
CODE-DAYS-0003,,Free coffee,,,,,,,
CODE-STATE-001,,Free coffee,,,,,2099-03-31,blocked,
CODE-STATE-002,,Free coffee,,,,,2099-03-31,used,
CODE-STATE-003,,Free coffee,,,,,2099-03-31,used,2098-01-01
CARD-OVER-0001,,,gift_card,5,USD,,2020-03-31,,
OUR-OWN-CODE-1,,Free coffee,,,,,2099-03-31,,
CODE-BYTES-001,,Free coffee,,,,,2099-03-31,\xff,
"""


def test_every_bad_row_is_told_by_row_field_and_remedy_and_nothing_comes_in(house, tmp_path):
    pool = VoucherPool.objects.create(
        name="Ours", reward=Reward.objects.get(), valid_from=now(), valid_until=datetime(2099, 1, 1, tzinfo=UTC)
    )
    operations.add_codes(pool=pool, brought=["OUR-OWN-CODE-1"])
    empty = stored()
    house.file.write_text(BAD.format(nobody=new_card_number()), encoding="latin-1")
    rejects = tmp_path / "rejects.csv"
    with pytest.raises(CommandError, match="19 rows cannot be brought in, so nothing was"):
        call_command("import_vouchers", house.file, **CONTROL, rejects=rejects)
    with rejects.open(encoding="utf-8-sig") as file:
        told = sorted(
            (int(row["row"]), row["field"], bool(row["reason"] and row["remedy"])) for row in csv.DictReader(file)
        )
    fields = (
        "code code code card reward reward kind value value currency valid_until valid_until valid_until status used_at used_at "
        "valid_until code status"
    )
    assert told == [(row, field, True) for row, field in enumerate(fields.split(), 3)]
    assert stored() == empty


def test_a_short_code_is_taken_when_it_has_its_owner_and_a_changed_row_is_refused(house, tmp_path):
    file = house.file
    file.write_text(f"code,card,reward,valid_until\nK7P2,{house.cards[0]},Free coffee,{FAR}\n")
    call_command("import_vouchers", file, control_codes=1, source="Oldster", verbosity=0)
    assert claim("k7-p2", house.ann)
    before, rejects = stored(), tmp_path / "rejects.csv"
    for row, field in (
        (f"K7P2,{house.cards[1]},Free coffee,{FAR}", "card"), (f"K7P2,{house.cards[0]},Free coffee,2099-04-01", "valid_until"),
    ):  # fmt: skip
        file.write_text(f"code,card,reward,valid_until\n{row}\n")
        with pytest.raises(CommandError, match=f"row 2, {field}: This code was brought in before"):
            call_command("import_vouchers", file, control_codes=1, source="Oldster", rejects=rejects)
    with pytest.raises(
        CommandError, match="row 2, code: This code is in use here already; it was not brought in from Other"
    ):
        call_command("import_vouchers", file, control_codes=1, source="Other", rejects=rejects)
    assert stored() == before


def furnish(cards) -> list:
    """A house whose codes move: two members by card, and the rewards that the codes name."""
    reward("percent", name_en="Free coffee", amount=100, points=50, valid_from=datetime(2020, 1, 1, tzinfo=UTC))
    reward(name_en="Five off", points=100, is_partial=True, valid_from=datetime(2020, 1, 1, tzinfo=UTC))
    return [
        members.enrol(at=now(), source="till", card=card, email=f"m{n}@example.com") for n, card in enumerate(cards)
    ]


def test_codes_in_hand_go_out_and_into_another_house_where_they_work(
    committed_db, tmp_path, capsys, database_template, django_db_blocker
):
    cards = [new_card_number() for _ in range(2)]
    ann, bob = furnish(cards)
    shop = open_shop()
    (tmp_path / "old.csv").write_text(FILE.format(ann=cards[0], bob=cards[1]))
    call_command("import_vouchers", tmp_path / "old.csv", **CONTROL, verbosity=0)
    shop.adjust(bob, 500, at=now())
    own = redeem(shop, bob, Reward.objects.get(name_en="Free coffee"), at=now())
    shop.adjust(ann, 500, at=now())
    half = redeem(shop, ann, Reward.objects.get(name_en="Five off"), at=now())
    operations.record_paid_purchase(
        source="till", client_key="half", store_code="S1", purchased_at=now(), currency="USD", lines=[shop.line(200)],
        member_id=ann.pk, spend=operations.Spend(benefits=(half.redemption.entitlement.public_id,)),
    )  # fmt: skip
    call_command("export_vouchers", tmp_path / "first.csv")
    assert capsys.readouterr().out == (
        "13 codes. The other house takes them in with: "
        "import_vouchers first.csv --control-codes 13 --control-value EUR=5.00 --control-value USD=47.60\n"
    )
    assert (tmp_path / "first.csv").stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_vouchers", tmp_path / "first.csv")
    assert is_sound()
    with another_database(database_template, django_db_blocker):
        catalogue.forget()
        ann, bob = furnish(cards)
        given = {"control_codes": 13, "control_value": [("USD", 4_760), ("EUR", 500)], "verbosity": 0}
        call_command("import_vouchers", tmp_path / "first.csv", **given)
        call_command("export_vouchers", tmp_path / "second.csv", verbosity=0)
        assert (tmp_path / "second.csv").read_bytes() == (tmp_path / "first.csv").read_bytes()
        assert claim(own.code, bob).benefit == "percent"
        assert (claim(half.code, ann).amount, is_sound()) == (300, True)
    catalogue.forget()


def test_what_is_typed_wrong_at_the_terminal_is_told(house):
    for wrong in ("--control-value=US=1", "--control-value=USD=1.001", "--control-reward=Free coffee"):
        with pytest.raises(CommandError, match="Write"):
            call_command("import_vouchers", str(house.file), "--control-codes=1", wrong)
    with pytest.raises(CommandError, match="old system has 1 to 60"):
        call_command("import_vouchers", house.file, control_codes=1, source="")
    house.file.write_text("number,reward\n")
    with pytest.raises(CommandError, match="needs a column code"):
        call_command("import_vouchers", house.file, control_codes=1)
