"""What is bought more than usual just now: popularity of types and groups in the days before a question.

Every question has its own day, so nothing that lies after it is counted: a promotion of last week speaks for whoever is asked
about this week, and not for whoever is asked about the week before.
"""

from typing import Self

import numpy as np

from recommender.interactions import Interactions
from recommender.rankers.base import Fitted

WINDOWS = (7, 14, 28, 91)  # days
NAMES = (*(f"bought_{days}_days" for days in WINDOWS), "burst_7_days", "burst_28_days", "group_burst_7_days")


class Tides(Fitted):
    """Purchases by type and day, summed up, so that any window of days costs two look-ups."""

    def fit(self, seen: Interactions, groups: np.ndarray) -> Self:
        self.first_ = int(seen.day.min()) if len(seen.day) else seen.until
        self.until_, self.groups_ = seen.until, groups
        day = seen.day.astype(np.int64) - self.first_
        self.types_, self.type_sums_ = self._summed(seen.item.astype(np.int64), day)
        self.all_, self.all_sums_ = self._summed(np.zeros(len(day), np.int64), day)
        kept = groups[seen.item] >= 0
        self.group_days_, self.group_sums_ = self._summed(groups[seen.item[kept]].astype(np.int64), day[kept])
        return self

    def of(self, item: np.ndarray, now: np.ndarray) -> list[np.ndarray]:
        """Columns in the order of NAMES for candidates, each asked about on its own day; later days than were seen count as today."""
        until = np.minimum(now, int(self.until_)) - int(self.first_)
        zeros = np.zeros(len(item), np.int64)
        logs = []
        for days in WINDOWS:
            bought = self._between((self.types_, self.type_sums_), item, until, days)
            whole = self._between((self.all_, self.all_sums_), zeros, until, days)
            logs.append(np.log((bought + 0.3) / (whole + 1.0)))
        group = self.groups_[item]
        parts = (self.group_days_, self.group_sums_)
        week, season = (self._between(parts, np.maximum(group, 0), until, days) for days in (7, 91))
        burst = np.where(group >= 0, np.log((week + 1.0) / (season / 13 + 1.0)), np.nan)
        return [*logs, logs[0] - logs[3], logs[2] - logs[3], burst]

    @property
    def _span(self) -> int:
        return int(self.until_) - int(self.first_) + 1

    def _summed(self, code: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keys, counts = np.unique(code * self._span + day, return_counts=True)
        return keys, np.r_[0, np.cumsum(counts)].astype(np.int32)

    def _between(self, parts, code: np.ndarray, until: np.ndarray, days: int) -> np.ndarray:
        """How often each code was bought in the `days` before `until`."""
        keys, sums = parts
        start = code.astype(np.int64) * self._span
        to = np.searchsorted(keys, start + np.maximum(until, 0))
        return sums[to] - sums[np.searchsorted(keys, start + np.maximum(until - days, 0))]
