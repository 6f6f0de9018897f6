"""Which offer to whom: the greatest incremental margin under budgets, stock, slots and category caps. Arrays in, arrays out.

An integer programme. Where it is small it is solved exactly (scipy's HiGHS). Where it is large, prices are put on what is scarce
(Lagrangian relaxation, Fisher 1981): at given prices every member's best choice is found by itself, prices move by subgradient
steps, and what the priced choices overspend is repaired. The prices also prove a bound: no assignment can be worth more than it,
so the gap between what was found and the bound is printed, never guessed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix, vstack

EXACT_PAIRS = 20_000
GAP_MAX = 0.01
ROUNDS = 90
REPAIR_EVERY = 6
MEMORY = 0.3
CHUNK = 10_000
TAKEN_AT_ONCE = 500_000


@dataclass(frozen=True, eq=False)
class Problem:
    """What may be given and what holds it back.

    Attributes
    ----------
    margin : float32 array, shape (M, O)
        Expected incremental margin of giving offer o to member m; −inf where it may not be given.
    cost : float array, shape (M, O) or (O,)
        Expected cost of the benefit, in the unit of the budgets.
    budget : float array, shape (B,)
        Most that may be expected to be spent of each budget; inf for none.
    budget_of : int array, shape (O,)
        Which budget each offer is paid from.
    stock : float array, shape (O,)
        Most members who may be given each offer; inf for none.
    group_of : int array, shape (O,)
        Category of each offer.
    slots, per_group : int
        Most offers a member may get in all, and of one category.

    """

    margin: np.ndarray
    cost: np.ndarray
    budget: np.ndarray
    budget_of: np.ndarray
    stock: np.ndarray
    group_of: np.ndarray
    slots: int = 3
    per_group: int = 1

    def costs(self, rows=slice(None)) -> np.ndarray:
        """Costs of some members, (m, O)."""
        return self.cost[rows] if self.cost.ndim == 2 else np.broadcast_to(self.cost, self.margin[rows].shape)


@dataclass(frozen=True, eq=False)
class Solution:
    """Who gets what: parallel arrays; `value` is their margin, `bound` what none can exceed, `prices` of what is scarce."""

    member: np.ndarray
    offer: np.ndarray
    value: float
    bound: float
    budget_prices: np.ndarray
    stock_prices: np.ndarray
    method: str

    @property
    def gap(self) -> float:
        """Share of the bound that may have been missed."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0

    @property
    def words(self) -> str:
        return f"{len(self.member):,} offers worth {self.value:,.0f}, at most {self.gap:.2%} below the best possible ({self.method})"


def solve(problem: Problem) -> Solution:
    """Exactly where it fits, by prices beyond."""
    pairs = int((problem.margin > 0).sum())
    return exactly(problem) if pairs <= EXACT_PAIRS else by_prices(problem)


def exactly(problem: Problem) -> Solution:
    """The best assignment, by branch and bound (HiGHS)."""
    member, offer = np.nonzero(problem.margin > 0)
    if not len(member):
        return _solution(problem, member, offer, 0.0, method="exact")
    gains = problem.margin[member, offer].astype(float)
    spent = problem.costs()[member, offer]
    size, pairs = problem.margin.shape[0], np.arange(len(member))
    groups = problem.group_of[offer] + member * (problem.group_of.max() + 1)
    _, group = np.unique(groups, return_inverse=True)
    kinds = [
        (member, np.ones(len(member)), np.full(size, problem.slots)),
        (group, np.ones(len(member)), np.full(group.max() + 1, problem.per_group)),
        (offer, np.ones(len(member)), problem.stock),
        (problem.budget_of[offer], spent, problem.budget),
    ]
    rows = vstack([coo_matrix((w, (at, pairs)), shape=(len(most), len(member))) for at, w, most in kinds]).tocsr()
    most = np.concatenate([most for _, _, most in kinds]).astype(float)
    bounded = np.isfinite(most)
    limits = LinearConstraint(rows[bounded], -np.inf, most[bounded])
    found = milp(-gains, constraints=limits, integrality=np.ones(len(member)), bounds=Bounds(0, 1))
    chosen = found.x > 0.5
    return _solution(problem, member[chosen], offer[chosen], -found.mip_dual_bound, method="exact")


def by_prices(problem: Problem, *, rounds: int = ROUNDS, gap: float = GAP_MAX / 3) -> Solution:
    """Lagrangian prices of budgets and stock by subgradient steps; the best repaired choice against the best bound.

    Prices are scaled by what they price, so that a budget of thousands and a stock of ten move alike; a step keeps part of the
    last direction (Camerini, Fratta & Maffioli 1975), which zigzags less.
    """
    scarce = np.r_[problem.budget, problem.stock].astype(float)
    scale = np.where(np.isfinite(scarce), np.maximum(scarce, 1e-9), 1.0)
    price, direction = np.zeros(len(scarce)), np.zeros(len(scarce))
    best, bound, agility, since, proven = None, np.inf, 1.0, 0, price
    for n in range(rounds):
        split = np.split(price, [len(problem.budget)])
        member, offer, value = _choices(problem, *split)
        ceiling = value + _dot(price, scarce)
        since += 1
        if ceiling < bound:
            bound, since, proven = ceiling, 0, price
        elif since % 3 == 0:
            agility *= 0.7
        if best is None or n % REPAIR_EVERY == 0 or n == rounds - 1:
            kept = repaired(problem, member, offer, split)
            best = kept if best is None or kept[2] > best[2] else best
        if bound - best[2] <= gap * bound:
            break
        excess = np.where(np.isfinite(scarce), np.concatenate(_overspent(problem, member, offer)), 0.0) / scale
        excess[(price == 0) & (excess < 0)] = 0.0  # what is plentiful stays free
        direction = excess + MEMORY * direction
        if not (direction**2).sum():
            break
        step = agility * (ceiling - best[2]) / (direction**2).sum()
        price = np.maximum(price + step * direction / scale, 0.0)
    return _solution(problem, *best[:2], bound, method="prices", prices=tuple(np.split(proven, [len(problem.budget)])))


def greedily(problem: Problem) -> Solution:
    """The rival: the greatest margin first, whatever still fits."""
    member, offer = np.nonzero(problem.margin > 0)
    member, offer, _ = repaired(problem, member, offer, None, fills=False)
    return _solution(problem, member, offer, np.inf, method="greedy")


def _choices(problem: Problem, budget_price, stock_price) -> tuple[np.ndarray, np.ndarray, float]:
    """Every member's best offers at these prices: slots and category caps obeyed, budgets and stock not."""
    parts, value = [], 0.0
    price = budget_price[problem.budget_of]
    for start in range(0, len(problem.margin), CHUNK):
        rows = slice(start, start + CHUNK)
        worth = problem.margin[rows] - problem.costs(rows) * price - stock_price
        worth = np.where(np.isfinite(worth), worth, -1.0)
        member, offer, gained = _best_of_each(worth, problem)
        value += gained
        parts.append((member + start, offer))
    return *(np.concatenate(columns) for columns in zip(*parts, strict=True)), value


def _best_of_each(worth: np.ndarray, problem: Problem) -> tuple[np.ndarray, np.ndarray, float]:
    """Of each row the best offers above zero, at most `per_group` of a category and `slots` in all."""
    wide = min(worth.shape[1], problem.slots * 4 + 4)
    top = (
        np.argpartition(-worth, wide - 1, axis=1)[:, :wide]
        if wide < worth.shape[1]
        else np.tile(np.arange(wide), (len(worth), 1))
    )
    values = np.take_along_axis(worth, top, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    top, values = np.take_along_axis(top, order, axis=1), np.take_along_axis(values, order, axis=1)
    group = problem.group_of[top]
    earlier = np.tril(np.ones((wide, wide), bool), -1)
    same = ((group[:, :, None] == group[:, None, :]) & earlier).sum(axis=2)
    allowed = (same < problem.per_group) & (values > 0)
    allowed &= np.cumsum(allowed, axis=1) <= problem.slots
    _complete(worth, problem, (top, values, allowed))
    row, place = np.nonzero(allowed)
    return row, top[row, place], float(values[row, place].sum())


def _complete(worth, problem: Problem, found) -> None:
    """Where one category fills the shortlist, look again at all offers of that row, in place."""
    top, values, allowed = found
    short = np.flatnonzero((allowed.sum(axis=1) < problem.slots) & (values[:, -1] > 0))
    for row in short.tolist():
        taken, counts, slot = [], {}, 0
        for offer in np.argsort(-worth[row], kind="stable").tolist():
            group = int(problem.group_of[offer])
            if worth[row, offer] <= 0 or slot == problem.slots:
                break
            if counts.get(group, 0) < problem.per_group:
                counts[group] = counts.get(group, 0) + 1
                taken.append(offer)
                slot += 1
        allowed[row] = False
        top[row, : len(taken)], values[row, : len(taken)] = taken, worth[row, taken]
        allowed[row, : len(taken)] = True


def repaired(problem: Problem, member, offer, prices, *, fills: bool = True) -> tuple[np.ndarray, np.ndarray, float]:
    """What of these choices fits, the most worth for its price first; then what still fits is filled up by margin."""
    gains = problem.margin[member, offer]
    order = np.argsort(-_density(problem, member, offer, prices), kind="stable")
    state = _State(problem)
    kept = state.take(member[order], offer[order])
    members, offers, value = member[order][kept], offer[order][kept], float(gains[order][kept].sum(dtype=float))
    if not fills or not state.has_room():
        return members, offers, value
    more = _open_pairs(problem, state, members, offers)
    extra = state.take(*more)
    value += float(problem.margin[more[0][extra], more[1][extra]].sum())
    return np.r_[members, more[0][extra]], np.r_[offers, more[1][extra]], value


def _density(problem: Problem, member, offer, prices) -> np.ndarray:
    gains = problem.margin[member, offer]
    if prices is None:
        return gains
    spent = problem.costs()[member, offer]
    return gains - spent * prices[0][problem.budget_of[offer]] - prices[1][offer]


def _open_pairs(problem: Problem, state: "_State", members, offers) -> tuple[np.ndarray, np.ndarray]:
    """Pairs not yet chosen whose member, stock and budget have room, the greatest margin first; a bounded number of them."""
    free = np.flatnonzero(state.given < problem.slots)
    open_offers = np.flatnonzero((state.stock > 0) & (state.budget[problem.budget_of] > 0))
    if not len(free) or not len(open_offers):
        return np.zeros(0, int), np.zeros(0, int)
    pairs_max = 400_000
    free = free[: max(1, pairs_max // len(open_offers))]
    margin = problem.margin[np.ix_(free, open_offers)]
    row, column = np.nonzero(margin > 0)
    order = np.argsort(-margin[row, column], kind="stable")
    member, offer = free[row[order]], open_offers[column[order]]
    taken = set(zip(members.tolist(), offers.tolist(), strict=True))
    fresh = np.array([pair not in taken for pair in zip(member.tolist(), offer.tolist(), strict=True)], bool)
    return member[fresh], offer[fresh]


class _State:
    """What is left of budgets, stock, slots and category caps while pairs are taken in order."""

    def __init__(self, problem: Problem):
        self.problem = problem
        self.budget, self.stock = problem.budget.astype(float).copy(), problem.stock.astype(float).copy()
        self.given = np.zeros(len(problem.margin), int)
        self.of_group: dict[tuple[int, int], int] = {}

    def has_room(self) -> bool:
        return bool((self.stock > 0).any() and (self.budget > 0).any() and (self.given < self.problem.slots).any())

    def take(self, member: np.ndarray, offer: np.ndarray) -> np.ndarray:
        """Take what fits, in order; answer which were taken. A part at a time, because millions of Python numbers fill a machine."""
        parts = [
            self._take(member[start : start + TAKEN_AT_ONCE], offer[start : start + TAKEN_AT_ONCE])
            for start in range(0, len(member), TAKEN_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def _take(self, member: np.ndarray, offer: np.ndarray) -> np.ndarray:
        problem, kept = self.problem, np.zeros(len(member), bool)
        spent = problem.costs()[member, offer].tolist() if len(member) else []
        budget, stock, given = self.budget.tolist(), self.stock.tolist(), self.given.tolist()
        paid_from, group_of = problem.budget_of.tolist(), problem.group_of.tolist()
        for n, (m, o, cost) in enumerate(zip(member.tolist(), offer.tolist(), spent, strict=True)):
            purse, key = paid_from[o], (m, group_of[o])
            fits = given[m] < problem.slots and stock[o] >= 1 and budget[purse] >= cost
            if fits and self.of_group.get(key, 0) < problem.per_group:
                kept[n] = True
                budget[purse] -= cost
                stock[o] -= 1
                given[m] += 1
                self.of_group[key] = self.of_group.get(key, 0) + 1
        self.budget, self.stock, self.given = np.array(budget), np.array(stock), np.array(given)
        return kept


def _overspent(problem: Problem, member, offer) -> tuple[np.ndarray, np.ndarray]:
    spent = problem.costs()[member, offer]
    of_budget = np.bincount(problem.budget_of[offer], spent, len(problem.budget)) - problem.budget
    return of_budget, np.bincount(offer, minlength=len(problem.stock)) - problem.stock


def _dot(prices: np.ndarray, most: np.ndarray) -> float:
    return float((prices[prices > 0] * most[prices > 0]).sum())


def _solution(problem: Problem, member, offer, bound: float, *, method: str, prices=None) -> Solution:
    value = float(problem.margin[member, offer].sum())
    order = np.lexsort((offer, member))
    nothing = (np.zeros(len(problem.budget)), np.zeros(len(problem.stock)))
    return Solution(member[order], offer[order], value, max(bound, value), *(prices or nothing), method)


@dataclass(frozen=True)
class WhatIf:
    """What another budget would change."""

    factor: float
    value: float
    offers: int
    spent: float


def what_if(problem: Problem, factors: tuple[float, ...] = (0.8, 1.0, 1.2)) -> list[WhatIf]:
    """All budgets times each factor: what would be given, what it is worth, what it costs."""
    found = []
    for factor in factors:
        other = Problem(**{**vars(problem), "budget": problem.budget * factor})
        best = solve(other)
        spent = float(problem.costs()[best.member, best.offer].sum())
        found.append(WhatIf(factor, best.value, len(best.member), spent))
    return found


def incremental_margin(*, bought_anyway, bought_with, margin, benefit, contact=0.0) -> np.ndarray:
    """Expected margin that an offer adds: [p(with) − p(anyway)] × margin − p(with) × benefit − cost of contact.

    What is given away to who would have bought anyway is in the second term: an offer on a sure thing is worth less than
    nothing, so it becomes a reminder and no discount.
    """
    bought_anyway, bought_with = np.asarray(bought_anyway), np.asarray(bought_with)
    return (bought_with - bought_anyway) * margin - bought_with * benefit - contact
