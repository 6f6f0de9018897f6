"""A case that a help page surely answers gets that answer at once, in the member's language; a person reads it all the same."""

from datetime import UTC, datetime, timedelta

import pytest
from kombu.exceptions import OperationalError

from care import operations, queries
from members import operations as members
from portal import answering, starters, tasks

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)


@pytest.fixture
def asked():
    starters.write()
    member = members.enrol(at=AT, source="test", given_name="Lin", email="lin@example.com", language="zh-hans")

    def ask(text, key="1", **changed):
        said = {"channel": "portal", "source": "portal", "client_key": key, "member_id": member.pk} | changed
        return operations.open_case(text=text, at=AT, **said).case

    return ask


def test_a_plain_question_is_answered_once_from_the_page_in_the_members_language(asked):
    case = asked("请问积分什么时候过期？")
    assert [answering.answer_case(case_id=case.pk, at=AT) for _ in range(2)] == [True, False]
    heard, answer = case.entries.all()
    assert (heard.kind, answer.kind, answer.detail) == ("heard", "auto", "help")
    assert answer.text.startswith("每笔积分都有最后使用日。首页会显示最近到期的积分，我们也会提前提醒您。\n\n")
    assert "/portal/" in answer.text
    assert "<" not in answer.text
    case.refresh_from_db()
    assert (case.status, case.first_replied_at, queries.inbox(at=AT).get()) == ("open", None, case), "a person reads it"
    assert operations.answer_by_itself(case=case, text="Again", article="help", at=AT) == answer


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("牛奶酸了，收银员态度很差", {}),  # no page says it
        ("请问积分什么时候过期？", {"topic": "complaint"}),  # a complaint is a person's
        ("请问积分什么时候过期？", {"channel": "phone"}),  # somebody was spoken to already
        ("请问积分什么时候过期？", {"member_id": None}),  # nobody to answer
    ],
)
def test_everything_else_waits_for_a_person(asked, text, changed):
    case = asked(text, **changed)
    assert not answering.answer_case(case_id=case.pk, at=AT)
    assert [entry.kind for entry in case.entries.all()] == ["heard"]


def test_what_a_person_has_answered_is_not_answered_again(asked):
    case = asked("请问积分什么时候过期？")
    operations.reply(case=case, text="明年一月。", by_user=None, at=AT)
    assert not answering.answer_case(case_id=case.pk, at=AT)


def test_with_the_broker_away_a_question_is_answered_all_the_same(
    asked, monkeypatch, django_capture_on_commit_callbacks
):
    """The case is written down; the news is lost with Redis; the next look at unanswered cases finds it, and once."""

    def away(*_args, **_kwargs):
        raise OperationalError("Redis is away")

    monkeypatch.setattr(tasks.answer_case, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        case = asked("请问积分什么时候过期？")
    assert [entry.kind for entry in case.entries.all()] == ["heard"]
    assert [answering.answer_cases(at=AT + timedelta(minutes=minutes)) for minutes in (1, 2)] == [1, 0]
    assert [entry.kind for entry in case.entries.all()] == ["heard", "auto"]


def test_a_question_that_has_waited_for_hours_is_left_to_the_person_who_has_it(asked):
    asked("请问积分什么时候过期？")
    assert answering.answer_cases(at=AT + timedelta(hours=3)) == 0
