"""What messages bring along: codes, questions, and who is in an audience; made once for one cause, told in one query each."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import enclosing, values
from campaigns.models import Audience
from care.models import Invitation, Survey
from delivery import opening
from emails.enclosures import Needs
from loyalty.models import Reward, Voucher
from loyalty.operations import create_pool
from members.models import Member
from tests.campaigns.conftest import enrol_quickly
from tests.campaigns.people import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def brought():
    people = enrol_quickly(4)
    reward = Reward.objects.create(
        name_en="Five off", kind="amount", amount=500, currency="USD", points=0, valid_from=AT
    )
    pool = create_pool(
        name="Spring", reward=reward, count=3, valid_from=AT - timedelta(days=1), valid_until=AT + timedelta(days=30)
    )
    survey = Survey.objects.create(name="Visit", kind="csat", question_en="How was it?")
    audience = Audience.objects.create(name="All", conditions={"all": []})
    needs = Needs(frozenset({audience.pk}), frozenset({survey.pk}), frozenset({pool.pool.pk}))
    return people, needs, pool


def enclose(people, needs, cause="campaign:1"):
    ids = [one.pk for one in people]
    enclosing.enclose(needs=needs, member_ids=ids, cause=cause, at=AT)
    return enclosing.values(ids, needs=needs, cause=cause, at=AT)


def test_each_member_gets_one_code_while_there_are_some_and_keeps_it(brought):
    people, needs, _pool = brought
    told = enclose(people, needs)
    given = [told[one.pk].get("voucher") for one in people]
    assert [bool(one) for one in given] == [True, True, True, False]
    assert len(set(given[:3])) == 3
    again = enclose(people, needs, cause="campaign:2")
    assert [again[one.pk].get("voucher") for one in people] == given
    assert Voucher.objects.filter(owned_at__isnull=False).count() == 3
    assert {told[people[0].pk]["voucher_name"], told[people[0].pk]["voucher_until"]} == {
        "$5 off",
        (AT + timedelta(days=30)).date().isoformat(),
    }


def test_a_code_is_in_no_value_and_is_opened_for_its_owner_when_it_is_sent(brought):
    people, needs, pool = brought
    told = enclose(people, needs)
    plain = {code.replace("-", "") for code in pool.codes}
    assert not any(code in str(told).replace("-", "") for code in plain)
    opened = opening.codes(told.values())
    assert {one["voucher_code"].replace("-", "") for one in opened.values()} == plain


def test_a_question_is_asked_once_for_a_cause_and_its_address_is_the_members_own(brought):
    people, needs, _pool = brought
    told, again = enclose(people, needs), enclose(people, needs)
    assert told == again
    assert Invitation.objects.count() == 4
    urls = {told[one.pk]["survey_url"] for one in people}
    assert len(urls) == 4
    assert all("/portal/surveys/" in url for url in urls)
    assert "survey_url" not in enclose(people, needs, cause="campaign:9")[people[0].pk], "asked a moment ago: they rest"


def test_who_is_in_an_audience_is_told_for_everybody(brought):
    people, needs, _pool = brought
    [flag] = [name for name in enclose(people, needs)[people[0].pk] if name.startswith("in_audience_")]
    Member.objects.filter(pk=people[1].pk).update(status=Member.Status.ERASED)
    told = enclose(people, needs)
    assert [told[one.pk][flag] for one in people] == [True, False, True, True]


def test_four_members_cost_no_more_queries_than_one(brought):
    people, needs, _pool = brought
    enclose(people, needs)

    def queries(ids):
        with CaptureQueriesContext(connection) as asked:
            values.for_members(ids, cause="campaign:1", language="en", at=AT, needs=needs)
        return len(asked)

    assert queries([one.pk for one in people]) == queries([people[0].pk])
