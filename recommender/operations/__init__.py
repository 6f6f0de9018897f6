"""What the recommender does: offers and exclusions, decisions, learning, training and serving."""

from recommender.operations.decisions import carry_dismissals, decide, dismiss, forget, record_exposures
from recommender.operations.learning import Change, Learned, Outcome, learn, lesson_of, unlearn
from recommender.operations.offers import give_offers, make_offers
from recommender.operations.training import (
    CannotTrain,
    NothingToServe,
    publish,
    refresh_recommendations,
    roll_back,
    train,
)

__all__ = [
    "CannotTrain",
    "Change",
    "Learned",
    "NothingToServe",
    "Outcome",
    "carry_dismissals",
    "decide",
    "dismiss",
    "forget",
    "give_offers",
    "learn",
    "lesson_of",
    "make_offers",
    "publish",
    "record_exposures",
    "refresh_recommendations",
    "roll_back",
    "train",
    "unlearn",
]
