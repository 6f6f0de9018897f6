"""The smaller verbs: stages, profile, staff, the note of who looked."""

from datetime import UTC, datetime

import pytest

from members import operations, queries
from members.models import Member
from members.signals import lifecycle_stages_changed

AT = datetime(2026, 3, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_stages_are_stored_and_only_changes_are_told(django_capture_on_commit_callbacks):
    ids = operations.enrol_many([{}, {}, {}], at=AT, source="test").member_ids
    heard = []

    def hear(changes, **_):
        heard.extend(changes)

    lifecycle_stages_changed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            assert operations.set_lifecycle_stages({ids[0]: "loyal", ids[1]: "contact", ids[2]: "lapsed"}) == 2
    finally:
        lifecycle_stages_changed.disconnect(hear)
    assert sorted(heard) == [(ids[0], "contact", "loyal"), (ids[2], "contact", "lapsed")]
    assert queries.lifecycle_counts() == {
        "contact": 1, "new": 0, "developing": 0, "loyal": 1, "at_risk": 0, "lapsed": 1, "won_back": 0,
    }  # fmt: skip


def test_an_unknown_stage_changes_nothing():
    member = operations.enrol(at=AT, source="test")
    with pytest.raises(ValueError, match="asleep"):
        operations.set_lifecycle_stages({member.pk: "asleep"})
    assert Member.objects.get().lifecycle_stage == "contact"


def test_a_corrected_name_is_found_and_the_old_one_is_not():
    member = operations.enrol(at=AT, source="test", given_name="Jon", family_name="Smith", phone="+12125550123")
    operations.set_profile(member_id=member.pk, given_name="John", family_name="Smith", language="zh-hans")
    assert queries.find("john smith") == [member]
    assert queries.find("jon") == []
    assert queries.find("0123") == [member]
    assert queries.by_public_id(member.public_id).language == "zh-hans"


def test_hiring_twice_is_hiring_once_with_the_newer_roles():
    operations.add_staff(email="Kim@example.com", roles=["cashier"], password="a" * 16)
    user = operations.add_staff(email="kim@example.com", roles=["service", "analyst"], given_name="Kim")
    assert (user.email, user.first_name, user.check_password("a" * 16)) == ("kim@example.com", "Kim", True)
    assert set(user.groups.values_list("name", flat=True)) == {"service", "analyst"}


def test_without_a_password_nobody_signs_in():
    assert not operations.add_staff(email="kim@example.com", roles=[]).has_usable_password()


def test_who_looked_is_written_down_newest_first():
    member = operations.enrol(at=AT, source="test")
    user = operations.add_staff(email="kim@example.com", roles=["service"])
    for act in ("viewed", "adjusted"):
        operations.note_access(user=user, member_id=member.pk, act=act, door="desk")
    assert [(entry.user, entry.act) for entry in queries.access_history(member.pk)] == [
        (user, "adjusted"),
        (user, "viewed"),
    ]
    with pytest.raises(ValueError, match="snooped"):
        operations.note_access(user=user, member_id=member.pk, act="snooped", door="desk")


def test_the_first_administrator_is_made_on_the_command_line(capsys):
    from django.core.management import CommandError, call_command

    from sales.models import Store

    store = Store.objects.create(code="S1", name="Elm Street")
    call_command(
        "add_staff",
        "kim@example.com",
        role=["administrator", "cashier"],
        store=["S1"],
        name="Kim Lee",
        no_password=True,
    )
    user = operations.add_staff(email="kim@example.com", roles=["administrator"], given_name="Kim", family_name="Lee")
    assert (user.get_full_name(), list(user.stores.all())) == ("Kim Lee", [store])
    assert "kim@example.com may sign in as administrator, cashier" in capsys.readouterr().out
    for wrong in ({"store": ["S9"]}, {"store": []}):
        with pytest.raises(CommandError):
            call_command("add_staff", "kim@example.com" if wrong["store"] else "no address", no_password=True, **wrong)
