"""A household founded, joined by a link, shared, handed over and left, without anybody of the staff."""

import pytest
from django.core import signing

import loyalty.queries
from members import operations
from members.clock import now
from tests.portal import scene

pytestmark = pytest.mark.django_db
SHARING = "/portal/sharing/"


@pytest.fixture
def people(db):
    return [
        operations.enrol(at=now(), source="test", given_name=name, family_name="Vole", email=f"{name}@example.com")
        for name in ("Ada", "Bo", "Cy")
    ]


@pytest.fixture
def as_member(client):
    def sign_in(member):
        name, value = scene.cookie(member)
        client.cookies[name] = value
        return client

    return sign_in


def held(member):
    return loyalty.queries.household_of(member.pk, at=now())


def invitation_of(browser) -> str:
    return browser.get(SHARING).context["invitation"]


def test_a_member_founds_a_household_and_another_joins_by_the_link_with_a_part_of_their_own(people, as_member):
    ada, bo, _cy = people
    ada_s = as_member(ada)
    assert "Found a household" in ada_s.get(SHARING).content.decode()
    ada_s.post(SHARING + "household/found/", {"percent": 40})
    assert (held(ada).percent, held(ada).is_head) == (40, True)
    link = invitation_of(ada_s)
    bo_s = as_member(bo)
    assert "Ada asks you into their household." in bo_s.get(link).content.decode()
    assert held(bo) is None, "reading joins nobody"
    bo_s.post(link, {"percent": 10})
    assert (held(bo).household, held(bo).percent, held(bo).is_head) == (held(ada).household, 10, False)
    assert "invitation" not in bo_s.get(SHARING).context, "only who heads it asks others in"
    bo_s.post(SHARING + "household/part/", {"percent": 60})
    assert (held(bo).percent, held(ada).percent) == (60, 40)
    assert "You are in a household already" in bo_s.get(link).content.decode()


def test_the_head_hands_over_before_leaving_and_the_old_link_ends(people, as_member):
    ada, bo, cy = people
    as_member(ada).post(SHARING + "household/found/", {"percent": 50})
    link = invitation_of(as_member(ada))
    as_member(bo).post(link, {"percent": 50})
    as_member(ada).post(SHARING + "household/leave/")
    assert held(ada) is not None, "not before it is handed over"
    assert as_member(ada).post(SHARING + "household/hand-over/", {"to": str(cy.public_id)}).status_code == 404
    as_member(ada).post(SHARING + "household/hand-over/", {"to": str(bo.public_id)})
    as_member(ada).post(SHARING + "household/leave/")
    assert (held(ada), held(bo).is_head) == (None, True)
    as_member(cy).post(link, {"percent": 50})
    assert held(cy) is None


def test_a_link_that_is_old_forged_or_of_another_purpose_joins_nobody(people, as_member, monkeypatch):
    ada, bo, _cy = people
    as_member(ada).post(SHARING + "household/found/", {"percent": 50})
    link = invitation_of(as_member(ada))
    forged = signing.dumps([held(ada).household.pk, ada.pk], salt="another")
    for bad in (f"{SHARING}household/join/{forged}/", f"{SHARING}household/join/nonsense/"):
        assert as_member(bo).post(bad, {"percent": 50}).url == SHARING
    later = signing.time.time() + 8 * 24 * 3600
    monkeypatch.setattr(signing.time, "time", lambda: later)
    answer = as_member(bo).post(link, {"percent": 50})
    assert held(bo) is None
    assert answer.status_code == 302


def test_what_is_asked_of_a_household_one_is_not_in_is_404(people, as_member):
    browser = as_member(people[0])
    for act in ("draw", "part", "hand-over", "leave"):
        assert browser.post(f"{SHARING}household/{act}/", {"points": 1, "percent": 5}).status_code == 404
