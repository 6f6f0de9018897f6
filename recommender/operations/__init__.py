"""What the recommender does: offers and exclusions, decisions, learning, training and serving."""

from recommender.operations.decisions import decide, dismiss, forget, note_purchases, record_exposures
from recommender.operations.learning import Change, Learned, Outcome, learn, lesson_of, unlearn
from recommender.operations.offers import make_offers

__all__ = [
    "Change",
    "Learned",
    "Outcome",
    "decide",
    "dismiss",
    "forget",
    "learn",
    "lesson_of",
    "make_offers",
    "note_purchases",
    "record_exposures",
    "unlearn",
]
