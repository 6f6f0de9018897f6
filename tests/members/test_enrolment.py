"""Enrolling: one by one and by the file, and finding them again."""

from datetime import UTC, datetime

import pytest

from members import operations, queries
from members.models import Consent, Identifier, Member, SearchToken

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def enrol(**fields):
    return operations.enrol(at=AT, source="test", **fields)


def test_a_member_gets_a_card_and_is_found_by_everything_they_gave():
    maria = enrol(
        given_name="María", family_name="Núñez", email="Maria@Example.com", phone="(212) 555-0123", external_id="H-7"
    )
    card = queries.identifiers(maria)["card"].value
    asked = [
        card,
        f"{card[:4]} {card[4:8]} {card[8:]}",
        "maria@example.COM",
        "+1 212 555 0123",
        "0123",
        "5550123",
        "nunez",
        "NÚÑEZ maria",
    ]
    assert [queries.find(text) for text in asked] == [[maria]] * len(asked)
    assert queries.by_identifier("external", "H-7") == maria
    contact = queries.contacts([maria.pk])[maria.pk]
    assert contact[:5] == ("maria@example.com", "María", "Núñez", "en", "America/New_York")
    assert contact.address_hash == queries.identifiers(maria)["email"].value_hash


def test_a_chinese_name_is_found_whole_and_by_its_parts():
    member = enrol(given_name="小明", family_name="王", phone="+8613800138000")
    assert [queries.find(text) for text in ("王小明", "小明", "王", "王小", "小")] == [[member]] * 4 + [[]]
    assert member.name == "王小明"


@pytest.mark.parametrize("length", range(4, 11))
def test_the_last_four_to_ten_digits_of_a_phone_find_its_member(length):
    member = enrol(phone="+12125550123")
    enrol(phone="+12125550124")
    assert queries.find("2125550123"[-length:]) == [member]


def test_three_digits_find_nobody():
    enrol(phone="+12125550123")
    assert queries.find("123") == []


@pytest.mark.parametrize(
    ("field", "first", "again"),
    [
        ("email", "ada@example.com", " ADA@example.com"),
        ("phone", "+12125550123", "212-555-0123"),
        ("card", "2900000000017", "29 0000-0000017"),
        ("external_id", "H-1", "H-1 "),
    ],
)
def test_a_conflict_names_the_field_and_moves_nothing(field, first, again):
    known = enrol(**{field: first})
    before = (Member.objects.count(), Identifier.objects.count(), SearchToken.objects.count())
    with pytest.raises(operations.AlreadyKnown) as refusal:
        enrol(given_name="Somebody", **{field: again})
    assert (refusal.value.field, refusal.value.member_id) == (field, known.pk)
    assert (Member.objects.count(), Identifier.objects.count(), SearchToken.objects.count()) == before


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"email": "no at sign"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"card": "2900000000011"}, "card"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"birth_month": 2, "birth_day": 30}, "birth_day"),
        ({"birth_month": 2}, "birth_day"),
        ({"consents": ["pigeon"]}, "consents"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_nothing_is_written(fields, named):
    with pytest.raises(operations.CannotEnrol) as refusal:
        enrol(**fields)
    assert refusal.value.field == named
    assert str(refusal.value)
    assert not Member.objects.exists()


def test_a_file_is_enrolled_but_for_its_bad_rows_which_are_told():
    known = enrol(email="known@example.com")
    rows = [
        {"given_name": "A", "email": "a@example.com", "consents": ["email", ("sms", "marketing", False)]},
        {"email": "known@example.com"},
        {"phone": "12"},
        {"email": "A@example.com"},
        {"given_name": "B", "phone": "+12125550100", "joined_at": datetime(2025, 1, 1, tzinfo=UTC)},
    ]
    done = operations.enrol_many(rows, at=AT, source="import")
    assert [bool(member_id) for member_id in done.member_ids] == [True, False, False, False, True]
    assert [(e.row, e.field, e.member_id) for e in done.errors] == [
        (1, "email", known.pk), (2, "phone", None), (3, "email", None),
    ]  # fmt: skip
    assert all(error.message for error in done.errors)
    assert Member.objects.get(pk=done.member_ids[4]).joined_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert queries.consent_now(done.member_ids[0], at=AT) == {("email", "marketing"): True, ("sms", "marketing"): False}


def test_a_second_run_of_the_same_file_enrols_nobody():
    rows = [{"external_id": f"H-{n}", "phone": f"+1212555{n:04d}"} for n in range(50)]
    first = operations.enrol_many(rows, at=AT, source="import")
    second = operations.enrol_many(rows, at=AT, source="import")
    assert [error.member_id for error in second.errors] == first.member_ids
    assert Member.objects.count() == 50


def test_many_members_cost_as_many_statements_as_few(django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        operations.enrol_many(
            [{"given_name": f"N{n}", "email": f"n{n}@example.com"} for n in range(300)], at=AT, source="test"
        )


def test_a_list_of_found_members_costs_the_same_queries_for_one_and_for_three(django_assert_num_queries):
    for people in (1, 2):
        for n in range(people):
            enrol(given_name="Ann", phone=f"+1{people}1255501{n:02d}")
        with django_assert_num_queries(2):
            assert [queries.identifiers(m)["phone"].value for m in queries.find("ann")]


def test_consents_of_an_enrolment_carry_its_source_and_moment():
    member = enrol(consents=["email"])
    assert list(Consent.objects.values_list("member", "channel", "purpose", "is_granted", "source", "at")) == [
        (member.pk, "email", "marketing", True, "test", AT)
    ]
