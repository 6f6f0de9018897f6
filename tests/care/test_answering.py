"""A help page answers only where it is sure: a wrong answer costs more than none."""

import pytest

from care.answering import LONG, Match, Question, sure_match

QUESTIONS = [
    Question("missing", ("My points are missing", "points did not arrive", "积分没到账", "少了积分")),
    Question("expiry", ("When do points expire?", "how long are points valid", "积分什么时候过期", "积分有效期")),
    Question(
        "return", ("I gave something back, what happens to my points", "points after a refund", "退货后积分怎么算")
    ),
    Question("stop", ("How do I stop messages?", "unsubscribe", "too many e-mails", "怎样停止接收消息", "退订")),
]
SURE = [
    ("When will my points expire?", "expiry"), ("Do points expire", "expiry"), ("How long are my points valid please", "expiry"),
    ("请问积分什么时候过期", "expiry"), ("积分的有效期", "expiry"), ("hello, my points are missing", "missing"),
    ("My points did not arrive!", "missing"), ("积分没到账怎么办", "missing"), ("Please unsubscribe me", "stop"),
    ("How can I stop these messages", "stop"), ("我要退订", "stop"), ("退货后积分怎么算？", "return"),
]  # fmt: skip
FOR_A_PERSON = [
    "", "Hello", "My points expired and others are missing, and the cashier laughed at me", "Where is my parcel?",
    "The milk was sour", "牛奶酸了", "Points", "积分", "I want to talk to your manager", "Can I give my points to my sister?",
    "Your shop in Elm Street was closed yesterday", "我想换一张新卡", "My points are missing and when do points expire",
]  # fmt: skip


@pytest.mark.parametrize(("text", "key"), SURE)
def test_a_plain_question_finds_its_page(text, key):
    assert sure_match(text, QUESTIONS).key == key


@pytest.mark.parametrize("text", FOR_A_PERSON)
def test_everything_else_is_handed_to_a_person(text):
    assert sure_match(text, QUESTIONS) is None


def test_a_story_is_read_by_a_person_even_if_it_says_the_words():
    assert sure_match("When do points expire?", QUESTIONS) == Match("expiry", 1.0)
    assert sure_match("When do points expire? " + "and then " * LONG, QUESTIONS) is None


def test_without_help_pages_nothing_is_answered():
    assert sure_match("When do points expire?", []) is None
    assert sure_match("When do points expire?", [Question("empty", ())]) is None
