"""Texts find their topic by the words they hold; stores may route to teams of their own."""

import pytest

from care import routing

WORDS = {"points": ["point", "expire", "积分"], "missing": ["missing points", "积分没到"], "shop": ["rude", "价格不对"]}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("My POINTS  expired", "points"),
        ("I have missing points since Monday", "missing"),
        ("I am disappointed", ""),
        ("The cashier was rude", "shop"),
        ("买了三次，积分没到", "missing"),
        ("标签价格不对", "shop"),
        ("", ""),
    ],
)
def test_the_topic_whose_words_cover_most_of_the_text_wins(text, topic):
    assert routing.guess_topic(text, WORDS).topic == topic


def test_the_words_that_decided_are_told():
    assert routing.guess_topic("missing points", WORDS) == routing.Guess("missing", ("missing points",))


@pytest.mark.parametrize(("routes", "team"), [({}, 1), ({None: 2}, 2), ({7: 3}, 3), ({None: 2, 7: 3}, 3), ({8: 4}, 1)])
def test_a_stores_route_for_the_topic_goes_before_its_route_for_all(routes, team):
    assert routing.team_for(7, usual=1, routes=routes) == team
