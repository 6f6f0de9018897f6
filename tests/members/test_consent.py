"""Consent: added to, never changed; the latest word counts; no word means no."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from members import operations, queries
from members.models import Consent, ConsentProof, Member
from members.signals import consent_changed
from tests.conftest import _owner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def say(member, is_granted, *, minutes=0, channel="email", purpose="marketing", **more):
    return operations.give_consent(
        member=member, channel=channel, purpose=purpose, is_granted=is_granted, at=AT + timedelta(minutes=minutes),
        source="test", **more,
    )  # fmt: skip


@pytest.fixture
def member():
    return operations.enrol(at=AT, source="test", given_name="Ann")


def reached(minutes=0, **asked):
    return list(Member.objects.reachable(channel="email", at=AT + timedelta(minutes=minutes), **asked))


def test_no_word_means_no(member):
    assert reached() == []


def test_the_latest_word_counts_and_each_moment_has_its_own(member):
    say(member, True, minutes=1)
    say(member, False, minutes=3)
    say(member, True, minutes=5)
    assert [bool(reached(minutes)) for minutes in range(7)] == [False, True, True, False, False, True, True]


def test_of_two_words_at_one_moment_the_later_written_counts(member):
    say(member, True)
    say(member, False)
    assert reached() == []


def test_another_channel_or_purpose_says_nothing_here(member):
    say(member, True, channel="sms")
    say(member, True, purpose="profiling")
    assert reached() == []
    assert reached(purpose="profiling") == [member]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.booleans()), max_size=12), st.integers(0, 4))
def test_reachable_is_the_latest_word_of_each_member(words, asked_at):
    with transaction.atomic():
        people = [operations.enrol(at=AT, source="test") for _ in range(3)]
        for who, minutes, is_granted in words:
            say(people[who], is_granted, minutes=minutes)
        latest = {
            people[who].pk: is_granted
            for who, minutes, is_granted in sorted(words, key=lambda word: word[1])
            if minutes <= asked_at
        }
        assert {member.pk for member in reached(asked_at)} == {pk for pk, granted in latest.items() if granted}
        transaction.set_rollback(True)


def test_what_proves_a_consent_stands_beside_it(member):
    consent = say(member, True, address="203.0.113.9", detail="ticked box 3")
    assert list(ConsentProof.objects.values_list("consent", "address", "detail")) == [
        (consent.pk, "203.0.113.9", "ticked box 3")
    ]


def test_an_unknown_channel_is_refused(member):
    with pytest.raises(operations.NotAChannel):
        say(member, True, channel="pigeon")
    assert not Consent.objects.exists()


def test_the_news_is_told_after_commit(member, django_capture_on_commit_callbacks):
    heard = []

    def hear(**news):
        heard.append((news["member_id"], news["channel"], news["purpose"]))

    consent_changed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            say(member, False)
            assert heard == []
    finally:
        consent_changed.disconnect(hear)
    assert heard == [(member.pk, "email", "marketing")]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE members_consent SET is_granted = true", "DELETE FROM members_consent", "TRUNCATE members_consent CASCADE"],
)
def test_the_serving_role_cannot_rewrite_consent(member, statement):
    say(member, False)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert queries.consent_now(member.pk, at=AT) == {("email", "marketing"): False}


@pytest.mark.parametrize("table", ["members_consent", "members_access"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_of_the_table_can(table, statement):
    import psycopg

    with (
        _owner(connection.settings_dict["NAME"]) as owner,
        pytest.raises(psycopg.errors.RaiseException, match="only grows"),
    ):
        owner.execute(statement.format(table))
