"""From scores to lists: what may be shown in a slot, best first, ties in a fixed order."""

from collections.abc import Iterator

import numpy as np

from recommender.interactions import Interactions
from recommender.rankers.base import NOTHING, Ranker

CHUNK = 1000  # members scored at a time, fewer when there are many types:
CELLS = 8_000_000  # 32 MB of scores
LISTED = 5_000  # members at a time, where a ranker selects without a table of scores
BUY_AGAIN, NEW_FOR_YOU, NEW_PRODUCTS = "buy_again", "new_for_you", "new_products"


def rank(ranker: Ranker, seen: Interactions, members: np.ndarray, n: int, *, slot: str | None = None, among=None):
    """The n best types of each member.

    Parameters
    ----------
    ranker : Ranker
        A fitted one.
    seen : Interactions
        Purchases to judge by.
    members : int array, shape (m,)
        Indices into `seen.member_ids`.
    n : int
        Length of the lists.
    slot : {"buy_again", "new_for_you"}, optional
        Keep only what the member bought, or only what they never bought.
    among : bool array, shape (I,), optional
        Types that may be shown at all.

    Returns
    -------
    items : int32 array, shape (m, n)
        Indices into `seen.item_ids`, best first, −1 where fewer than n are left.
    scores : float32 array, shape (m, n)
        Their scores; −inf where there is no item.

    """
    lists = [chunk for _, *chunk in in_chunks(ranker, seen, members, n, slot=slot, among=among)]
    if not lists:
        return np.zeros((0, n), np.int32), np.zeros((0, n), np.float32)
    return np.concatenate([items for items, _ in lists]), np.concatenate([scores for _, scores in lists])


def in_chunks(ranker: Ranker, seen: Interactions, members, n: int, *, slot=None, among=None) -> Iterator[tuple]:
    """The same in chunks of (members, items, scores), so that memory does not grow with the number of members."""
    if slot in (None, NEW_FOR_YOU) and hasattr(ranker, "lists"):
        for start in range(0, len(members), LISTED):
            chunk = members[start : start + LISTED]
            yield (chunk, *ranker.lists(seen, chunk, n, are_new=slot == NEW_FOR_YOU, among=among))
        return
    for chunk in chunks(members, seen.shape[1]):
        scores = ranker.scores(seen, chunk)
        assert not np.isnan(scores).any(), f"{ranker.name} gave a score that is not a number"
        mask_slot(scores, seen, chunk, slot)
        if among is not None:
            scores[:, ~among] = NOTHING
        yield (chunk, *best(scores, n))


def chunks(members: np.ndarray, types: int) -> Iterator[np.ndarray]:
    """Members in parts small enough that a table of their scores stays small."""
    size = max(1, min(CHUNK, CELLS // max(types, 1)))
    for start in range(0, len(members), size):
        yield members[start : start + size]


def mask_slot(scores: np.ndarray, seen: Interactions, members: np.ndarray, slot: str | None) -> None:
    """Take out, in place, what the slot does not promise."""
    if slot is None:
        return
    if slot == NEW_PRODUCTS:
        scores[:, ~seen.is_new] = NOTHING
        return
    bought = seen.counts[members].toarray() > 0
    scores[~bought if slot == BUY_AGAIN else bought] = NOTHING


def best(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and scores of the n greatest of each row; equal scores in order of index; −1 where nothing is left."""
    rows, width = scores.shape
    if not rows or not width:
        return np.full((rows, n), -1, np.int32), np.full((rows, n), NOTHING, np.float32)
    kept = min(n, width)
    bar = np.partition(scores, width - kept, axis=1)[:, width - kept, None]
    row, item = np.nonzero((scores >= bar) & (scores > NOTHING))
    return best_of(row, item, scores[row, item], (rows, n))


def best_of(row: np.ndarray, item: np.ndarray, value: np.ndarray, shape: tuple[int, int]):
    """The same of scores that are given pair by pair, for `shape` (rows, n)."""
    order, found = np.full(shape, -1, np.int32), np.full(shape, NOTHING, np.float32)
    sort = np.lexsort((item, -value, row))  # ties at the bar may be many: the first by index are taken
    row, item, value = row[sort], item[sort], value[sort]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    short = (place < shape[1]) & (value > NOTHING)
    order[row[short], place[short]] = item[short]
    found[row[short], place[short]] = value[short]
    return order, found


def best_by_slot(scores: np.ndarray, seen: Interactions, members: np.ndarray, n: int) -> dict[str | None, np.ndarray]:
    """The n best types of each member for every slot, and for none (all of them): index −1 where nothing is left. Spends `scores`."""
    new = np.flatnonzero(seen.is_new)
    fresh, _ = best(scores[:, new], n)
    bought = seen.counts[members]
    row = np.repeat(np.arange(len(members)), np.diff(bought.indptr))
    again, again_scores = best_of(row, bought.indices, scores[row, bought.indices], (len(members), n))
    scores[row, bought.indices] = NOTHING
    other, other_scores = best(scores, n)
    both, values = np.c_[again, other], np.c_[again_scores, other_scores]
    place = np.repeat(np.arange(len(members)), 2 * n)
    everything, _ = best_of(place, both.ravel(), values.ravel(), (len(members), n))
    listed = np.where(fresh >= 0, new[fresh], -1) if len(new) else fresh
    return {None: everything, BUY_AGAIN: again, NEW_FOR_YOU: other, NEW_PRODUCTS: listed}
