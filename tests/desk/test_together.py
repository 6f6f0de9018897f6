"""The desk brings together what belongs together: records, households, points; and takes it apart again."""

import uuid

import pytest
from django.utils import timezone

import loyalty.operations
from loyalty.models import Wallet
from members import operations
from members.models import Access, Member, MemberMerge


@pytest.fixture
def double(help_desk):
    person = operations.enrol(at=timezone.now(), source="test", given_name="Mary", email="mary@example.com")
    loyalty.operations.adjust(
        member_id=person.pk,
        points=40,
        reason="Welcome",
        source="test",
        client_key="w",
        by_user_id=None,
        at=timezone.now(),
    )
    return person


def test_a_merge_is_shown_in_words_before_it_is_made_and_undone(desk, help_desk, double):
    page = f"{help_desk.page}together/"
    said = {"other": "mary@example.com", "reason": "Same phone at the till"}
    shown = desk.post(f"{page}merge/", said)
    assert shown.context["preview"].available == 24 + 40
    assert "40 points go over" in shown.content.decode()
    assert Member.objects.get(pk=double.pk).status == "active"
    assert desk.post(f"{page}merge/", said | {"sure": "yes"}).url == page
    assert Member.objects.get(pk=double.pk).merged_into == help_desk.maria
    assert Access.objects.filter(act="merged", member=help_desk.maria).count() == 1
    assert desk.get(f"/desk/members/{double.public_id}/").context["member"] == help_desk.maria
    made = MemberMerge.objects.get()
    assert "Same phone at the till" in desk.get(page).content.decode()
    assert desk.post(f"{page}merges/{made.public_id}/undo/").url == page
    assert Member.objects.get(pk=double.pk).status == "active"
    assert Wallet.objects.get(member=double).available == 40


def test_nobody_is_merged_by_a_name_that_fits_two(desk, help_desk, double):
    operations.enrol(at=timezone.now(), source="test", given_name="Mary", email="mary2@example.com")
    answer = desk.post(f"{help_desk.page}together/merge/", {"other": "Mary", "reason": "x", "sure": "yes"})
    assert (answer.status_code, MemberMerge.objects.count()) == (422, 0)
    assert "Several members answer to this" in answer.content.decode()


def test_points_are_handed_over_once_however_often_it_is_pressed(desk, help_desk, double):
    given = {"other": "mary@example.com", "points": 20, "key": uuid.uuid4().hex}
    for _ in range(2):
        assert desk.post(f"{help_desk.page}together/gift/", given).status_code == 302
    assert Wallet.objects.get(member=double).available == 60
    refused = desk.post(f"{help_desk.page}together/gift/", given | {"points": 20_000, "key": uuid.uuid4().hex})
    assert refused.status_code == 422


def test_a_household_is_founded_joined_and_left(desk, help_desk, double):
    page = f"{help_desk.page}together/"
    desk.post(f"{page}household/found/", {"percent": 100})
    desk.post(f"{page}household/join/", {"other": "mary@example.com", "percent": 50, "may_spend": "on"})
    held = desk.get(page).context["household"]
    assert [(one.member.given_name, one.percent, one.is_head) for one in held.shares] == [
        ("Maria", 100, True),
        ("Mary", 50, False),
    ]
    desk.post(f"/desk/members/{double.public_id}/together/household/leave/")
    assert len(desk.get(page).context["household"].shares) == 1
