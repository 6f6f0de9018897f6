import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender import assignment
from recommender.assignment import Problem, by_prices, exactly, greedily


def problem(seed, members=40, offers=8, *, tight=0.3, slots=2):
    chance = np.random.default_rng(seed)
    taste = chance.gamma(2, 1, (members, 1)) * chance.gamma(2, 1, (1, offers))
    margin = (taste * chance.random((members, offers)) - 0.5).astype(np.float32)
    margin[chance.random(margin.shape) < 0.1] = -np.inf
    cost = chance.uniform(0.5, 2, offers)
    budget_of = np.arange(offers) % 2
    return Problem(
        margin, cost, budget=np.array([tight, tight]) * members, budget_of=budget_of,
        stock=np.where(np.arange(offers) % 3, np.inf, members // 5), group_of=np.arange(offers) // 2, slots=slots,
    )  # fmt: skip


def assert_obeys(problem, found):
    pairs = set(zip(found.member.tolist(), found.offer.tolist(), strict=True))
    assert len(pairs) == len(found.member)
    assert (problem.margin[found.member, found.offer] > 0).all()
    spent = np.bincount(problem.budget_of[found.offer], problem.costs()[found.member, found.offer], len(problem.budget))
    assert (spent <= problem.budget + 1e-6).all()
    assert (np.bincount(found.offer, minlength=len(problem.stock)) <= problem.stock).all()
    assert np.bincount(found.member, minlength=1).max(initial=0) <= problem.slots
    of_group = found.member * 1000 + problem.group_of[found.offer]
    assert np.unique(of_group, return_counts=True)[1].max(initial=0) <= problem.per_group


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 1.5), st.integers(1, 3))
def test_every_way_obeys_every_limit_and_none_is_better_than_the_best(seed, tight, slots):
    asked = problem(seed, members=25, offers=6, tight=tight, slots=slots)
    best, priced, greedy = exactly(asked), by_prices(asked), greedily(asked)
    for found in (best, priced, greedy):
        assert_obeys(asked, found)
        assert found.value <= best.value * (1 + 1e-4) + 1e-6
    assert best.value <= priced.bound * (1 + 1e-4) + 1e-6  # the bound is one


def test_prices_come_within_a_per_cent_where_exact_does_not_fit_and_greed_does_not():
    asked = problem(3, members=4000, offers=20, tight=0.12)
    priced, greedy = assignment.solve(asked), greedily(asked)
    assert priced.method == "prices"
    assert priced.gap <= 0.01
    assert_obeys(asked, priced)
    assert priced.value > 1.02 * greedy.value
    assert "below the best possible" in priced.words


def test_a_larger_budget_is_worth_more_but_ever_less_a_unit():
    less, same, more = assignment.what_if(problem(5, tight=0.2), (0.5, 1.0, 1.5))
    assert less.value < same.value < more.value
    assert less.spent < same.spent < more.spent
    assert (same.value - less.value) > (more.value - same.value)


def test_nothing_is_given_where_nothing_is_gained():
    nothing = Problem(
        np.full((3, 2), -1.0, np.float32),
        np.ones(2),
        np.array([9.0]),
        np.zeros(2, int),
        np.full(2, np.inf),
        np.arange(2),
    )
    for found in (exactly(nothing), by_prices(nothing), greedily(nothing)):
        assert (len(found.member), found.value, found.gap) == (0, 0.0, 0.0)


def test_what_is_bought_anyway_deserves_a_reminder_and_no_discount():
    sure, moved = assignment.incremental_margin(
        bought_anyway=[0.9, 0.1], bought_with=[0.92, 0.4], margin=100.0, benefit=20.0
    )
    assert sure < 0 < moved
    assert moved == pytest.approx(0.3 * 100 - 0.4 * 20)
