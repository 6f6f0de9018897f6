"""`manage.py import_members`: from a file to members with identifiers and consents."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from members import queries
from members.confirmation import AskedConsent
from members.knowing import CustomField
from members.models import Consent, Member
from members.operations import set_confirmed_topics

HEADING = "external_id,given_name,family_name,email,phone,card,language,time_zone,joined,consents"
ADA = "m1,Ada,Lovelace,ada@example.com,+12125550123,,en,America/Chicago,2025-01-02 03:04:05,email=yes;sms=no"
LI = "m2,小明,王,li@example.com,,,zh-hans,,,"


def write(folder, *rows, heading=HEADING, name="members.csv"):
    path = folder / name
    path.write_bytes(b"\n".join(row if isinstance(row, bytes) else row.encode() for row in (heading, *rows)) + b"\n")
    return path


def run(path, **options):
    out = StringIO()
    call_command("import_members", path, stdout=out, **options)
    return out.getvalue()


def told(path) -> list[list[str]]:
    rejects = path.parent / "rejects.csv"
    run(path, rejects=rejects)
    return [row.strip('"').split('","')[:2] for row in rejects.read_text(encoding="utf-8-sig").splitlines()[1:]]


def test_people_become_members_with_names_identifiers_and_consents(db, tmp_path):
    assert "2 members enrolled, 0 known before." in run(write(tmp_path, ADA, LI))
    ada, li = queries.by_identifier("external", "m1"), queries.by_identifier("email", "LI@example.com")
    assert (ada.given_name, ada.family_name, ada.time_zone) == ("Ada", "Lovelace", "America/Chicago")
    assert ada.joined_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (li.given_name, li.family_name, li.language) == ("小明", "王", "zh-hans")
    assert queries.by_identifier("phone", "(212) 555-0123") == ada
    assert sorted(Consent.objects.values_list("member", "channel", "is_granted", "source")) == [
        (ada.pk, "email", True, "import"), (ada.pk, "sms", False, "import"),
    ]  # fmt: skip


def test_birthdays_and_consents_by_purpose_come_along(db, tmp_path):
    rows = ("m1,02-29,email=no;email.surveys=yes", "m2,,", "m3,31-12,", "m4,,email.weather=yes")
    path = write(tmp_path, *rows, heading="external_id,birthday,consents")
    assert told(path) == [["4", "birthday"], ["5", "consents"]]
    born = queries.by_identifier("external", "m1")
    assert (born.birth_month, born.birth_day) == (2, 29)
    assert queries.by_identifier("external", "m2").birth_month is None
    assert sorted(Consent.objects.values_list("member", "channel", "purpose", "is_granted")) == [
        (born.pk, "email", "marketing", False), (born.pk, "email", "surveys", True),
    ]  # fmt: skip


def test_running_it_twice_changes_nothing(db, tmp_path):
    path = write(tmp_path, ADA, LI)
    run(path)
    before = list(Member.objects.order_by("pk").values_list("pk", "public_id", "joined_at"))
    assert "0 members enrolled, 2 known before." in run(path)
    assert list(Member.objects.order_by("pk").values_list("pk", "public_id", "joined_at")) == before
    assert Consent.objects.count() == 2


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (",Nobody,At all,,,,,,,", "(row)"),
        ("m9,,,not an address,,,,,,", "email"),
        ("m9,,,,12,,,,,", "phone"),
        ("m9,,,,,2900000000000,,,,", "card"),
        ("m9,,,,,,,Mars/Olympus,,", "time_zone"),
        ("m9,,,,,,,,yesterday,", "joined"),
        ("m9,,,,,,,,2999-01-01,", "joined"),
        ("m9,,,,,,,,,pigeon=yes", "consents"),
        ("m9,,,,,,,,,email=perhaps", "consents"),
        (b"m9,\xff,,,,,,,,", "given_name"),
        ("m9,just three", "(row)"),
    ],
)
def test_a_bad_row_is_told_and_the_others_are_enrolled(db, tmp_path, row, field):
    assert told(write(tmp_path, ADA, row, LI)) == [["3", field]]
    assert Member.objects.count() == 2


@pytest.mark.parametrize(
    ("heading", "sentence"),
    [
        ("name,town", "The file recognises nobody: it needs one of the columns external_id"),
        ("email,email", "Column email appears twice"),
    ],
)
def test_a_heading_that_recognises_nobody_is_refused(db, tmp_path, heading, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(write(tmp_path, "a,b", heading=heading))


def test_a_mapping_names_columns_and_defaults(db, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text('[columns]\nexternal_id = "household"\n[defaults]\nlanguage = "zh-hans"\n')
    path = write(tmp_path, "77,x", heading="household,language_name")
    run(path, mapping=mapping)
    assert queries.by_identifier("external", "77").language == "zh-hans"
    mapping.write_text("[columns]\nfirst_name = 'x'\n")
    with pytest.raises(CommandError, match="The mapping knows no first_name"):
        run(path, mapping=mapping)


@pytest.fixture
def own_fields(db):
    CustomField.objects.create(code="shoe_size", label_en="Shoe size", kind="number")
    CustomField.objects.create(code="club", label_en="Club", kind="choice", choices=["rowing", "chess"])
    CustomField.objects.create(code="motto", label_en="Motto", kind="text", is_personal=True)


def test_custom_columns_are_taken_with_their_kind_or_told_by_row(own_fields, tmp_path):
    heading = "external_id,custom.shoe_size,custom.club,custom.motto"
    path = write(tmp_path, "m1,38.5,chess,Per aspera", "m2,,,", "m3,large,chess,", "m4,40,golf,", heading=heading)
    assert told(path) == [["4", "custom.shoe_size"], ["5", "custom.club"]]
    first, second = (queries.by_identifier("external", name) for name in ("m1", "m2"))
    assert queries.custom_fields(first.pk) == {"shoe_size": 38.5, "club": "chess", "motto": "Per aspera"}
    assert queries.custom_fields(second.pk) == {}
    assert "motto" not in first.custom_fields
    assert queries.by_identifier("external", "m3") is None


def test_a_custom_column_may_have_another_name_and_one_nobody_made_is_refused(own_fields, tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('[columns]\n"custom.club" = "Verein"\n')
    run(write(tmp_path, "m1,rowing", heading="external_id,Verein"), mapping=mapping)
    assert queries.custom_fields(Member.objects.get().pk) == {"club": "rowing"}
    with pytest.raises(CommandError, match="no custom field"):
        run(write(tmp_path, "m2,x", heading="external_id,custom.clubb"))
    assert Member.objects.count() == 1


def test_an_imported_yes_waits_where_it_must_be_confirmed_unless_the_file_says_it_was(db, tmp_path):
    set_confirmed_topics(purposes=["marketing"], at=datetime(2026, 1, 1, tzinfo=UTC))
    run(write(tmp_path, "m1,Ada,,ada@example.com,,,,,,email=yes", "m2,Bo,,bo@example.com,,,,,,Email = Confirmed"))
    ada, bo = queries.by_identifier("external", "m1"), queries.by_identifier("external", "m2")
    assert list(Consent.objects.values_list("member", "channel", "is_granted")) == [(bo.pk, "email", True)]
    assert list(AskedConsent.objects.values_list("member", "source")) == [(ada.pk, "import")]
