"""Who stands against whom when rankers are evaluated: humble rivals, published methods, single models, and the two stages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from recommender import scoreboard
from recommender.answers import answers
from recommender.learners import is_lightgbm_here
from recommender.rankers import (
    Due,
    Ease,
    Following,
    ItemToItem,
    MatrixFactorisation,
    PersonalisedRanking,
    PersonalThenPopular,
    PersonalTop,
    Popular,
    Ranker,
    Recent,
    RecentNeighbours,
    TemporalFrequency,
    TwoStage,
)
from recommender.rankers.lessons import Course
from recommender.scoreboard import Judged, Question

RIVALS = ("popular", "personal_top", "personal_then_popular", "tifuknn", "upcf")
EXPLORERS = ("popular", "tifuknn", "upcf", "item_to_item", "ease", "implicit_als", "bpr", "following")
OURS = ("two_stage", "two_stage_logistic")
TUNING_MEMBERS = 800
K = 10
FREQUENT = 20  # shopping days from which the published settings for frequent shoppers apply


@dataclass(frozen=True, eq=False)
class Contender:
    label: str
    ranker: Ranker
    note: str = ""


def contenders(question: Question, *, groups: np.ndarray | None, seed: int) -> Iterator[Contender]:
    """Everybody, unfitted, the humble first; the settings of the published methods are chosen on earlier purchases."""
    for ranker in (Popular(), PersonalTop(), PersonalThenPopular()):
        yield Contender(ranker.name, ranker)
    for variants in published(question):
        chosen = tuned(variants, question, seed=seed)
        yield Contender(chosen.name, chosen, note=_settings(chosen))
    for ranker in (
        ItemToItem(100),
        Ease(),
        MatrixFactorisation(factors=64),
        PersonalisedRanking(seed=seed),
        Following(),
    ):
        yield Contender(ranker.name, ranker)
    if question.horizon_days:
        for ranker in (Recent(90.0), Due(question.horizon_days)):
            yield Contender(ranker.name, ranker)
    yield from two_stages(question, groups=groups, seed=seed)


def two_stages(question: Question, *, groups: np.ndarray | None, seed: int) -> Iterator[Contender]:
    """Both learners, taught one lesson: what they differ in is how they learn."""
    learners = {"two_stage": "lightgbm", "two_stage_logistic": "logistic"}
    if not is_lightgbm_here():
        del learners["two_stage"]
    horizon = question.horizon_days
    rankers = {label: TwoStage(horizon_days=horizon, learner=learner, seed=seed) for label, learner in learners.items()}
    course = Course(horizon, seed, groups)
    for found in answers(rankers, course, question.seen, question.members):
        yield Contender(found.label, found)


def published(question: Question) -> list[list[Ranker]]:
    """TIFUKNN and UP-CF with the settings their authors and reproductions report, for frequent and for rare shoppers."""
    often = np.median(question.seen.trips[question.members]) >= FREQUENT
    window = 25 if often else 10
    return [
        [TemporalFrequency(), TemporalFrequency(900, 0.9, 0.6, 0.2, 3)],
        [RecentNeighbours(window, 0.75, sharpness) for sharpness in (10.0, 2.0)],
    ]


def tuned(variants: list[Ranker], question: Question, *, seed: int) -> Ranker:
    """A fresh one of the variant that foretells the purchases before the question best."""
    weeks = question.horizon_days // 7
    try:
        earlier = scoreboard.ask(question.seen, protocol=question.protocol, weeks=weeks)
    except ValueError:
        return variants[0]
    if len(earlier.members) > TUNING_MEMBERS:
        chance = np.random.default_rng(seed)
        chosen = np.sort(chance.choice(earlier.members, TUNING_MEMBERS, replace=False))
        earlier = replace(earlier, members=chosen)
    reached = [_recall(ranker.fit(earlier.seen), earlier) for ranker in variants]
    best = variants[int(np.argmax(reached))]
    return type(best)(**best.parameters())


def goals(judged: list[Judged], *, k: int, seed: int) -> list[dict]:
    """Ours beside the best rival: how many times its mean, and the 95 % interval of that."""
    labels = {one.ranker for one in judged}
    found = []
    for ours in (label for label in OURS if label in labels):
        for part, measure, rivals in (
            ("all", "recall", RIVALS), ("all", "ndcg", RIVALS), ("explore", "recall", EXPLORERS),
        ):  # fmt: skip
            own = next(one for one in judged if (one.ranker, one.part, one.k) == (ours, part, k))
            rival = scoreboard.best_rival(judged, rivals, part=part, k=k, measure=measure)
            times, difference = scoreboard.gain(own, rival, measure, seed=seed)
            base = max(rival.mean(measure), 1e-12)
            found.append(
                {
                    "ranker": ours, "measure": f"{measure}@{k}", "part": part, "rival": rival.ranker, "times": round(times, 4),
                    "low": round(1 + difference.low / base, 4), "high": round(1 + difference.high / base, 4),
                }
            )  # fmt: skip
    return found


def _recall(ranker: Ranker, question: Question) -> float:
    judged = scoreboard.judge(ranker, question, ks=(K,))
    return next(one.mean("recall") for one in judged if one.part == "all")


def _settings(ranker: Ranker) -> str:
    return " ".join(f"{name}={value:g}" for name, value in ranker.parameters().items())
