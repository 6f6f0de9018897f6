"""A million members' value model, fitted on weekly counts and on their raw rows, and everybody scored."""

import time

import numpy as np

from insights import value
from insights.value import BgNbd, History

MEMBERS, SEED, HORIZON_WEEKS = 1_000_000, 20_171, 39
TRUTH = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=0.0)  # as published for CDNOW


def lived() -> History:
    """Members who buy and leave as the model says."""
    chance = np.random.default_rng(SEED)
    age = chance.uniform(27, 39, MEMBERS)
    rate, leaving = chance.gamma(TRUTH.r, 1 / TRUTH.alpha, MEMBERS), chance.beta(TRUTH.a, TRUTH.b, MEMBERS)
    x, tx, at, alive = np.zeros(MEMBERS), np.zeros(MEMBERS), np.zeros(MEMBERS), np.ones(MEMBERS, bool)
    while alive.any():
        at += chance.exponential(1 / rate)
        alive &= at < age
        x[alive], tx[alive] = x[alive] + 1, at[alive]
        alive &= chance.random(MEMBERS) > leaving
    return History(x, tx, age, np.zeros(MEMBERS))


def run(report):
    raw = lived()
    cpu = time.process_time()
    rows, counts = raw.binned()
    fitted = value.fit_bg_nbd(rows, counts)
    cpu = time.process_time() - cpu
    report(
        "seconds of processor time to fit BG/NBD to a million members", round(cpu, 1), "at most 10", cpu <= 10,
        f"{len(counts):,} rows of weekly counts",
    )  # fmt: skip
    whole = value.fit_bg_nbd(raw)
    off = max(abs(getattr(fitted, name) / getattr(whole, name) - 1) for name in ("r", "alpha", "a", "b"))
    report("greatest distance of a parameter from the fit of raw rows", round(off, 4), "at most 0.01", off <= 0.01)
    cpu = time.process_time()
    expected, alive = fitted.purchases(raw, HORIZON_WEEKS), fitted.alive(raw)
    cpu = time.process_time() - cpu
    is_sound = bool(np.isfinite(expected).all() and ((alive >= 0) & (alive <= 1)).all())
    report("seconds to score them", round(cpu, 2), "at most 5, every number finite", cpu <= 5 and is_sound)
