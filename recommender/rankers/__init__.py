"""Rankers of product types: one protocol, humble rivals first.

A ranker only orders; what may be shown where (slots, exclusions, dismissals) is asked of `ranking.rank`.
"""

from recommender.rankers.base import NOTHING, Ranker
from recommender.rankers.counting import PersonalThenPopular, PersonalTop, Popular, Recent
from recommender.rankers.due import Due
from recommender.rankers.following import Following
from recommender.rankers.linear import Ease
from recommender.rankers.neighbours import RecentNeighbours, TemporalFrequency
from recommender.rankers.similar import ItemToItem, MatrixFactorisation, PersonalisedRanking
from recommender.rankers.two_stage import TwoStage

RANKERS = {
    ranker.name: ranker
    for ranker in (
        Popular,
        PersonalTop,
        PersonalThenPopular,
        Recent,
        Due,
        ItemToItem,
        MatrixFactorisation,
        TemporalFrequency,
        RecentNeighbours,
        Ease,
        Following,
        PersonalisedRanking,
        TwoStage,
    )
}

__all__ = [
    "NOTHING",
    "RANKERS",
    "Due",
    "Ease",
    "Following",
    "ItemToItem",
    "MatrixFactorisation",
    "PersonalThenPopular",
    "PersonalTop",
    "PersonalisedRanking",
    "Popular",
    "Ranker",
    "Recent",
    "RecentNeighbours",
    "TemporalFrequency",
    "TwoStage",
]
