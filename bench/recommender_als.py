"""Factors of a large retailer: a million members, fifty thousand types, twenty million cells, in one process of its own."""

import json
import subprocess
import sys

MEMBERS, ITEMS, CELLS, ROUNDS, FACTORS, SEED = 1_000_000, 50_000, 20_000_000, 2, 64, 20_171


def run(report):
    told = json.loads(subprocess.run([sys.executable, "-m", __name__], capture_output=True, check=True).stdout)
    cells = f"{told['cells']:,} cells, {FACTORS} factors"
    gigabytes = told["gigabytes"]
    report(
        "gigabytes to train factors of a million members", round(gigabytes, 2), "at most 1.5", gigabytes <= 1.5, cells
    )
    seconds = told["cpu"] / ROUNDS
    report("seconds of processor time a round", round(seconds, 1), "at most 25", seconds <= 25, cells)


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


def main():
    import resource
    import time

    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    bought = matrix()
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=FACTORS, regularization=30.0, alpha=1.0, iterations=ROUNDS, random_state=1, num_threads=2
        )
        cpu = time.process_time()
        model.fit(bought, show_progress=False)
        cpu = time.process_time() - cpu
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(json.dumps({"cpu": cpu, "gigabytes": gigabytes, "cells": int(bought.nnz)}))


if __name__ == "__main__":
    main()
