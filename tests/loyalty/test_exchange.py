"""A programme goes out as files, into an empty house, and out again: the same to the byte, with every total equal to the unit."""

import csv
import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

import loyalty.operations
from loyalty.exchange import reading
from loyalty.models import Wallet
from members import operations as members
from members.knowing import CustomField
from members.models import Member
from sales import catalogue
from sales.lines import Line
from sales.models import Product, Purchase, PurchaseLine, Store
from sales.operations import ensure_products, ensure_stores
from tests.conftest import another_database

AT = datetime(2026, 3, 10, 15, 4, 5, 123456, tzinfo=UTC)
FILES = ("fields.csv", "stores.csv", "products.csv", "members.csv", "purchases.csv", "balances.csv", "manifest.json")


def settle_in():
    """A small shop with everything that travels: fields, consents, a refund, spent points, a merged record, a sale to nobody."""
    CustomField.objects.create(code="diet", label_en="Diet", label_zh="饮食", kind="choice", choices=["Vegan", "None"])
    CustomField.objects.create(code="nickname", label_en="Nickname", kind="text", is_personal=True)
    CustomField.objects.create(code="likes_tea", label_en="Likes tea", kind="yes_no")
    ensure_stores([("S1", "Elm Street")])
    ensure_stores([("S2", "北京店")], time_zone="Asia/Shanghai")
    ensure_products(
        [
            ("milk", "Whole milk", "GROCERY > DAIRY > MILK", "Meadow", False, "organic;own brand"),
            ("bag", "Bag deposit", "SERVICE > FEES", "", True, ""),
            ("never", "Never bought, “quoted”", "GROCERY > TEA", "Leaf, Ltd", False, ""),
        ]
    )
    people = [
        members.enrol(
            at=AT - timedelta(days=300 - n), source="till", email=f"m{n}@example.com", phone=f"+1212555010{n}", given_name=f"Zoë {n}",
            family_name="O'Neil, Jr.", language="zh-hans" if n == 1 else "en", birth_month=2 if n == 0 else None,
            birth_day=29 if n == 0 else None, country="US",
            consents=[("email", "marketing", n != 2), ("sms", "marketing", False), ("email", "surveys", True)],
        )
        for n in range(4)
    ]  # fmt: skip
    members.set_custom_fields(member_id=people[0].pk, values={"diet": "Vegan", "nickname": "Zo", "likes_tea": True})
    members.set_custom_fields(member_id=people[1].pk, values={"likes_tea": False})
    bought = [
        buy(one, f"r{n}", 1_999 + 7_311 * n, AT - timedelta(days=30 + n)) for n, one in enumerate([*people, None])
    ]
    loyalty.operations.refund(
        source="till:S1",
        client_key="back",
        purchase_id=bought[2].purchase_id,
        lines=[(1, Decimal(1), 1_000)],
        refunded_at=AT - timedelta(days=3),
    )
    loyalty.operations.redeem(
        member_id=people[1].pk, points=17, source="till", client_key="spent", at=AT - timedelta(days=2)
    )
    loyalty.operations.merge_members(
        survivor_id=people[0].pk, absorbed_id=people[3].pk, by_user_id=None, reason="One", at=AT - timedelta(days=1)
    )


def buy(member, key, minor, at):
    return loyalty.operations.record_purchase(
        source="till:S1", client_key=key, store_code="S1" if key != "r1" else "S2", purchased_at=at, currency="USD",
        lines=[Line("milk", Decimal("2.5"), minor, "l"), Line("bag", Decimal(1), 25)], **({"member_id": member.pk} if member else {}),
    )  # fmt: skip


def read(folder) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def totals() -> tuple:
    points = list(
        Wallet.objects.filter(merged_into=None, available__gt=0)
        .order_by("available")
        .values_list("available", flat=True)
    )
    return (
        Member.objects.active().count(), points, Purchase.objects.count(), PurchaseLine.objects.count(),
        sorted(Purchase.objects.values_list("total_minor", flat=True)), sorted(Store.objects.values_list("code", "name", "time_zone")),
        sorted(Product.objects.values_list("code", "brand", "is_service", "category__path")),
    )  # fmt: skip


@pytest.fixture
def moved_out(committed_db, tmp_path):
    """The shop's files, and what it held; the house they came from is gone when the test begins."""
    settle_in()
    call_command("export_programme", tmp_path / "first", verbosity=0)
    return tmp_path / "first", totals()


@pytest.fixture
def empty_house(moved_out, database_template, django_db_blocker):
    """Another database, as empty as a fresh one."""
    with another_database(database_template, django_db_blocker):
        catalogue.forget()
        assert not Member.objects.exists()
        yield moved_out


def test_out_wiped_in_and_out_again_is_identical_to_the_byte_and_in_every_total(empty_house, tmp_path, capsys):
    """First with a row that is broken: it comes back with its reason and no point moves. Mended, the same run goes on to the end."""
    folder, before = empty_house
    sound = (folder / "purchases.csv").read_text(encoding="utf-8")
    (folder / "purchases.csv").write_text(sound.replace(",S1,", ",,", 1), encoding="utf-8")
    with pytest.raises(CommandError, match="No points were brought in"):
        call_command("import_programme", folder, rejects=tmp_path / "rejects.csv")
    assert not Wallet.objects.filter(available__gt=0).exists()
    rejected = list(csv.reader((tmp_path / "rejects.csv").open(encoding="utf-8-sig")))[1:]
    assert {row[1] for row in rejected} >= {"store"}
    assert all(row[2] and row[3] for row in rejected)  # each with a reason and a remedy

    (folder / "purchases.csv").write_text(sound, encoding="utf-8")
    call_command("import_programme", folder)
    assert "3 members, 6 purchases" in capsys.readouterr().out
    assert totals() == before
    call_command("export_programme", tmp_path / "second", verbosity=0)
    assert read(tmp_path / "second") == read(folder)
    call_command("import_programme", folder, verbosity=0)  # again: nothing is taken twice
    assert totals() == before


def test_into_a_house_where_somebody_lives_nothing_moves(db, tmp_path):
    settle_in()
    call_command("export_programme", tmp_path / "out", verbosity=0)
    assert json.loads((tmp_path / "out/manifest.json").read_text())["members"] == 3
    with pytest.raises(CommandError, match="empty house"):
        call_command("import_programme", tmp_path / "out")
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_programme", tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(CommandError, match=r"manifest\.json"):
        call_command("import_programme", tmp_path / "out")


def test_a_run_that_was_killed_when_members_were_in_is_begun_again(empty_house, monkeypatch):
    folder, before = empty_house
    with monkeypatch.context() as killed:
        killed.setattr(reading, "_take_purchases", _stop)
        with pytest.raises(KeyboardInterrupt):
            call_command("import_programme", folder, verbosity=0)
    assert (Member.objects.active().count(), Purchase.objects.count()) == (3, 0)
    call_command("import_programme", folder, verbosity=0)
    assert totals() == before


def _stop(*_given):
    raise KeyboardInterrupt


def test_what_is_wrong_in_a_file_is_told_by_file_and_nothing_after_it_is_taken(empty_house, tmp_path):
    folder, _before = empty_house

    def refused(name: str, text: str, words: str):
        broken = shutil.copytree(folder, tmp_path / f"broken {words}")
        (broken / name).write_text(text, encoding="utf-8")
        with pytest.raises(CommandError, match=words) as told:
            call_command("import_programme", broken, verbosity=0)
        assert name in str(told.value)
        assert not Member.objects.exists()

    sound = (folder / "products.csv").read_text(encoding="utf-8")
    refused("manifest.json", '{"members": 3, "points": "many"}', "does not count purchases, lines, holders, points")
    refused("stores.csv", "code,title\nS1,Elm Street\n", "lacks the columns name, time_zone")
    refused("products.csv", sound + "more,cells\n", "1 row cannot be taken")


def test_nobody_else_of_the_machine_reads_what_was_written(moved_out):
    assert moved_out[0].stat().st_mode & 0o777 == 0o700


def test_a_house_without_anybody_moves_too(committed_db, tmp_path, database_template, django_db_blocker):
    call_command("export_programme", tmp_path / "empty", verbosity=0)
    with another_database(database_template, django_db_blocker):
        catalogue.forget()
        call_command("import_programme", tmp_path / "empty", verbosity=0)
        assert not Member.objects.exists()
