"""What is bought more than usual just now: popularity of types and groups in the days before a question.

Every question has its own day, so nothing that lies after it is counted: a promotion of last week speaks for whoever is asked
about this week, and not for whoever is asked about the week before.
"""

from typing import Self

import numpy as np

from recommender.interactions import Interactions
from recommender.rankers.base import Fitted

WINDOWS = (1, 3, 7, 14, 28, 91)  # days
GROUP_WINDOWS = (3, 7)  # days, each held against a season
SEASON = 91  # days
NAMES = (
    *(f"bought_{days}_days" for days in WINDOWS), "burst_3_days", "burst_7_days", "burst_28_days",
    *(f"group_burst_{days}_days" for days in GROUP_WINDOWS), "weekday_share", "weekday",
)  # fmt: skip


class Tides(Fitted):
    """Purchases by type and day, summed up, so that any window of days costs two look-ups."""

    def fit(self, seen: Interactions, groups: np.ndarray) -> Self:
        self.first_ = int(seen.day.min()) if len(seen.day) else seen.until
        self.until_, self.groups_ = seen.until, groups
        day = seen.day.astype(np.int64) - self.first_
        self.types_, self.type_sums_ = self._summed(seen.item.astype(np.int64), day)
        self.all_, self.all_sums_ = self._summed(np.zeros(len(day), np.int64), day)
        self.weekdays_, self.weekday_sums_ = self._summed(seen.item * np.int64(7) + seen.day % 7, day)
        kept = groups[seen.item] >= 0
        self.group_days_, self.group_sums_ = self._summed(groups[seen.item[kept]].astype(np.int64), day[kept])
        return self

    def of(self, item: np.ndarray, now: np.ndarray) -> list[np.ndarray]:
        """Columns in the order of NAMES for candidates, each asked about on its own day; later days than were seen count as today."""
        until = np.minimum(now, int(self.until_)) - int(self.first_)
        zeros = np.zeros(len(item), np.int64)
        logs = {}
        for days in WINDOWS:
            bought = self._between((self.types_, self.type_sums_), item, until, days)
            whole = self._between((self.all_, self.all_sums_), zeros, until, days)
            logs[days] = np.log((bought + 0.3) / (whole + 1.0))
        bursts = [logs[3] - logs[28], logs[7] - logs[SEASON], logs[28] - logs[SEASON]]
        return [
            *logs.values(),
            *bursts,
            *self._group_bursts(item, until),
            self._weekday_share(item, now, until),
            now % 7,
        ]

    def _group_bursts(self, item: np.ndarray, until: np.ndarray) -> list[np.ndarray]:
        """How much more of a type's category was bought in the last days than in as many of the season; NaN where it has none."""
        group, parts = self.groups_[item], (self.group_days_, self.group_sums_)
        season = self._between(parts, np.maximum(group, 0), until, SEASON)
        found = []
        for days in GROUP_WINDOWS:
            lately = self._between(parts, np.maximum(group, 0), until, days)
            found.append(np.where(group >= 0, np.log((lately + 1.0) / (season * days / SEASON + 1.0)), np.nan))
        return found

    def _weekday_share(self, item: np.ndarray, now: np.ndarray, until: np.ndarray) -> np.ndarray:
        """Share of a type's purchases so far that fell on the weekday of the question, shrunk to a seventh."""
        code = item * np.int64(7) + now % 7
        here = self._between((self.weekdays_, self.weekday_sums_), code, until, self._span)
        ever = self._between((self.types_, self.type_sums_), item, until, self._span)
        return (here + 1.0) / (ever + 7.0)

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
