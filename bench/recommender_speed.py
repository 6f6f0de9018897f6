"""Our ranker by factors beside implicit called bare, and one member's list after a purchase."""

import resource
import time

import numpy as np
from threadpoolctl import threadpool_limits

from recommender.interactions import Interactions
from recommender.rankers import MatrixFactorisation, TwoStage
from recommender.rankers.similar import THREADS
from recommender.ranking import rank

MEMBERS, ITEMS, PURCHASES, SEED = 20_000, 4_000, 600_000, 20_171
CATALOGUE = 50_000  # types of a large retailer, for lists by factors
MEMBERS_LISTED = 10_000


def shop(types: int = ITEMS) -> Interactions:
    chance = np.random.default_rng(SEED)
    popularity = 1 / np.arange(1, types + 1) ** 0.8
    items = chance.choice(types, PURCHASES, p=popularity / popularity.sum())
    taste = chance.integers(0, 8, MEMBERS)
    members = chance.integers(0, MEMBERS, PURCHASES)
    items = np.where(chance.random(PURCHASES) < 0.4, (items // 8) * 8 + taste[members], items)
    return Interactions.of(
        members, np.minimum(items, types - 1), chance.integers(0, 200, PURCHASES), until=200, item_ids=np.arange(types)
    )


def run(report):
    from implicit.als import AlternatingLeastSquares

    seen = shop(CATALOGUE)
    ours = MatrixFactorisation(factors=64)
    matrix = ours._weighted(seen)  # noqa: SLF001 - the same matrix for both
    spent = {"ours": [], "bare": []}
    for _ in range(3):
        cpu = time.process_time()
        ours.fit(seen)
        spent["ours"].append(time.process_time() - cpu)
        cpu = time.process_time()
        with threadpool_limits(1, "blas"):
            bare = AlternatingLeastSquares(
                factors=64, regularization=30.0, alpha=1.0, iterations=10, random_state=1, num_threads=THREADS
            )
            bare.fit(matrix, show_progress=False)
        spent["bare"].append(time.process_time() - cpu)
    share = min(spent["ours"]) / min(spent["bare"])
    report("training by factors over implicit called bare", round(share, 3), "at most 1.1", share <= 1.1)
    _batches(report, seen, ours, (bare, matrix))
    seen = shop()
    _one_member(report, seen)
    _everybody(report, seen)


def _batches(report, seen: Interactions, ours: MatrixFactorisation, theirs):
    """Lists of many members by factors, by turns; ours folds every member in on present purchases, implicit's own does not."""
    (bare, matrix), members, spent = theirs, np.arange(5000), {"ours": [], "bare": []}
    for _ in range(3):
        cpu = time.process_time()
        rank(ours, seen, members, 20)
        spent["ours"].append(time.process_time() - cpu)
        cpu = time.process_time()
        with threadpool_limits(1, "blas"):
            bare.recommend(members, matrix[members], N=20, filter_already_liked_items=False)
        spent["bare"].append(time.process_time() - cpu)
    share = min(spent["bare"]) / min(spent["ours"])
    report(
        "lists a second over implicit's own batch recommend", round(share, 3), "at least 0.5", share >= 0.5,
        f"{len(members) / min(spent['ours']):,.0f} lists a second of processor time among {CATALOGUE:,} types",
    )  # fmt: skip


def _everybody(report, seen: Interactions):
    """Two-stage lists of all, chunk by chunk: how fast, and whether memory grows with the members."""
    ranker = TwoStage(horizon_days=28, learner="logistic").fit(seen.only(np.arange(4000)))
    peaks, begun, cpu, listed = [], time.perf_counter(), time.process_time(), 0
    for start in range(0, MEMBERS_LISTED, 2000):
        items, _ = rank(ranker, seen, np.arange(start, start + 2000), 20)
        listed += len(items)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - begun
    minutes = 100_000 / listed * cpu / 60
    report(
        "two-stage lists of 100,000 members, minutes of processor time", round(minutes, 1), "at most 15", minutes <= 15,
        f"{listed:,} listed in {seconds:.0f} s, the rest by proportion",
    )  # fmt: skip
    growth = peaks[-1] - peaks[0]
    report(
        "gigabytes that memory grew from the first chunk to the last", round(growth, 3), "at most 0.1", growth <= 0.1
    )


def _one_member(report, seen: Interactions):
    """What a purchase costs: the member alone is read and scored, nothing is trained."""
    small = seen.only(np.arange(1500))
    ranker = TwoStage(horizon_days=28, learner="logistic").fit(small)
    factors = MatrixFactorisation(factors=64).fit(small)
    for name, one, bar in (
        ("folding a member in and listing", factors, 5),
        ("one member's two-stage list", ranker, 50),
    ):
        spent = []
        for member in range(60):
            alone = small.only(np.array([member]))
            cpu = time.process_time()
            rank(one, alone, np.array([0]), 20)
            spent.append(1000 * (time.process_time() - cpu))
        p95 = float(np.percentile(spent, 95))
        report(f"{name}, milliseconds of processor time (p95)", round(p95, 2), f"at most {bar}", p95 <= bar)
