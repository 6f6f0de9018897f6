"""The dates of a series read as one."""

import numpy as np
import pytest

from campaigns.series import Date, of_reports, pool


def report(absolute, *, split="green", **facts):
    one = {
        "metric": "spend",
        "absolute": absolute,
        "standard_error": 4.0,
        "n_control": 100,
        "n_treated": 900,
        "mean_control": 50.0,
    }
    return {"primary": "spend", "comparisons": [one | facts], "sample_ratio": {"verdict": split}}


def test_everybody_who_was_sent_counts_once_a_date_and_a_broken_split_counts_not():
    pooled, broken = of_reports(
        [report(10.0), report(4.0, n_treated=300), report(99.0, split="red"), report(0, cannot=True)]
    )
    assert (pooled.dates, pooled.n_treated, broken) == (2, 1200, 1)
    assert pooled.absolute == pytest.approx((900 * 10 + 300 * 4) / 1200)
    assert pooled.low < pooled.absolute < pooled.high
    assert pooled.total == pytest.approx(900 * 10 + 300 * 4)


def test_more_dates_know_more_and_no_date_knows_nothing():
    one, eight = (pool([Date(5.0, 4.0, 100, 900, 50.0)] * n) for n in (1, 8))
    assert eight.high - eight.low < (one.high - one.low) / 2
    assert pool([]) is None


def test_a_series_without_effect_is_seldom_called_one_however_often_it_is_read():
    """Four hundred series of twelve dates, the same members on every date, read after each: five in a hundred at most, and some luck."""
    chance, found = np.random.default_rng(5), 0
    for _series in range(400):
        taste, dates, is_wrong = chance.gamma(2, 20, 500), [], False
        for _date in range(12):
            spend = taste + chance.normal(0, 10, 500)
            sent = chance.random(500) < 0.8
            a, b = spend[~sent], spend[sent]
            error = float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))
            dates.append(Date(float(b.mean() - a.mean()), error, len(a), len(b), float(a.mean())))
            told = pool(dates)
            is_wrong |= told.low > 0 or told.high < 0
        found += is_wrong
    assert found <= 30
