import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import tokens

ids = st.integers(1, 2**47)


@given(ids)
def test_a_token_names_its_message_and_is_always_the_same(message_id):
    token = tokens.token_for(message_id)
    assert tokens.message_id_of(token) == message_id
    assert tokens.token_for(message_id) == token
    assert len(token) == tokens.LENGTH


@given(ids, st.integers(0, tokens.LENGTH - 1), st.sampled_from("ABCxyz019_-"))
def test_no_changed_character_is_accepted(message_id, position, character):
    token = tokens.token_for(message_id)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(tokens.BadToken):
            tokens.message_id_of(changed)


@given(st.text(max_size=60))
def test_no_text_is_a_token(text):
    with pytest.raises(tokens.BadToken):
        tokens.message_id_of(text)


@given(ids, ids)
def test_a_signature_does_not_fit_another_message(one, other):
    if one == other:
        return
    spliced = tokens.token_for(one)[:8] + tokens.token_for(other)[8:]
    with pytest.raises(tokens.BadToken):
        tokens.message_id_of(spliced)


def test_a_retired_key_works_only_while_it_is_named_as_a_fallback(settings):
    token = tokens.token_for(7)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-key"
    with pytest.raises(tokens.BadToken):
        tokens.message_id_of(token)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tokens.message_id_of(token) == 7
