"""Card numbers and their check digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members import cards

serials = st.integers(0, cards.SERIALS - 1)


@given(serials)
def test_every_card_is_one(serial):
    number = cards.card_number(serial)
    assert len(number) == 13
    assert number.startswith("29")
    assert cards.is_card_number(number)


@given(serials, st.integers(2, 12), st.integers(1, 9))
def test_a_single_wrong_digit_is_caught(serial, place, shift):
    number = cards.card_number(serial)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not cards.is_card_number(wrong)


@given(serials, st.integers(2, 11))
def test_two_neighbours_swapped_are_caught_but_for_nought_and_nine(serial, place):
    number = cards.card_number(serial)
    left, right = number[place], number[place + 1]
    swapped = number[:place] + right + left + number[place + 2 :]
    assert cards.is_card_number(swapped) == (left == right or {left, right} == {"0", "9"})


def test_the_check_digit_is_that_of_the_standards_example():
    assert cards.check_digit("7992739871") == "3"


@pytest.mark.parametrize(
    "text", ["", "29", "4006381333931", "２９００００００００００１", "290000000001x", "29000000000170"]
)
def test_other_texts_are_no_cards(text):
    assert not cards.is_card_number(text)


@pytest.mark.parametrize("serial", [-1, cards.SERIALS])
def test_a_serial_outside_the_range_is_refused(serial):
    with pytest.raises(ValueError, match="serial number is 0 to"):
        cards.card_number(serial)


def test_new_cards_differ():
    assert len({cards.new_card_number() for _ in range(1000)}) == 1000
