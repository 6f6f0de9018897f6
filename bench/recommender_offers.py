"""Offers for a hundred thousand members under budgets and stock: the proven gap, time and memory, beside greed."""

import resource
import time

import numpy as np

from recommender.assignment import Problem, by_prices, greedily

MEMBERS, OFFERS, SEED = 100_000, 200, 20_171


def planted() -> Problem:
    """Tastes that differ by member and category, half the offers paid from tight budgets, every third with a stock."""
    chance = np.random.default_rng(SEED)
    margin = chance.gamma(2, 1, (MEMBERS, 1)).astype(np.float32) * chance.gamma(2, 1, (1, OFFERS)).astype(np.float32)
    margin *= chance.random((MEMBERS, OFFERS), np.float32)
    margin -= 0.5
    offers = np.arange(OFFERS)
    return Problem(
        margin, chance.uniform(0.5, 2, OFFERS), budget=np.full(10, 0.03 * MEMBERS), budget_of=offers % 10,
        stock=np.where(offers % 3, np.inf, MEMBERS / 200), group_of=offers // 8, slots=3,
    )  # fmt: skip


def run(report):
    problem = planted()
    begun, cpu = time.perf_counter(), time.process_time()
    found = by_prices(problem)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    greedy = greedily(problem)
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    note = f"{MEMBERS:,} members × {OFFERS} offers, {len(found.member):,} given"
    report("what an assignment may have missed at most", round(found.gap, 5), "at most 0.01", found.gap <= 0.01, note)
    report(
        "seconds of processor time to assign", round(cpu, 1), "at most 60", cpu <= 60, f"{seconds:.0f} s by the clock"
    )
    report("gigabytes at the peak, greed included", round(gigabytes, 2), "at most 2", gigabytes <= 2)
    times = found.value / greedy.value
    report("worth over that of the greedy assignment", round(times, 3), "above 1", times > 1)
