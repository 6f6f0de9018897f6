"""What users say of the house, staff at every door and members in the portal, stands in its owners' list at once."""

import pytest
from django.test import Client

from care import operations as care
from care.models import Case, Team
from desk.feedback import DOORS
from members import clock, operations
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    def enter(name, door, *roles):
        return at_door(Client(), operations.add_staff(email=f"{name}@example.com", roles=list(roles)), door)

    return enter


ROLES = {"pos": "cashier", "desk": "service", "reports": "analyst", "cms": "marketer"}


@pytest.mark.parametrize("door", DOORS)
def test_who_works_at_a_door_says_it_there_and_the_owner_reads_it_at_once(at, door):
    user, owner = at("casey", door, ROLES[door]), at("mona", "desk", "store_manager")
    before = f"http://testserver/{door}/members/0c0f7d0e-7a54-4a55-8f62-0d6f0f6f3c11/?q=secret"
    form = user.get(f"/{door}/feedback/", headers={"referer": before}).context["form"]
    said = {"key": form["key"].value(), "page": form["page"].value(), "text": "The button is too small"}
    for _twice in range(2):
        assert user.post(f"/{door}/feedback/", said).status_code == 302
    case = Case.objects.get(topic__code="feedback")
    assert (case.team.code, case.member_id) == ("product", None)
    told = owner.get("/desk/feedback/").content.decode()
    assert told.count("The button is too small") == 1
    assert "casey@example.com" in told
    assert f"/{door}/members/…/" in told
    assert "secret" not in told
    assert "0c0f7d0e" not in told


def test_a_member_says_it_in_the_portal_and_it_stands_in_the_same_list_without_their_name(at):
    member = operations.enrol(at=clock.now(), source="test", email="p@example.com", given_name="Petra")
    care.open_case(
        topic="feedback",
        text="I cannot find my points",
        channel="portal",
        at=clock.now(),
        source="portal",
        client_key="1",
        member_id=member.pk,
    )
    told = at("mona", "desk", "store_manager").get("/desk/feedback/").content.decode()
    assert "I cannot find my points" in told
    assert "One of our members" in told
    assert "Petra" not in told


def test_others_read_only_what_they_said_themselves_and_our_answer_to_it(at):
    casey, dana = at("casey", "pos", "cashier"), at("dana", "pos", "cashier")
    casey.post("/pos/feedback/", {"key": "1", "text": "Too slow"})
    case = Case.objects.get()
    care.reply(case=case, text="Faster from Monday", by_user=None, at=clock.now())
    mine, theirs = (one.get("/pos/feedback/").content.decode() for one in (casey, dana))
    assert "Too slow" in mine
    assert "Faster from Monday" in mine
    assert "Too slow" not in theirs
    builder = operations.add_staff(email="dev@example.com", roles=["analyst"])
    Team.objects.get(code="product").people.add(builder)
    owner = at_door(Client(), builder, "reports")
    assert "Too slow" in owner.get("/reports/feedback/").content.decode()


def test_an_empty_word_is_asked_for_again_and_kept_nowhere(at):
    assert at("casey", "pos", "cashier").post("/pos/feedback/", {"key": "1", "text": " "}).status_code == 422
    assert not Case.objects.exists()


def test_every_staff_door_leads_to_its_form(at):
    assert 'href="/desk/feedback/"' in at("sam", "desk", "service").get("/desk/").content.decode()
    assert 'href="/pos/feedback/"' in at("casey", "pos", "cashier").get("/pos/").content.decode()
    assert 'href="/reports/feedback/"' in at("ana", "reports", "analyst").get("/reports/figures/").content.decode()
    assert "/cms/feedback/" in at("mara", "cms", "marketer").get("/cms/campaigns/").content.decode()
