import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.models import Member
from recommender import operations, posteriors, queries
from recommender.models import Lesson, OfferPosterior
from recommender.operations import Outcome
from recommender.policy import WEIGHT_RANGE, Policy
from recommender.posteriors import Evidence
from tests.recommender.conftest import NOW


@pytest.fixture
def groups(shop):
    """Four types, each in a group of its own; everybody's list is the same."""
    return [shop.type(f"GROCERY > GROUP {n} > TYPE {n}", name=f"Type {n}") for n in range(4)]


def run(shop, groups, *, cause, members, rates, held_out_rates, seed=7, exploration=0.5):
    """Decide for `members` members, a third of them held out, and draw outcomes at the planted rates."""
    people = shop.members(members)
    shop.recommend(people, "buy_again", groups)
    operations.decide(
        cause=cause, members=Member.objects.filter(pk__in=[p.pk for p in people]), slots={"buy_again": 3}, at=NOW,
        policy=Policy(exploration=exploration),
    )  # fmt: skip
    chance = random.Random(seed)
    held = {person.pk for person in people[::3]}
    place = {group.pk: nth for nth, group in enumerate(groups)}
    return [
        Outcome(
            member_id=d.member_id, category_id=d.category_id, is_held_out=d.member_id in held,
            is_success=chance.random() < (held_out_rates if d.member_id in held else rates)[place[d.category_id]],
        )
        for d in queries.decisions(cause).order_by("member_id", "position")
    ]  # fmt: skip


def test_the_group_that_offers_move_most_is_moved_up_and_the_next_decisions_use_it(shop, groups):
    outcomes = run(shop, groups, cause="c:1", members=1200, rates=(0.2, 0.5, 0.25, 0.2), held_out_rates=(0.15,) * 4)
    learned = operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    assert learned.is_learned
    first = (
        learned.changes[0]
        if learned.changes[0].weight_after > 1
        else max(learned.changes, key=lambda c: c.weight_after)
    )
    assert first.group_id == groups[1].parent_id
    assert first.weight_before == 1.0
    assert first.weight_after > 1.3
    assert first.offered_rate == pytest.approx(0.5, abs=0.05)
    assert first.held_out_rate == pytest.approx(0.15, abs=0.05)
    assert "moved up" in first.sentence
    assert "without" in first.sentence
    people = shop.members(1)
    shop.recommend(people, "buy_again", groups)
    operations.decide(
        cause="c:2",
        members=Member.objects.filter(pk=people[0].pk),
        slots={"buy_again": 1},
        at=NOW,
        policy=Policy(exploration=0),
    )
    (decision,) = queries.decisions("c:2")
    assert decision.category_id == groups[1].pk


def test_too_little_evidence_changes_nothing(shop, groups):
    outcomes = run(shop, groups, cause="c:1", members=9, rates=(0.9,) * 4, held_out_rates=(0.1,) * 4)
    learned = operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    assert learned.changes == ()
    assert learned.sentence == "Too little evidence, nothing changed."
    assert set(OfferPosterior.objects.values_list("weight", flat=True)) == {1.0}


def test_offers_that_make_no_difference_change_nothing(shop, groups):
    rates = (0.3, 0.5, 0.2, 0.1)  # nothing is shuffled: a shuffle goes by ids, and they differ with what ran before
    outcomes = run(shop, groups, cause="c:1", members=900, rates=rates, held_out_rates=rates, exploration=0)
    learned = operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    assert learned.verdict == "no_detectable_effect"
    assert learned.changes == ()
    assert set(OfferPosterior.objects.values_list("weight", flat=True)) == {1.0}


def test_no_outcomes_teach_nothing(shop, groups):
    assert operations.learn(cause="c:9", outcomes=[], at=NOW).verdict == "too_little_evidence"
    assert not OfferPosterior.objects.exists()


def test_outcomes_without_a_decision_are_no_evidence(shop, groups):
    (stranger,) = shop.members(1)
    outcomes = [Outcome(stranger.pk, groups[0].pk, is_success=True)] * 500
    assert operations.learn(cause="c:1", outcomes=outcomes, at=NOW).verdict == "too_little_evidence"
    assert Lesson.objects.get().evidence == []


def test_a_cause_teaches_once(shop, groups):
    outcomes = run(shop, groups, cause="c:1", members=700, rates=(0.2, 0.6, 0.2, 0.2), held_out_rates=(0.1,) * 4)
    first = operations.learn(cause="c:1", outcomes=outcomes, at=NOW)
    after = list(OfferPosterior.objects.order_by("pk").values())
    assert operations.learn(cause="c:1", outcomes=outcomes, at=NOW) == first == operations.lesson_of("c:1")
    assert list(OfferPosterior.objects.order_by("pk").values()) == after


def test_a_lesson_can_be_withdrawn_and_the_rest_stays(shop, groups):
    one = run(shop, groups, cause="c:1", members=700, rates=(0.2, 0.6, 0.2, 0.2), held_out_rates=(0.1,) * 4)
    operations.learn(cause="c:1", outcomes=one, at=NOW)
    kept = queries.weights()
    two = run(shop, groups, cause="c:2", members=700, rates=(0.6, 0.2, 0.2, 0.2), held_out_rates=(0.1,) * 4, seed=8)
    operations.learn(cause="c:2", outcomes=two, at=NOW)
    assert queries.weights() != kept
    assert operations.unlearn(cause="c:2", at=NOW)
    assert queries.weights() == kept
    assert operations.lesson_of("c:2") is None
    assert not operations.unlearn(cause="c:2", at=NOW)


def test_inverse_propensities_undo_the_policys_preference():
    """Offers shown nine times as often succeed more: the plain mean is 0.82, the mean over what could be shown is 0.5."""
    propensities = [0.9] * 900 + [0.1] * 100
    successes = [True] * 810 + [False] * 90 + [True] * 10 + [False] * 90
    n, rate = posteriors.weighted(propensities, successes)
    assert rate == pytest.approx(0.5)
    assert 100 < n < 1000, "few rare outcomes carry half the weight, so they are worth fewer"


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.booleans()), min_size=1, max_size=60),
)
def test_the_effective_number_never_exceeds_the_number(outcomes):
    n, rate = posteriors.weighted([p for p, _ in outcomes], [s for _, s in outcomes])
    assert 1 - 1e-9 <= n <= len(outcomes) + 1e-9
    assert 0 <= rate <= 1


@given(
    st.lists(
        st.builds(
            Evidence,
            slot=st.just("buy_again"),
            group_id=st.integers(1, 5),
            offered=st.floats(0, 1e4),
            offered_rate=st.floats(0, 1),
            held_out=st.floats(0, 1e4),
            held_out_rate=st.floats(0, 1),
        ),
        max_size=12,
    )
)
def test_weights_stay_inside_their_range_whatever_the_evidence(evidence):
    found, verdict = posteriors.beliefs(posteriors.pool(evidence))
    assert verdict in {"learned", "too_little_evidence", "no_detectable_effect"}
    assert len({(b.slot, b.group_id) for b in found}) == len(found)
    for belief in found:
        assert WEIGHT_RANGE[0] <= belief.weight <= WEIGHT_RANGE[1]
        assert min(*belief.offered, *belief.held_out) > 0
        if verdict != "learned":
            assert belief.weight == 1.0
