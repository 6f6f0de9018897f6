import numpy as np
import pytest

from recommender import candidates, learners, scoreboard
from recommender.candidates import SOURCES, Sources
from recommender.features import NAMES, Habits, now_of
from recommender.interactions import Interactions
from recommender.rankers import PersonalThenPopular, Popular, TwoStage, lessons
from recommender.rankers.lessons import Course, thinned
from recommender.rankers.neighbours import RecentNeighbours, TemporalFrequency
from tests.recommender import planted
from tests.recommender.contract import ANN, MILK, small_shop


@pytest.fixture(scope="module")
def question(short_lessons):
    return scoreboard.ask(planted.shop(members=120, weeks=24).seen, protocol="last-basket")


@pytest.fixture(scope="module")
def fitted(question):
    return TwoStage(learner="logistic").fit(question.seen)


def mean(judged, part, measure="recall"):
    return next(one.mean(measure) for one in judged if one.part == part)


def test_two_stages_foretell_baskets_better_than_counting(question, fitted):
    ours = scoreboard.judge(fitted, question, ks=(5,))
    humble = scoreboard.judge(PersonalThenPopular().fit(question.seen), question, ks=(5,))
    assert mean(ours, "all") >= 1.15 * mean(humble, "all")
    assert mean(ours, "explore") >= 1.15 * mean(
        scoreboard.judge(Popular().fit(question.seen), question, ks=(5,)), "explore"
    )


def test_probabilities_are_calibrated_on_baskets_nobody_saw(question, fitted):
    found, probability = fitted.probabilities(question.seen, question.members)
    keys = question.members[found.row].astype(np.int64) * question.seen.shape[1] + found.item
    bought = np.isin(keys, question.after.pair_keys)
    assert learners.calibration(probability, bought).error <= 0.02


def test_each_candidate_says_which_sources_named_it(question):
    seen = question.seen
    found = Sources().fit(seen).candidates(seen, np.arange(20))
    assert found.named.any(axis=1).all()
    assert found.scores.shape == (len(found.item), len(SOURCES))
    own = found.named[:, 0]
    bought = np.asarray(seen.counts[np.arange(20)][found.row, found.item]).ravel() > 0
    np.testing.assert_array_equal(own, bought)  # other sources name only what was not bought
    assert (found.named[own].sum(axis=1) == 1).all()


def test_each_question_is_asked_of_sources_that_know_no_answer_and_little_less(question, monkeypatch):
    fitted = []
    plainly = Course._fitted
    monkeypatch.setattr(lessons, "POSITIONS_MAX", 5)
    monkeypatch.setattr(Course, "_fitted", lambda self, seen: fitted.append(seen) or plainly(self, seen))
    Course(0, 1).lesson(question.seen)
    trips = question.seen.trips
    assert trips.min() > 5
    for seen, lacking in zip(
        fitted, (3, 5, 0), strict=True
    ):  # three past baskets, two more, and then everything to serve from
        np.testing.assert_array_equal(seen.trips, trips - lacking)


def test_a_basket_counts_by_its_size_up_to_what_is_large(question, monkeypatch):
    monkeypatch.setattr(lessons, "LARGE", 2)
    care = Course(0, 1).lesson(question.seen).care
    assert np.unique(care.round(6)).tolist() == [round(2**-lessons.CARE, 6), 1.0]


def test_features_know_nothing_of_what_comes_after(question):
    """The same member asked about the same day has the same features, whatever happened since."""
    whole, past = question.seen, question.seen.without_last(1)
    members = np.arange(10)
    sources, habits = Sources().fit(past), Habits().fit(past)
    asked = [past.only(members), whole.without_last(1).only(members)]
    found = sources.candidates(past, members)
    first, again = (habits.of(found, one, now_of(one, next_trip=True)) for one in asked)
    np.testing.assert_array_equal(first, again)
    assert first.shape[1] == len(NAMES)
    assert (now_of(past.only(members), next_trip=True) > past.only(members).last_days).all()


def test_a_group_of_products_is_no_must(question):
    groups = np.arange(question.seen.shape[1]) // 6
    theirs = question.seen.only(np.arange(5))
    found = Sources().fit(question.seen).candidates(question.seen, np.arange(5))
    at = NAMES.index("group_share_of_trips")
    with_groups = Habits().fit(question.seen, groups).of(found, theirs, now_of(theirs, next_trip=True))
    without = Habits().fit(question.seen).of(found, theirs, now_of(theirs, next_trip=True))
    assert np.isnan(without[:, at]).all()
    assert not np.isnan(with_groups[:, at]).any()


def test_trees_learn_what_was_planted_and_survive_a_file():
    if not learners.is_lightgbm_here():
        pytest.skip("LightGBM cannot be loaded here")
    chance = np.random.default_rng(1)
    features = chance.random((4000, 3)).astype(np.float32)
    label = chance.random(4000) < 0.4 * features[:, 0]
    trees = learners.Trees(seed=1, rounds=20).fit(features, label, np.ones(4000))
    found = trees.probabilities(features)
    assert np.corrcoef(found, features[:, 0])[0, 1] > 0.8
    again = learners.Trees(seed=1).restore({k: np.array(v) for k, v in trees.state().items()})
    np.testing.assert_array_equal(found, again.probabilities(features))


def test_trees_that_order_each_question_have_a_say_and_survive_a_file():
    if not learners.is_lightgbm_here():
        pytest.skip("LightGBM cannot be loaded here")
    chance = np.random.default_rng(1)
    features, question = chance.random((3000, 3)).astype(np.float32), np.arange(3000) // 30
    label = chance.random(3000) < 0.4 * features[:, 0]
    alone, both = (
        learners.Trees(seed=1, rounds=10, order_rounds=10).fit(features, label, np.ones(3000), asked)
        for asked in (None, question)
    )
    found = both.probabilities(features)
    assert np.abs(found - alone.probabilities(features)).max() > 0.01
    assert np.corrcoef(found, features[:, 0])[0, 1] > 0.7
    again = learners.Trees(seed=1).restore({k: np.array(v) for k, v in both.state().items()})
    np.testing.assert_array_equal(found, again.probabilities(features))


def test_a_ranker_taught_on_other_columns_is_not_taken_for_this_one(fitted):
    state = fitted.state()
    TwoStage(learner="logistic").restore(state)
    with pytest.raises(ValueError, match="other columns"):
        TwoStage(learner="logistic").restore(state | {"columns_": state["columns_"][:-1]})


def test_where_lightgbm_is_lacking_logistic_regression_ranks(monkeypatch):
    monkeypatch.setattr("recommender.rankers.two_stage.is_lightgbm_here", lambda: False)
    ranker = TwoStage(horizon_days=14, learner="lightgbm").fit(small_shop())
    assert ranker.model.name == "logistic"
    assert ranker.scores(small_shop(), np.array([0])).max() > 0


def test_thinned_negatives_stand_for_those_left_out():
    label = np.arange(10_000) % 50 == 0
    kept, weight = thinned(label, np.random.default_rng(1), 2000)
    assert kept[label].all()
    assert kept.sum() == pytest.approx(2000, rel=0.1)
    assert weight[kept & ~label].sum() == pytest.approx(9800, rel=0.1)


def test_a_scale_says_what_a_score_means_and_never_turns_an_order_round():
    chance = np.random.default_rng(1)
    score = chance.random(20_000)
    label = chance.random(20_000) < score**2
    scale = learners.Scale().fit(score, label, np.ones(20_000))
    asked = np.linspace(0.001, 0.999, 500)
    told = scale.probabilities(asked)
    assert (np.diff(told) > 0).all()
    assert np.abs(told - asked**2).max() < 0.06
    np.testing.assert_allclose(learners.Scale().fit(*np.zeros((3, 0))).probabilities(asked), asked)


def test_calibration_error_is_the_distance_of_said_and_seen():
    honest = learners.calibration(np.repeat([0.1, 0.9], 500), np.r_[np.arange(500) < 50, np.arange(500) < 450], bins=2)
    assert honest.error == pytest.approx(0)
    boastful = learners.calibration(np.full(1000, 0.5), np.arange(1000) < 100, bins=5)
    assert boastful.error == pytest.approx(0.4)


def test_a_purchase_changes_the_list_at_once_without_training():
    fitted = TwoStage(horizon_days=14, learner="logistic").fit(small_shop())
    before = small_shop()
    extra = [(int(before.member_ids[m]), int(before.item_ids[i]), int(d)) for m, i, d in
             zip(before.member, before.item, before.day, strict=True)]  # fmt: skip
    after = small_shop([*extra, (ANN, 3, 139)])
    ann = np.array([0])
    first, then = fitted.scores(before, ann)[0], fitted.scores(after, ann)[0]
    assert then[2] > first[2]  # eggs: bought today for the first time
    assert first[MILK - 1] > 0


def test_tifuknn_counts_baskets_in_groups_as_its_paper_does():
    seen = Interactions.of([1] * 4, [7, 7, 8, 7], [1, 2, 3, 4], until=10)
    own, _ = TemporalFrequency(group=2, within=0.5, between=0.1, own=1.0).fit(seen).parts(seen, np.array([0]))
    # the last two baskets are one group (8 at weight .5, 7 at 1), the first two another at weight .1 (7 at .5 and 1)
    assert own.toarray()[0] == pytest.approx([(1 / 2 + 0.1 * 1.5 / 2) / 2, 0.5 / 2 / 2])


def test_upcf_borrows_from_members_with_like_baskets_and_never_from_oneself():
    rows = [(1, 7, 1), (1, 8, 2), (2, 7, 1), (2, 9, 2), (3, 10, 1)]
    seen = Interactions.of(*zip(*rows, strict=True), until=10)
    own, borrowed = RecentNeighbours(window=10, asymmetry=0.5, sharpness=1).fit(seen).parts(seen, np.array([0]))
    assert own.toarray()[0] == pytest.approx([0.5, 0.5, 0, 0])
    assert borrowed.toarray()[0] == pytest.approx([0.25, 0, 0.25, 0])  # member 2: one of two types shared


def test_new_products_are_those_first_sold_lately():
    rows = [(m, 1, d) for m in range(5) for d in (1, 60, 110)] + [(m, 2, 115) for m in range(3)]
    seen = Interactions.of(*zip(*rows, strict=True), until=120)
    assert np.isneginf(candidates.newness(seen)[0])
    assert candidates.newness(seen)[1] == pytest.approx(3 / 6)
