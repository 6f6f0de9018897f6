"""Lift held against known truth: thousands of simulated experiments, read as the reports read them.

False wins while looking, coverage of the intervals, the power that was promised, what CUPED saves, and a broken split.
"""

import math

from drills import _experiments as simulated
from insights import lift

RUNS, COVERAGE_RUNS = 2_000, 10_000
ERROR = 1.96 * math.sqrt(0.05 * 0.95 / RUNS)
EFFECT, CORRELATION = 0.03, 0.7


def run(report):
    _looks(report, "members arriving", simulated.arriving(RUNS))
    _looks(report, "purchases coming in", simulated.accruing(RUNS))
    _coverage(report)
    _power(report)
    _splits(report)


def _looks(report, kind, found):
    bar = f"≤ 5 % + {ERROR:.1%}"
    live, end, either, naive = (found.share(n) for n in (found.live, found.planned_end, found.either, found.naive))
    note = f"{RUNS:,} A/A experiments, {simulated.LOOKS} looks each, {kind}"
    report(f"false wins at any look, always-valid interval ({kind})", f"{live:.1%}", bar, live <= 0.05 + ERROR, note)
    report(f"false wins at the planned end ({kind})", f"{end:.1%}", bar, end <= 0.05 + ERROR, note)
    report(f"false wins by either of the two ({kind})", f"{either:.1%}", bar, either <= 0.05 + ERROR, note)
    report(
        f"false wins of who looks {simulated.LOOKS} times naively ({kind})",
        f"{naive:.1%}",
        "≥ 15 %",
        naive >= 0.15,
        note,
    )


def _coverage(report):
    found = simulated.planted(COVERAGE_RUNS, n_control=400, n_treated=1600, effect=EFFECT, correlation=CORRELATION)
    named = {"Welch": found.covers, "relative": found.covers_relative, "CUPED": found.covers_cuped}
    for name, share in named.items():
        note = f"{COVERAGE_RUNS:,} experiments, 400 held out and 1,600 treated, skewed spend, planted {EFFECT:+.0%}"
        report(f"coverage of the 95 % interval, {name}", f"{share:.1%}", "94–96 %", 0.94 <= share <= 0.96, note)
    kept, expected = found.variance_kept, found.expected_kept
    is_near = abs(kept / expected - 1) <= 0.1
    report("variance left by CUPED", f"{kept:.3f}", f"1 − ρ² = {expected:.3f} ± 10 %", is_near, f"ρ = {CORRELATION}")


def _power(report):
    runs = 1_000
    error = 1.96 * math.sqrt(0.8 * 0.2 / runs)
    for correlation in (0.0, CORRELATION):
        needed = lift.sample_needed(1000, 1000, EFFECT, control_share=0.5, correlation=correlation)
        found = simulated.planted(
            runs, n_control=needed.n_control, n_treated=needed.n_treated, effect=EFFECT, correlation=correlation
        )
        share = found.found_cuped if correlation else found.found
        with_what = f"with CUPED at ρ = {correlation}" if correlation else "without CUPED"
        report(
            f"planted {EFFECT:+.0%} found {with_what}", f"{share:.1%}", f"80 % ± {error:.1%} as promised",
            abs(share - 0.8) <= error + 0.01, f"{needed.n:,} members by the calculator, {runs:,} experiments",
        )  # fmt: skip


def _splits(report):
    broken = simulated.splits(1_000, members=100_000, lost=0.04)
    honest = simulated.splits(20_000, members=100_000, lost=0.0)
    exact = lift.sample_ratio({"control": 50_000, "treated": 48_000}, {"control": 0.5, "treated": 0.5})
    report("a split of 50,000 : 48,000", exact.verdict, "red", exact.verdict == "red", f"p = {exact.p_value:.1e}")
    red = broken["red"] / 1_000
    report("splits at 100,000 members that lost 4 % of one arm, called red", f"{red:.1%}", "≥ 99 %", red >= 0.99)
    share = honest["red"] / 20_000
    report("honest splits called red", f"{share:.2%}", "≤ 0.1 % + 0.05 %", share <= 0.0015)
