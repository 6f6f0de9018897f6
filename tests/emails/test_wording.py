"""Rules without a database: prone words in both languages, shouting, lengths, and contrast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails import contrast, wording

colours = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")


@pytest.mark.parametrize(("text", "found"), [
    ("Click here, act now: free gift", ["click here", "act now", "free gift"]), ("Our freezer is full of gifts", []),
    ("恭喜您中奖，立即购买", ["恭喜您中奖", "立即购买"]), ("Come and see", []), ("ACT NOW and act now", ["act now"]),
])  # fmt: skip
def test_prone_words_are_found_whole_and_once(text, found):
    assert wording.prone(text) == found


@pytest.mark.parametrize(("subject", "is_loud"), [
    ("SPRING SALE TODAY", True), ("Spring sale today!!", True), ("春季大促！！", True), ("Your 5 USD are waiting!", False),
    ("{{ given_name | upcase }}, hello", False), ("OK", False),
])  # fmt: skip
def test_a_subject_that_shouts_is_told_from_one_that_is_glad(subject, is_loud):
    assert wording.shouts(subject) is is_loud


def test_a_subjects_length_counts_fields_as_words_and_chinese_as_wide():
    assert wording.length("Hello {{ given_name | default: 'a very long fallback' }}") == 14
    assert wording.length("您的积分") == 8


def test_black_on_white_is_twenty_one():
    assert contrast.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@given(colours, colours)
def test_contrast_is_the_same_both_ways(one, other):
    assert contrast.ratio(one, other) == contrast.ratio(other, one) >= 1


@given(colours, colours)
def test_a_brands_colour_is_moved_until_it_can_be_read(colour, ground):
    assert contrast.ratio(contrast.readable_on(colour, ground), ground) >= contrast.TEXT_MIN
    assert contrast.ratio(contrast.ink_on(ground), ground) >= 3.7
