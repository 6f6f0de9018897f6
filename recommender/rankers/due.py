"""The ranker that knows rhythms: what was bought every three weeks and last bought three weeks ago is due."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from insights.regression import logistic_regression
from recommender.interactions import Interactions, as_csr
from recommender.rankers.base import NOTHING, Fitted
from recommender.rankers.counting import decayed_counts, share_of_buyers

FEATURES = 14
HORIZONS = 2  # past windows that labels are drawn from


@dataclass
class Due(Fitted):
    """The probability that a member buys a type again within `horizon_days`, from counts and intervals only.

    A logistic regression on what can be counted of each (member, type) pair: how often, how recently, at which interval
    (shrunk to the type's own), and how the time since the last purchase compares with it; labels are the purchases of past
    windows of the same length. Types never bought get nothing.
    """

    horizon_days: int = 28
    penalty: float = 1.0
    name: ClassVar[str] = "due"

    def fit(self, seen: Interactions) -> Self:
        self.share_ = share_of_buyers(seen)
        self.gap_days_ = typical_gaps(seen)
        self.rebuy_ = rebuy_rates(seen, self.horizon_days)
        samples, labels = [], []
        for window in range(1, HORIZONS + 1):
            day = seen.until - window * self.horizon_days
            past, after = seen.before(day), seen.since(day).before(day + self.horizon_days)
            samples.append(self._features(past))
            labels.append(np.isin(past.pair_keys, after.pair_keys))
        features, label = np.concatenate(samples), np.concatenate(labels).astype(np.float64)
        self.mean_, self.scale_ = _standards(features)
        self.weights_ = logistic_regression(self._standardised(features), label, penalty=self.penalty)
        return self

    def scores(self, seen: Interactions, members: np.ndarray) -> np.ndarray:
        theirs = seen.only(members)
        logit = self._standardised(self._features(theirs)) @ self.weights_
        probability = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
        found = as_csr(probability, theirs.pairs.member, theirs.pairs.item, theirs.shape).toarray()
        found[found == 0] = NOTHING
        return found

    def _standardised(self, features: np.ndarray) -> np.ndarray:
        return np.c_[np.ones(len(features)), (features - self.mean_) / self.scale_]

    def _features(self, seen: Interactions) -> np.ndarray:
        """One row per pair, shape (P, FEATURES)."""
        pairs = seen.pairs
        if not len(pairs.member):
            return np.zeros((0, FEATURES))
        times, gap, since_last = intervals(seen, self.gap_days_)
        lateness = since_last / gap
        trips = seen.trips[pairs.member]
        first_trip = np.full(seen.shape[0], seen.until)
        np.minimum.at(first_trip, pairs.member, pairs.first_day)
        span = (seen.until - first_trip[pairs.member]).astype(float) + 1
        decayed = [decayed_counts(seen, half_life) for half_life in (14, 45, 120)]
        columns = [
            np.log(times), *(np.log(one + 1e-3) for one in decayed),
            np.log1p(since_last), np.log(gap), np.log(lateness + 0.05), np.minimum(lateness, 4.0),
            np.exp(-((np.log(lateness + 0.05)) ** 2)) * np.log(times + 1),
            np.log(times / span), np.log(times / trips), np.log(trips / span),
            np.log(self.rebuy_[pairs.item]), np.log(self.share_[pairs.item] + 1e-4),
        ]  # fmt: skip
        return np.column_stack(columns)


def intervals(seen: Interactions, typical: np.ndarray, strength: float = 2.0):
    """Times bought, mean days between purchases shrunk to the type's, and days since the last; each of shape (P,).

    The shrunk interval counts the type's typical one as `strength` observed intervals.
    """
    pairs = seen.pairs
    times = pairs.times.astype(np.float64)
    observed = (pairs.last_day - pairs.first_day).astype(np.float64)
    gap = (observed + strength * typical[pairs.item]) / (times - 1 + strength)
    return times, gap, (seen.until - pairs.last_day).astype(np.float64)


def typical_gaps(seen: Interactions) -> np.ndarray:
    """Mean days between two purchases of each type by the same member, shrunk to the mean of all: shape (I,), ≥ 1."""
    pairs = seen.pairs
    days = np.bincount(pairs.item, pairs.last_day - pairs.first_day, seen.shape[1])
    gaps = np.bincount(pairs.item, pairs.times - 1, seen.shape[1])
    overall = days.sum() / gaps.sum() if gaps.sum() else 30.0
    return np.maximum((days + 10 * overall) / (gaps + 10), 1.0)


def rebuy_rates(seen: Interactions, horizon_days: int) -> np.ndarray:
    """Share of earlier buyers of each type who bought it in the last window, shrunk: shape (I,), above zero."""
    day = seen.until - horizon_days
    past, after = seen.before(day), seen.since(day)
    again = np.isin(past.pair_keys, after.pair_keys)
    hits = np.bincount(past.pairs.item, again, seen.shape[1])
    chances = np.bincount(past.pairs.item, minlength=seen.shape[1])
    overall = (again.sum() + 1) / (len(again) + 10)
    return (hits + 20 * overall) / (chances + 20)


def _standards(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(features):
        return np.zeros(FEATURES), np.ones(FEATURES)
    scale = features.std(axis=0)
    return features.mean(axis=0), np.where(scale > 1e-9, scale, 1.0)
