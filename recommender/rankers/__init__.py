"""Rankers of product types: one protocol, humble rivals first.

A ranker only orders; what may be shown where (slots, exclusions, dismissals) is asked of `ranking.rank`.
"""

from recommender.rankers.base import NOTHING, Ranker
from recommender.rankers.counting import PersonalThenPopular, PersonalTop, Popular, Recent
from recommender.rankers.due import Due
from recommender.rankers.similar import ItemToItem, MatrixFactorisation

RANKERS = {
    ranker.name: ranker
    for ranker in (Popular, PersonalTop, PersonalThenPopular, Recent, Due, ItemToItem, MatrixFactorisation)
}

__all__ = [
    "NOTHING",
    "RANKERS",
    "Due",
    "ItemToItem",
    "MatrixFactorisation",
    "PersonalThenPopular",
    "PersonalTop",
    "Popular",
    "Ranker",
    "Recent",
]
