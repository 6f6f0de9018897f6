"""Amounts as typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos import amounts


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("24.60", 2460),
        ("24,60", 2460),
        ("24", 2400),
        ("24.6", 2460),
        ("$24.60", 2460),
        ("1,234.50", 123450),
        (" 0.01 ", 1),
        ("２４．６０", 2460),
        ("1,234", 123400),
    ],
)
def test_amounts_are_read_as_people_write_them(typed, minor):
    assert amounts.to_minor(typed) == minor


@given(st.integers(1, amounts.AMOUNT_MINOR_MAX))
def test_every_amount_is_read_as_it_is_printed(minor):
    printed = f"{minor // 100}.{minor % 100:02d}"
    assert amounts.to_minor(printed) == minor
    assert amounts.to_minor(f"{minor // 100:,}.{minor % 100:02d}") == minor


@given(st.text())
def test_any_text_is_an_amount_in_range_or_a_refusal_with_words(text):
    try:
        minor = amounts.to_minor(text)
    except ValueError as refusal:
        words, minor = str(refusal), 1
    else:
        words = "read"
    assert words
    assert 0 < minor <= amounts.AMOUNT_MINOR_MAX


def test_a_currency_without_parts_takes_whole_amounts():
    assert amounts.to_minor("500", decimals=0) == 500
    with pytest.raises(ValueError, match="no parts"):
        amounts.to_minor("5.50", decimals=0)
