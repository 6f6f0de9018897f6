"""Two records of one person are found at night, shown side by side with the reason, and merged or left by somebody."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from members import operations, queries
from members.models import DuplicatePair
from tests.signing_in import at_door

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def two():
    """Maria twice, once with a slip in her name; her twin; and a namesake."""
    said = {"at": AT, "source": "test", "family_name": "Novak", "birth_month": 3, "birth_day": 9}
    first = operations.enrol(given_name="Maria", email="maria.novak@gmail.com", phone="+12125550123", **said)
    again = operations.enrol(given_name="Mraia", email="marianovak+shop@gmail.com", **said)
    operations.enrol(given_name="Anna", email="anna.novak@gmail.com", **said)
    operations.enrol(given_name="Maria", at=AT, source="test", family_name="Novak", email="someone@example.com")
    return first, again


@pytest.fixture
def desk(client):
    return at_door(client, operations.add_staff(email="sam@example.com", roles=["service"]), "desk")


def test_what_is_probably_one_person_is_found_once_however_often_it_is_looked_for(two):
    assert [operations.find_duplicates(at=AT) for _ in range(2)] == [1, 1]
    (pair,) = queries.duplicate_pairs()
    assert ((pair.low, pair.high), pair.reasons) == (two, ["name_slip", "same_birthday", "same_mailbox"])
    assert list(queries.duplicate_pairs(two[1].pk)) == [pair]


def test_the_desk_sees_why_and_merges_by_what_the_page_shows(two, desk):
    operations.find_duplicates(at=AT)
    assert "1 pair of records is probably one person" in desk.get(reverse("desk:find")).content.decode()
    page = desk.get(reverse("desk:duplicates")).content.decode()
    assert "One letter of the name differs, same birthday, the same mailbox, written in two ways" in page
    assert "marianovak" not in page, "addresses stay behind their masks"
    said = {"other": two[1].public_id, "reason": "same birthday"}
    assert (
        "What merging Mraia Novak would move"
        in desk.post(reverse("desk:merge", args=[two[0].public_id]), said).content.decode()
    )
    desk.post(reverse("desk:merge", args=[two[0].public_id]), said | {"sure": "yes"})
    assert queries.by_public_id(two[1].public_id) == two[0]
    assert DuplicatePair.objects.count() == 0


def test_who_is_left_two_is_not_shown_again_and_who_is_erased_is_nobodys_double(two, desk):
    operations.find_duplicates(at=AT)
    pair = DuplicatePair.objects.get()
    desk.post(reverse("desk:dismiss_pair", args=[pair.pk]))
    assert (operations.find_duplicates(at=AT), DuplicatePair.objects.count()) == (0, 1)
    operations.erase(member_id=two[0].pk, at=AT, source="test")
    assert DuplicatePair.objects.count() == 0


def test_a_pair_that_no_longer_resembles_is_dropped(two):
    operations.find_duplicates(at=AT)
    two[1].birth_day = 10
    two[1].save()
    assert operations.find_duplicates(at=AT) == 0
