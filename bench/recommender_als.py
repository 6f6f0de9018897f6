"""Factors of a large retailer: a million members, fifty thousand types, twenty million cells, in one process of its own."""

import json
import subprocess
import sys

MEMBERS, ITEMS, CELLS, ROUNDS, FACTORS, SEED = 1_000_000, 50_000, 20_000_000, 2, 64, 20_171


def run(report):
    told = {whose: _told(whose) for whose in ("bare", "ours")}
    ours, cells = told["ours"], f"{told['ours']['cells']:,} cells, {FACTORS} factors"
    gigabytes = ours["gigabytes"]
    report(
        "gigabytes to train factors of a million members", round(gigabytes, 2), "at most 1.5", gigabytes <= 1.5,
        f"{cells}; implicit called bare {told['bare']['gigabytes']:.2f}",
    )  # fmt: skip
    share = ours["cpu"] / told["bare"]["cpu"]
    report("the same, processor time over implicit called bare", round(share, 3), "at most 1.1", share <= 1.1, cells)
    seconds = ours["cpu"] / ROUNDS
    report("seconds of processor time a round", round(seconds, 1), "at most 25", seconds <= 25, cells)


def _told(whose: str) -> dict:
    """A process of its own, so that each has its own peak of memory."""
    return json.loads(subprocess.run([sys.executable, "-m", __name__, whose], capture_output=True, check=True).stdout)


def matrix():
    """Members with a geometric number of types, popular types more often: csr, float32, int32, made row block by row block."""
    import numpy as np
    from scipy.sparse import csr_matrix

    chance = np.random.default_rng(SEED)
    popularity = np.cumsum(1 / np.arange(1, ITEMS + 1) ** 0.7)
    sizes = np.minimum(chance.geometric(MEMBERS / CELLS, MEMBERS), 400)
    indptr = np.r_[0, np.cumsum(sizes)].astype(np.int32)
    indices = np.empty(indptr[-1], np.int32)
    for start in range(0, len(indices), 1_000_000):
        part = indices[start : start + 1_000_000]
        part[:] = np.searchsorted(popularity, chance.random(len(part)) * popularity[-1])
    data = np.ones(len(indices), np.float32)
    found = csr_matrix((data, indices, indptr), shape=(MEMBERS, ITEMS))
    found.sum_duplicates()
    return found


class Bought:
    """As much of interactions as factors are trained on."""

    def __init__(self, counts):
        self.counts, self.shape = counts, counts.shape


def main(whose: str):
    import resource
    import time

    from implicit.als import AlternatingLeastSquares  # noqa: F401 - what is imported is not what is measured

    from recommender.rankers import MatrixFactorisation  # noqa: F401

    bought = matrix()
    cpu = time.process_time()
    {"ours": ours, "bare": bare}[whose](bought)
    cpu = time.process_time() - cpu
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(json.dumps({"cpu": cpu, "gigabytes": gigabytes, "cells": int(bought.nnz)}))


def ours(bought):
    from recommender.rankers import MatrixFactorisation

    MatrixFactorisation(factors=FACTORS, rounds=ROUNDS).fit(Bought(bought))


def bare(bought):
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        AlternatingLeastSquares(
            factors=FACTORS, regularization=30.0, alpha=1.0, iterations=ROUNDS, random_state=1, num_threads=2
        ).fit(bought, show_progress=False)


if __name__ == "__main__":
    main(sys.argv[1])
