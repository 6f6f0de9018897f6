"""What the recommender does: offers and exclusions, decisions, learning, training and serving."""

from recommender.operations.decisions import carry_dismissals, decide, dismiss, forget, record_exposures, record_sent
from recommender.operations.learning import Change, Learned, Outcome, learn, lesson_of, unlearn
from recommender.operations.lists import NothingToServe, keep_all_fresh, keep_fresh, refresh_recommendations
from recommender.operations.offers import give_offers, make_offers
from recommender.operations.planning import CannotPlan, assign_offers
from recommender.operations.policies import (
    CannotPromote,
    promote_policy,
    propose_policies,
    propose_policy,
    retire_policies,
    try_policy,
)
from recommender.operations.showing import mention, show
from recommender.operations.training import CannotTrain, publish, roll_back, train

__all__ = [
    "CannotPlan",
    "CannotPromote",
    "CannotTrain",
    "Change",
    "Learned",
    "NothingToServe",
    "Outcome",
    "assign_offers",
    "carry_dismissals",
    "decide",
    "dismiss",
    "forget",
    "give_offers",
    "keep_all_fresh",
    "keep_fresh",
    "learn",
    "lesson_of",
    "make_offers",
    "mention",
    "promote_policy",
    "propose_policies",
    "propose_policy",
    "publish",
    "record_exposures",
    "record_sent",
    "refresh_recommendations",
    "retire_policies",
    "roll_back",
    "show",
    "train",
    "try_policy",
    "unlearn",
]
