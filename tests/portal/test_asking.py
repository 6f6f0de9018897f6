"""A complaint written in the portal, its answer read there, and a further word."""

import pytest

import care.operations
from care.models import Case
from members.clock import now
from members.models import Member

pytestmark = pytest.mark.django_db


def test_a_complaint_becomes_a_case_once_and_its_answer_is_read_where_it_was_written(market, hero):
    key = hero.get("/portal/write/").context["form"]["key"].value()
    said = {"key": key, "topic": "complaint", "text": "The tea was cold, twice.", "receipt": "R-77"}
    pages = {hero.post("/portal/write/", said).url for _twice in range(2)}
    case = Case.objects.get()
    assert pages == {f"/portal/cases/{case.public_id}/"}
    assert (case.member, case.topic.code, case.channel, case.receipt) == (market.hero, "complaint", "portal", "R-77")
    care.operations.note(case=case, text="He is right, again.", by_user=None, at=now())
    care.operations.reply(case=case, text="We are sorry. Have one on us.", by_user=None, at=now())
    page = hero.get(pages.pop()).content.decode()
    assert "The tea was cold, twice." in page
    assert "We are sorry. Have one on us." in page
    assert "He is right" not in page, "notes among staff are not told"
    key = hero.get(f"/portal/cases/{case.public_id}/").context["form"]["key"].value()
    for _twice in range(2):
        hero.post(f"/portal/cases/{case.public_id}/", {"key": key, "text": "Thank you."})
    assert [one.text for one in case.entries.filter(kind="heard")] == ["The tea was cold, twice.", "Thank you."]


def test_an_unknown_topic_opens_no_case_and_another_members_case_is_404(market, hero, client):
    assert "topic" in hero.post("/portal/write/", {"key": "k", "topic": "survey-x", "text": "?"}).context["form"].errors
    assert not Case.objects.exists()
    other = Member.objects.exclude(pk=market.hero.pk).earliest("pk")
    theirs = care.operations.open_case(
        topic="other", text="Mine", channel="portal", at=now(), member_id=other.pk, source="test", client_key="1"
    ).case
    assert hero.get(f"/portal/cases/{theirs.public_id}/").status_code == 404
    assert hero.post(f"/portal/cases/{theirs.public_id}/", {"key": "k", "text": "Hi"}).status_code == 404
