"""The changing code of a card: good once, for a minute, and made by nobody but us."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members import card_tokens, cards
from members.models import SpentCardToken
from members.operations import BadCardToken, accept_card_token, card_token, enrol

AT = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
MIN, MAX = AT.replace(year=2020, tzinfo=None), AT.replace(year=2090, tzinfo=None)


@given(st.integers(1, 2**40), st.datetimes(MIN, MAX, timezones=st.just(UTC)))
def test_a_token_says_who_and_when_to_us_alone(member_id, at):
    token = card_tokens.new_token(member_id, at=at)
    assert card_tokens.is_card_token(token)
    assert not cards.is_card_number(token)
    assert card_tokens.read(token) == card_tokens.Told(member_id, at.replace(microsecond=0))


@given(st.integers(2, card_tokens.LENGTH - 2), st.integers(1, 9))
def test_a_changed_digit_is_no_token_and_a_made_up_one_is_nobodys(place, by):
    token = card_tokens.new_token(7, at=AT)
    changed = token[:place] + str((int(token[place]) + by) % 10) + token[place + 1 :]
    assert card_tokens.read(changed) is None
    forged = changed[:-1] + cards.check_digit(changed[:-1])
    assert card_tokens.is_card_token(forged)
    assert card_tokens.read(forged) is None


def test_the_token_is_another_one_every_second_and_keeps_the_number_to_itself():
    tokens = {card_tokens.new_token(7, at=AT + timedelta(seconds=n)) for n in range(60)}
    assert len(tokens) == 60
    assert len({token[2:12] for token in tokens}) == 60


def refused(token, at):
    with pytest.raises(BadCardToken) as told:
        accept_card_token(token=token, at=at)
    return str(told.value)


@pytest.mark.django_db
def test_a_code_is_good_once_and_for_a_minute():
    member = enrol(at=AT, source="test", given_name="Ada")
    shown = card_token(member_id=member.pk, at=AT)
    assert shown.expires_at == AT + timedelta(seconds=60)
    assert "too old" in refused(shown.text, AT + timedelta(seconds=61))
    assert "too old" in refused(shown.text, AT - timedelta(seconds=10))
    assert accept_card_token(token=shown.text, at=AT + timedelta(seconds=60)) == member
    assert "scanned before" in refused(shown.text, AT + timedelta(seconds=60))
    assert SpentCardToken.objects.count() == 1, "refused codes leave nothing"
    later = AT + timedelta(hours=2)
    accept_card_token(token=card_token(member_id=member.pk, at=later).text, at=later)
    assert SpentCardToken.objects.count() == 1, "what is long past is forgotten"


@pytest.mark.django_db
def test_a_card_number_a_made_up_code_and_the_code_of_somebody_who_left_open_nothing():
    member = enrol(at=AT, source="test", given_name="Ada")
    token = card_token(member_id=member.pk, at=AT).text
    assert "not one of ours" in refused(member.identifiers.get(kind="card").value, AT)
    assert "not one of ours" in refused(token[:-1] + str((int(token[-1]) + 1) % 10), AT)
    member.status = member.Status.ERASED
    member.save()
    assert "belongs to nobody" in refused(token, AT)
