"""Finding a reason for each recommendation that is true of the member's purchases or of many members'."""

from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from recommender import reasons
from recommender.interactions import Interactions
from recommender.rankers.counting import share_of_buyers
from recommender.reasons import TOGETHER

TOGETHER_MIN = 30  # shopping days on which both were bought
LIFT_MIN = 3.0  # how much more often together than if neither knew of the other
COMPLEMENTS = 40  # kept per type
WIDELY = ("popular", "store", "cell", "category")  # sources that know of popularity and of nothing else
STORE_MEMBERS_MIN = 10
STORE_SHARE_MIN = 0.3  # of a store's members, for a type to be called popular there
RHYTHM_TIMES_MIN = 4
RHYTHM_DAYS_MAX = 84


class Explainer:
    """What is shared by all members, learned beside a ranker and kept with it.

    `complements_` (I, COMPLEMENTS) lists for each type those it is bought with on the same day most out of proportion,
    best first, −1 beyond; `stores_` (S,) and `popular_` (S, I) say what is popular where; `share_` (I,) is the share of
    members who bought each type.
    """

    def fit(self, seen: Interactions, home_stores: np.ndarray, among: np.ndarray) -> Self:
        self.share_ = share_of_buyers(seen)
        self.complements_ = complements(seen, among)
        self.stores_, store = np.unique(home_stores, return_inverse=True)
        at = csr_matrix((np.ones(len(store)), (store, np.arange(len(store)))), shape=(len(self.stores_), len(store)))
        buyers = (at @ (seen.counts > 0).astype(np.float64)).toarray()
        size = np.bincount(store, minlength=len(self.stores_))[:, None]
        self.popular_ = (buyers >= STORE_SHARE_MIN * size) & (size >= STORE_MEMBERS_MIN)
        return self

    def state(self) -> dict[str, np.ndarray]:
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def restore(self, state: dict[str, np.ndarray]) -> Self:
        vars(self).update(state)
        return self

    def bought(self, seen: Interactions, member: np.ndarray, item: np.ndarray) -> list[tuple[str, dict]]:
        """Reasons for types the member bought: parallel arrays of indices in, (code, parameters) out."""
        pairs = seen.pairs
        at = np.searchsorted(seen.pair_keys, member.astype(np.int64) * seen.shape[1] + item)
        times = pairs.times[at]
        days = np.round((pairs.last_day[at] - pairs.first_day[at]) / np.maximum(times - 1, 1)).astype(int)
        has_rhythm = (times >= RHYTHM_TIMES_MIN) & (days <= RHYTHM_DAYS_MAX)
        return [
            (reasons.BOUGHT_EVERY, {"days": max(d, 1)}) if regular else (reasons.BOUGHT_TIMES, {"times": t})
            for t, d, regular in zip(times.tolist(), days.tolist(), has_rhythm.tolist(), strict=True)
        ]

    def reasons(self, seen: Interactions, home_stores: np.ndarray, pairs, because) -> list[tuple[str, dict]]:
        """The reason of each (member, type) pair, from the candidate that won.

        `pairs` are parallel arrays of indices, `because` what the ranker says of them (`Ranker.because`): the source, and the type
        bought that it rests on. What the member bought is told by their own purchases, whatever else speaks for it.
        """
        (member, item), (source, partner) = pairs, because
        own = np.asarray(seen.counts[member, item]).ravel() > 0 if len(member) else np.zeros(0, bool)
        told: list[tuple[str, dict]] = [("", {})] * len(member)
        for places, found in (
            (np.flatnonzero(own), self.bought(seen, member[own], item[own])),
            (
                np.flatnonzero(~own),
                self.unbought(seen, home_stores, (member[~own], item[~own]), (source[~own], partner[~own])),
            ),
        ):
            for place, reason in zip(places.tolist(), found, strict=True):
                told[place] = reason
        return told

    def unbought(self, seen: Interactions, home_stores, pairs, because) -> list[tuple[str, dict]]:
        """Reasons for types the member never bought: what the winning source says, never more than is true."""
        (member, item), (source, partner) = pairs, because
        partner = np.where(
            np.isin(source, TOGETHER) & (partner < 0), self._bought_complement(seen, member, item), partner
        )
        store = np.minimum(np.searchsorted(self.stores_, home_stores[member]), max(len(self.stores_) - 1, 0))
        here = self.popular_[store, item] & (self.stores_[store] == home_stores[member])
        return [
            (reasons.GOES_WITH, {"category": int(seen.item_ids[other])})
            if other >= 0
            else (reasons.NEW_IN_STORE, {})
            if name == "fresh"
            else (reasons.MEMBERS_LIKE_YOU, {})
            if name not in WIDELY
            else (reasons.POPULAR_HERE if popular or name == "store" else reasons.POPULAR, {})
            for other, popular, name in zip(partner.tolist(), here.tolist(), source.tolist(), strict=True)
        ]

    def _bought_complement(self, seen: Interactions, member, item) -> np.ndarray:
        """The best complement of each item that its member bought, −1 for none."""
        others = self.complements_[item]
        wanted = member.astype(np.int64)[:, None] * seen.shape[1] + others
        keys = seen.pair_keys
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = (keys[at] == wanted) & (others >= 0)
        first = found.argmax(axis=1)
        return np.where(found.any(axis=1), others[np.arange(len(others)), first], -1)


def complements(seen: Interactions, among: np.ndarray) -> np.ndarray:
    """For each type, the types bought on the same day out of proportion, by lift: int32, shape (I, COMPLEMENTS), −1 beyond.

    Lift is the days with both, times all days, over the product of the days with each (Brin et al. 1997). Pairs seen on few
    days are left out, because a lift of few is luck.
    """
    size = seen.shape[1]
    found = np.full((size, COMPLEMENTS), -1, np.int32)
    if not len(seen.member):
        return found
    _, trip = np.unique(seen.member.astype(np.int64) * (1 << 20) + seen.day - seen.day.min(), return_inverse=True)
    kept = among[seen.item]
    baskets = csr_matrix((np.ones(kept.sum(), np.float32), (trip[kept], seen.item[kept])), shape=(trip.max() + 1, size))
    together = (baskets.T @ baskets).tocoo()
    days = np.asarray(baskets.sum(axis=0)).ravel()
    lift = together.data * baskets.shape[0] / (days[together.row] * days[together.col])
    strong = (together.row != together.col) & (together.data >= TOGETHER_MIN) & (lift >= LIFT_MIN)
    row, column, lift = together.row[strong], together.col[strong], lift[strong]
    order = np.lexsort((column, -lift, row))
    row, column = row[order], column[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    short = place < COMPLEMENTS
    found[row[short], place[short]] = column[short]
    return found
