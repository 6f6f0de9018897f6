"""A note calls a colleague, who finds it among their tasks; nobody is told of what they may not open."""

import pytest
from django.test import Client

from care import mentions
from care import operations as care
from care.models import Case, Task
from members import clock, operations
from tests.signing_in import at_door

COLLEAGUES = {1: "sam@example.com", 2: "dana.o@example.com", 3: "sam@other.example", 4: "lee@example.com"}


@pytest.mark.parametrize(
    ("text", "ids", "unknown"),
    [
        ("@lee please look, and @Dana.O.", (4, 2), ()),
        ("@lee @lee", (4,), ()),
        ("@sam", (), ("sam",)),  # two are called so: neither is guessed
        ("@sam@other.example knows", (3,), ()),
        ("write to maria@lee.com, not @nobody", (), ("nobody",)),
        ("", (), ()),
    ],
)
def test_who_is_called_is_read_from_the_text_and_never_guessed(text, ids, unknown):
    assert mentions.called(text, COLLEAGUES) == mentions.Called(ids, unknown)


@pytest.fixture
def house(db):
    """Sam and Lee of the desk, a manager, a cashier; and a case."""
    roles = {"sam": "service", "lee": "service", "mona": "store_manager", "casey": "cashier"}
    staff = {name: operations.add_staff(email=f"{name}@example.com", roles=[role]) for name, role in roles.items()}
    member = operations.enrol(at=clock.now(), source="test", email="m@example.com")
    case = care.open_case(
        topic="complaint",
        text="Cold tea",
        channel="portal",
        at=clock.now(),
        source="t",
        client_key="1",
        member_id=member.pk,
    ).case
    return staff, case


def test_a_colleague_who_is_called_finds_the_note_among_their_tasks_at_once(house):
    staff, case = house
    at_door(Client(), staff["sam"], "desk").post(f"/desk/cases/{case.public_id}/note/", {"note-text": "@lee and @mona: is that the old kettle? @sam"})  # fmt: skip
    assert sorted(Task.objects.values_list("owner__email", flat=True)) == ["lee@example.com", "mona@example.com"]
    staff["lee"].care_teams.add(case.team)
    page = at_door(Client(), staff["lee"], "desk").get("/desk/tasks/").content.decode()
    assert f"asks you to read a note in {case.number}" in page
    assert f'href="/desk/cases/{case.public_id}/"' in page


def test_who_may_not_open_cases_is_not_told_and_the_writer_hears_so(house):
    staff, case = house
    said = {"note-text": "@casey @maria have a look"}
    told = at_door(Client(), staff["sam"], "desk").post(f"/desk/cases/{case.public_id}/note/", said, follow=True)
    assert "Nobody who may open cases is called @casey, @maria." in told.content.decode()
    assert not Task.objects.exists()
    assert Case.objects.get().entries.filter(kind="note").count() == 1
    assert at_door(Client(), staff["casey"], "desk").get(f"/desk/cases/{case.public_id}/").status_code == 403


def test_where_tasks_are_switched_off_the_note_is_kept_and_nobody_is_called(house):
    staff, case = house
    operations.switch_modules(off=["tasks"], by_user=None, at=clock.now())
    done = care.note(case=case, text="@lee", by_user=staff["sam"], at=clock.now(), colleagues=[staff["lee"]])
    assert (done.told, Task.objects.count()) == ([], 0)
