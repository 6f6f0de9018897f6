"""Few are asked and rarely; a low score becomes a case at once."""

from datetime import UTC, datetime, timedelta

import pytest

from care import operations, queries
from care.models import Case, Invitation, Survey
from members import operations as members
from members.models import Member

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def people():
    return [members.enrol(at=AT, source="test", email=f"p{n}@example.com") for n in range(3)]


@pytest.fixture
def visit():
    return Survey.objects.get(kind="csat")


def invite(survey, people, at=AT, cause="visit:1"):
    return operations.invite(
        survey=survey, members=Member.objects.filter(pk__in=[p.pk for p in people]), cause=cause, at=at
    )


def test_each_is_asked_once_and_by_any_survey_at_most_once_in_its_rest_days(people, visit):
    assert invite(visit, people[:2]) == 2
    assert invite(visit, people) == 1
    other = Survey.objects.get(kind="nps")
    assert invite(other, people, at=AT + timedelta(days=29)) == 0
    assert invite(other, people, at=AT + timedelta(days=31), cause="visit:2") == 3
    assert Invitation.objects.values("token").distinct().count() == 6


def test_the_same_cause_asks_nobody_twice(people, visit):
    visit.rest_days = 0
    assert [invite(visit, people), invite(visit, people)] == [3, 0]


def test_a_low_score_opens_one_case_with_the_feeling_and_the_words(people, visit):
    invite(visit, people[:1])
    asked = queries.open_surveys(people[0].pk, at=AT).get()
    for comment in ("The queue was long", "Really long"):
        operations.answer(token=asked.token, score=1, comment=comment, at=AT + timedelta(hours=1))
    case = Case.objects.get()
    assert (case.member, case.topic.code, case.feeling, case.cause) == (people[0], "survey", -100, f"survey:{asked.pk}")
    assert [entry.text for entry in case.entries.all()] == ["The queue was long"]
    assert queries.feeling_of([people[0].pk]) == {people[0].pk: -100.0}
    assert not queries.open_surveys(people[0].pk, at=AT).exists()


def test_a_good_score_opens_none_and_counts(people, visit):
    invite(visit, people)
    for score, asked in zip((5, 4, 3), Invitation.objects.order_by("pk"), strict=True):
        operations.answer(token=asked.token, score=score, at=AT)
    score = queries.csat(start=AT, end=AT + timedelta(days=1))
    assert (round(score.value, 1), score.answers, Case.objects.count()) == (66.7, 3, 0)


def test_an_answer_out_of_range_or_too_late_is_refused(people, visit):
    invite(visit, people[:1])
    token = Invitation.objects.get().token
    with pytest.raises(operations.CannotAnswer, match="from 1 to 5"):
        operations.answer(token=token, score=6, at=AT)
    with pytest.raises(operations.CannotAnswer, match="no longer open"):
        operations.answer(token=token, score=5, at=AT + timedelta(days=14))
    with pytest.raises(operations.CannotAnswer):
        operations.answer(token="nobody", score=5, at=AT)
    assert queries.csat(start=AT, end=AT + timedelta(days=30)) is None
