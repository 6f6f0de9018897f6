"""One spelling for what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members import masking, normalise


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Maria@Example.COM ", "maria@example.com"),
        ("ｍaria@example.com", "maria@example.com"),
        ("a@münchen.example", "a@xn--mnchen-3ya.example"),
    ],
)
def test_an_email_address_has_one_spelling(typed, kept):
    assert normalise.email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "maria", "@example.com", "maria@", "a b@example.com", "a@b@c", "a@example..com", "x@" + "ü" * 80 + ".com"],
)
def test_what_is_no_email_address_is_refused_with_a_remedy(typed):
    with pytest.raises(ValueError, match=r"name@example\.com"):
        normalise.email(typed)


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("１２１２５５５０１２３", "US", "+12125550123"),
        ("138 0013 8000", "CN", "+8613800138000"),
        ("+49 30 901820", "US", "+4930901820"),
    ],
)
def test_a_phone_number_is_kept_in_international_form(typed, country, kept):
    assert normalise.phone(typed, country=country) == kept


@pytest.mark.parametrize("typed", ["", "12", "555-0123", "phone", "+1", "9" * 25])
def test_what_is_no_phone_number_is_refused_with_a_remedy(typed):
    with pytest.raises(ValueError, match="Write all its digits"):
        normalise.phone(typed)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller", ["muller"]),
        ("ＭＵＬＬＥＲ", ["muller"]),
        ("Straße", ["strasse"]),
        ("Søren Łukasz", ["soren", "lukasz"]),
        ("O’Brien-Smith", ["obrien", "smith"]),
        ("Nguyễn Thị", ["nguyen", "thi"]),
        ("王小明", ["王小明"]),
        ("サトウ", ["サトウ"]),
        ("ｻﾄｳ", ["サトウ"]),
        ("Kim 김민수", ["kim", "김민수"]),
        ("… !", []),
    ],
)
def test_the_words_of_a_name_are_folded(name, words):
    assert normalise.name_tokens(name) == words


def test_a_voicing_mark_is_part_of_the_letter():
    assert normalise.fold("ガ") != normalise.fold("カ")


@given(st.text())
def test_folding_twice_changes_nothing(name):
    assert normalise.fold(normalise.fold(name)) == normalise.fold(name)


@given(st.text(), st.text())
def test_every_word_of_a_name_that_is_searched_for_was_written_down(given_name, family_name):
    written = normalise.name_index(given_name, family_name)
    assert written >= set(normalise.name_tokens(given_name)) | set(normalise.name_tokens(family_name))


def test_masks_leave_enough_to_recognise_and_no_more():
    assert masking.name("Maria", "Jones") == "Maria J."
    assert masking.name("小明", "王") == "王•明"
    assert masking.name("", "Jones") == "J."
    assert masking.email("maria@example.com") == "m•••@example.com"
    assert masking.phone("+12125550123") == "••• ••• 0123"
    assert masking.card("2900000000017") == "29 •••• 0017"
    assert masking.identifier("external", "household-77") == "•••77"
