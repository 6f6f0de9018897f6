import numpy as np
import pytest

from recommender import drift, operations, selection
from recommender.models import RankerVersion
from recommender.operations.watching import Listed, inputs, watch
from recommender.rankers import Due, TwoStage
from recommender.selection import Contest
from tests.recommender import planted


def test_scores_that_moved_are_told_from_scores_that_did_not():
    chance = np.random.default_rng(1)
    before = chance.normal(0, 1, 5000)
    assert drift.stability_index(before, chance.normal(0, 1, 5000)) < 0.02
    assert drift.stability_index(before, chance.normal(1.5, 1, 5000)) > drift.PSI_MAX
    assert drift.stability_index(before, np.zeros(0)) == 0


def test_an_alert_names_what_is_beyond_its_bound_and_nothing_else():
    same = np.linspace(0, 1, 100)
    quiet = drift.alerts(overlaps={"a": 0.97}, scores={"a": (same, same)}, errors={"a": 0.01}, inputs={"trips": 0.1})
    assert quiet == []
    loud = drift.alerts(overlaps={"a": 0.5}, scores={"a": (same, same + 5)}, errors={"a": 0.05}, inputs={"trips": 0.4})
    assert [str(one).split(" is ")[0] for one in loud] == [
        "a: overlap with the last lists", "a: stability index of scores", "stability index of trips", "a: calibration error",
    ]  # fmt: skip
    assert str(loud[0]) == "a: overlap with the last lists is 0.500, below 0.85"


def test_two_stages_compete_for_a_slot_and_say_how_calibrated_they_are(short_lessons):
    shop = planted.shop(members=120)
    result = selection.contest(
        shop.seen, slot="buy_again", cutoff=shop.cutoff, horizon_days=7, among=planted.everything(shop.seen), seed=1,
        rankers=[TwoStage(horizon_days=7, learner="logistic")],
    )  # fmt: skip
    assert result.difference.is_better
    assert 0 < result.calibration_error < 0.05
    assert result.is_won == (result.calibration_error <= selection.CALIBRATION_ERROR_MAX)


def test_a_better_ranker_whose_probabilities_are_wrong_is_not_published():
    found = selection.contest(
        (shop := planted.shop(members=120)).seen, slot="buy_again", cutoff=shop.cutoff, horizon_days=7,
        among=planted.everything(shop.seen), seed=1, rankers=[Due(7)],
    )  # fmt: skip
    boastful = Contest(**{**vars(found), "calibration_error": 0.05})
    assert found.is_won
    assert not boastful.is_won
    assert boastful.winner.name == "personal_then_popular"
    assert "0.050 from what was bought, more than 0.02" in operations.training.verdict(boastful)


@pytest.mark.django_db
def test_lists_that_changed_raise_an_alert_on_the_version(shop, caplog):
    version = shop.version("buy_again")
    old, now = (Listed(pairs, np.array([0.1, 0.2]), 0) for pairs in ({(1, 2), (1, 3)}, {(1, 4), (1, 3)}))
    watch(
        [(version, None)], ({"buy_again": old}, {"buy_again": now}, {"buy_again": old}), planted.shop(members=12).seen
    )
    kept = RankerVersion.objects.get(pk=version.pk).metrics
    assert kept["overlap"] == 0.5
    assert kept["alerts"] == ["buy_again: overlap with the last lists is 0.500, below 0.85"]
    assert "below 0.85" in caplog.text


@pytest.mark.django_db
def test_lists_of_the_same_ranker_move_without_an_alert(shop, caplog):
    version = shop.version("buy_again")
    old, now = (Listed(pairs, np.array([0.1, 0.2]), version.pk) for pairs in ({(1, 2), (1, 3)}, {(1, 4), (1, 3)}))
    watch([(version, None)], ({"buy_again": old}, {"buy_again": now}, {}), planted.shop(members=12).seen)
    kept = RankerVersion.objects.get(pk=version.pk).metrics
    assert (kept["moved"], kept["overlap"], kept["alerts"]) == (0.5, None, [])
    assert caplog.text == ""


@pytest.mark.django_db
def test_members_who_come_more_rarely_than_when_the_ranker_was_taught_raise_an_alert(shop):
    seen = planted.shop(members=120).seen
    rarely = seen.only(np.arange(120)).nth_last(0)
    told = {what: drift.profile(values) for what, values in inputs(seen).items()}
    listed = {"buy_again": Listed({(1, 2)}, np.array([0.1]), 0)}
    version = shop.version("buy_again")
    version.metrics = {"inputs": told}
    for now, is_alarming in ((seen, False), (rarely, True)):
        watch([(version, None)], (listed, listed, {}), now)
        kept = RankerVersion.objects.get(pk=version.pk).metrics
        assert any("stability index of trips" in alert for alert in kept["alerts"]) is is_alarming
        assert (kept["inputs_moved"]["trips"] > drift.PSI_MAX) is is_alarming
