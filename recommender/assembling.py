"""From ranked types to a list that may be shown: the business rules, and for each type they take off, which one did. Arrays only."""

from dataclasses import dataclass, field

import numpy as np

from recommender.interactions import Interactions

NOT_INTERESTED, OUT_OF_STOCK, MARGIN, RECENTLY_BOUGHT = "not_interested", "out_of_stock", "margin", "recently_bought"
ALREADY_SENT, AGE, BRAND, EXCLUDED, NO_OFFER, CATEGORY_CAP = (
    "already_sent",
    "age",
    "brand",
    "excluded",
    "no_offer",
    "category_cap",
)


@dataclass(frozen=True, eq=False)
class Rules:
    """What holds for one slot.

    Attributes
    ----------
    never : object array, shape (I,)
        For each type the rule that keeps it off every list, or an empty text.
    pairs : dict of rule → int64 array, ascending
        Member × I + type, by indices of the purchases looked at, that one rule keeps apart.
    groups : int array, shape (I,)
        The category of each type, −1 for none: at most `per_group` of one stand on a list (none: no cap), so that lists differ.
    per_group : int

    """

    never: np.ndarray
    pairs: dict[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None
    per_group: int = 0

    @property
    def among(self) -> np.ndarray:
        return self.never == ""


def reasons(rules: Rules, member: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Which rule takes each type off these lists, best first; an empty text where it may stay.

    `member` (m,) and `items` (m, n) are indices, −1 beyond the end of a list.
    """
    why = np.where(items >= 0, rules.never[items], "")
    keys = member.astype(np.int64)[:, None] * len(rules.never) + items
    for name, apart in rules.pairs.items():
        why[(why == "") & (items >= 0) & _among(keys, apart)] = name
    if rules.groups is not None and rules.per_group:
        _cap(why, items, rules)
    return why


def kept(why: np.ndarray, items: np.ndarray, n: int) -> np.ndarray:
    """The first n of each row that no rule takes off: boolean, the shape of `items`."""
    stays = (why == "") & (items >= 0)
    return stays & (np.cumsum(stays, axis=1) <= n)


def recently_bought(seen: Interactions, days: int) -> np.ndarray:
    """Keys of what each member bought in the last days."""
    pairs = seen.pairs
    return seen.pair_keys[pairs.last_day >= seen.until - days]


def out_of_stock(seen: Interactions, home_stores: np.ndarray, missing: set[tuple[int, int]]) -> np.ndarray:
    """Keys of what a member's own store has none of; `missing` holds (store id, type id)."""
    place = {int(pk): at for at, pk in enumerate(seen.item_ids)}
    found = [
        np.flatnonzero(home_stores == store).astype(np.int64) * seen.shape[1] + place[item]
        for store, item in missing
        if item in place
    ]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)


def keys_of(seen: Interactions, pairs) -> np.ndarray:
    """Keys of (member id, type id) pairs; whoever and whatever was not seen is left out."""
    table = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    at = [np.searchsorted(ids, column) for ids, column in zip((seen.member_ids, seen.item_ids), table.T, strict=True)]
    known = np.ones(len(table), bool)
    for ids, column, place in zip((seen.member_ids, seen.item_ids), table.T, at, strict=True):
        known &= (place < len(ids)) & (np.r_[ids, -1][np.minimum(place, len(ids))] == column)
    return np.sort(at[0][known].astype(np.int64) * seen.shape[1] + at[1][known])


def _among(keys: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    if not len(ascending):
        return np.zeros(keys.shape, bool)
    at = np.minimum(np.searchsorted(ascending, keys), len(ascending) - 1)
    return ascending[at] == keys


def _cap(why: np.ndarray, items: np.ndarray, rules: Rules) -> None:
    """Beyond the cap of a category, in place: only what stays counts."""
    assert rules.groups is not None, "a cap is of categories"
    group = np.where((items >= 0) & (why == ""), rules.groups[items], -1)
    earlier = np.tril(np.ones((items.shape[1], items.shape[1]), bool), -1)
    same = ((group[:, :, None] == group[:, None, :]) & earlier).sum(axis=2)
    why[(group >= 0) & (same >= rules.per_group)] = CATEGORY_CAP
