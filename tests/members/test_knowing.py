"""Custom fields, tags and touchpoints: what a shop knows beyond the card, and only as the member allows."""

from datetime import UTC, datetime, timedelta

import pytest

from members import custom, operations, queries
from members.crypto import keyed_hash
from members.knowing import CustomField, CustomValue, Touchpoint
from members.models import Member
from members.operations.knowing import personal_hash

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def maria():
    return operations.enrol(at=AT, source="test", given_name="Maria", email="maria@example.com")


@pytest.fixture
def fields():
    made = [
        CustomField(code="pet", label_en="Pet", kind="choice", choices=["cat", "dog"]),
        CustomField(code="children", label_en="Children", kind="number"),
        CustomField(code="insurance_no", label_en="Insurance number", kind="text", is_personal=True),
    ]
    return CustomField.objects.bulk_create(made)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("text", " oat milk ", "oat milk"), ("number", "3", 3), ("number", "2.5", 2.5), ("date", "2026-02-28T10:00", "2026-02-28"),
        ("yes_no", "是", True), ("yes_no", "No", False), ("choice", "cat", "cat"), ("text", "", None), ("number", None, None),
    ],
)  # fmt: skip
def test_text_becomes_a_value_of_its_kind(kind, given, kept):
    assert custom.clean(kind, given, choices=["cat"]) == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("number", "many"),
        ("number", "nan"),
        ("date", "31.12."),
        ("yes_no", "perhaps"),
        ("choice", "fish"),
        ("text", "a\x00"),
    ],
)
def test_what_is_no_such_value_is_refused_in_words(kind, given):
    with pytest.raises(ValueError, match=r"is no|neither|not one of|At most"):
        custom.clean(kind, given, choices=["cat"])


def test_fields_are_set_all_or_none_and_the_personal_ones_lie_encrypted(maria, fields):
    values = {"pet": "cat", "children": "2", "insurance_no": "AB-12"}
    operations.set_custom_fields(member_id=maria.pk, values=values)
    assert queries.custom_fields(maria.pk) == {"pet": "cat", "children": 2, "insurance_no": "AB-12"}
    assert Member.objects.get(pk=maria.pk).custom_fields == {"pet": "cat", "children": 2}
    assert CustomValue.objects.get(value_hash=personal_hash(fields[2], "ab-12")).member == maria
    with pytest.raises(operations.BadCustomValue, match="Children: “many” is no number") as refusal:
        operations.set_custom_fields(member_id=maria.pk, values={"pet": "dog", "children": "many"})
    assert refusal.value.code == "children"
    with pytest.raises(operations.BadCustomValue, match="There are: children, insurance_no, pet"):
        operations.set_custom_fields(member_id=maria.pk, values={"shoe": "42"})
    assert queries.custom_fields(maria.pk)["pet"] == "cat"
    operations.set_custom_fields(member_id=maria.pk, values={"pet": "", "insurance_no": None})
    assert queries.custom_fields(maria.pk) == {"children": 2}


def test_a_tag_sticks_once_to_each_of_many(maria):
    other = operations.enrol(at=AT, source="test", email="other@example.com")
    everybody, only = Member.objects.active(), Member.objects.filter(pk=maria.pk)
    assert [operations.tag_members(code="vip", members=some, source="desk", at=AT) for some in (only, everybody)] == [
        1,
        1,
    ]
    assert operations.untag_members(code="vip", members=only) == 1
    assert [queries.tags_of(one.pk) for one in (maria, other)] == [[], ["vip"]]


def note(member=None, key="1", kind="page", **more):
    return operations.note_touchpoint(
        kind=kind, at=AT, source="site", client_key=key, member_id=member and member.pk, **more
    )


def test_what_is_watched_needs_a_yes_what_is_said_to_us_does_not(maria):
    assert note(maria, subject="/milk") is None
    call = note(maria, key="2", kind="call", words="Asked for opening hours")
    operations.give_consent(member=maria, channel="email", purpose="profiling", is_granted=True, at=AT, source="portal")
    seen = note(maria, key="3", subject="/milk")
    assert [one.pk for one in queries.touchpoints_of(maria.pk)] == [seen.pk, call.pk]


def test_a_batch_replayed_is_one_meeting(maria):
    first, again = (note(maria, kind="call", words=words) for words in ("Hello", "Hello again"))
    assert (first.pk, again.words, Touchpoint.objects.count()) == (again.pk, "Hello", 1)


def test_visits_before_signing_in_become_the_members_once_and_only_with_consent(maria):
    for key in ("1", "2"):
        note(key=key, subject="/milk", visitor="browser-7")
    note(key="3", visitor="browser-8")
    stored = bytes(Touchpoint.objects.filter(client_key="1").get().visitor_hash)
    assert stored == keyed_hash("browser-7", kind="visitor")
    assert operations.claim_visits(member_id=maria.pk, visitor="browser-7", at=AT) == 0
    operations.give_consent(member=maria, channel="email", purpose="profiling", is_granted=True, at=AT, source="portal")
    claimed = [
        operations.claim_visits(member_id=maria.pk, visitor="browser-7", at=AT + timedelta(1)) for _n in range(2)
    ]
    assert claimed == [2, 0]
    assert Touchpoint.objects.filter(member=None).count() == 1
