"""Everything about one person, for them to read and to take along."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from django.utils.translation import override

from loyalty.operations import merge_members
from loyalty.queries import balance
from members import operations, personal_data
from members.models import Member
from tests.flows import world

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def hero():
    return world.make(members_count=3, at=AT).hero


def unpacked(member) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(personal_data.archive(member, at=AT))) as files:
        assert files.testzip() is None
        return {name: files.read(name).decode("utf-8-sig") for name in files.namelist()}


def test_every_room_tells_what_it_holds(hero):
    operations.give_consent(
        member=hero, channel="push", is_granted=True, at=AT, source="portal", address="203.0.113.9", detail="ticked"
    )
    told = {section.code: section.rows for section in personal_data.of(hero)}
    assert {
        "profile",
        "identifiers",
        "consents",
        "purchases",
        "purchase_lines",
        "wallets",
        "points",
        "recommendations",
    } <= set(told)
    assert told["profile"][0]["given_name"] == hero.given_name
    assert {row["network_address"] for row in told["consents"]} == {"", "203.0.113.9"}
    assert len(told["purchase_lines"]) >= len(told["purchases"]) > 1


def test_what_lies_under_a_record_that_was_merged_into_theirs_is_told_too(hero):
    twin = Member.objects.active().exclude(pk=hero.pk).first()
    theirs = {
        row["receipt"] for section in personal_data.of(twin) if section.code == "purchases" for row in section.rows
    }
    operations.note_touchpoint(kind="call", at=AT, source="t", client_key="1", member_id=twin.pk, words="About the tea")
    merge_members(survivor_id=hero.pk, absorbed_id=twin.pk, by_user_id=None, reason="One person", at=AT)
    told = {section.code: section.rows for section in personal_data.of(hero)}
    assert theirs
    assert theirs <= {row["receipt"] for row in told["purchases"]}
    assert "About the tea" in [row["words"] for row in told["touchpoints"]]
    for code, rows in told.items():
        assert len({repr(row) for row in rows}) == len(rows) or code == "purchase_lines", f"{code} tells a thing twice"


def test_the_points_told_add_up_to_the_balance(hero):
    told = {section.code: section.rows for section in personal_data.of(hero)}
    wallet = balance(hero.pk, at=AT)
    assert sum(row["points"] for row in told["points"]) == told["wallets"][0]["available"]
    assert told["points"][-1]["balance_after"] == told["wallets"][0]["available"] >= wallet.available
    assert [row["at"] for row in told["points"]] == sorted(row["at"] for row in told["points"])


def test_the_archive_has_a_page_a_file_for_programs_and_tables(hero):
    files = unpacked(hero)
    data = json.loads(files["data.json"])
    assert set(data["sections"]) == {name[4:-4] for name in files if name.startswith("csv/")}
    for code, rows in data["sections"].items():
        table = list(csv.reader(io.StringIO(files[f"csv/{code}.csv"])))
        assert len(table) == len(rows) + 1
        assert table[0] == list(rows[0])
    assert hero.given_name in files["index.html"]
    assert "<script" not in files["index.html"]


def test_nothing_of_another_member_is_in_it(hero):
    files = "\n".join(unpacked(hero).values())
    others = type(hero).objects.exclude(pk=hero.pk)
    for other in others:
        assert str(other.public_id) not in files
        for identifier in other.identifiers.all():
            assert identifier.value not in files


def test_no_cell_is_a_formula_and_no_markup_runs(hero):
    operations.set_profile(member_id=hero.pk, given_name="=1+1", family_name="<img src=x onerror=alert(1)>")
    files = unpacked(type(hero).objects.get(pk=hero.pk))
    assert "'=1+1" in files["csv/profile.csv"]
    assert "<img" not in files["index.html"]


def test_it_speaks_the_readers_language(hero):
    with override("zh-hans"):
        page = unpacked(hero)["index.html"]
    assert 'lang="zh-hans"' in page
    assert "您的数据" in page


def test_it_asks_the_same_number_of_questions_however_long_the_history(hero, django_assert_max_num_queries):
    with django_assert_max_num_queries(51):
        personal_data.of(hero)
