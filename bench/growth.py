"""The posting function among 100,000 wallets and among 3,000,000: alternating, same server, prepared, same clients and durability.

The larger programme is made once, set by set, and kept on the embedded server under var/ (some 3 GB; minutes to make); later
runs post into it as it stands. Before the clock starts each page of the wallets has been written whole to the log since
the last checkpoint, in both, as in all but the first minutes after one. Members are drawn evenly, which is the
worst case for a cache. Storing the receipt is part of the act.
"""

import statistics
import tempfile
from pathlib import Path

from bench import _pgbench as pgbench
from bench import _scratch as scratch
from bench import _wallets as wallets

SMALL, LARGE = 100_000, 3_000_000
SECONDS, ROUNDS, DROP_MAX = 5, 4, 0.10
SIZES = (
    "loyalty_wallet",
    "members_member",
    "loyalty_transfer",
    "loyalty_award",
    "sales_purchase",
    "sales_purchaseline",
)
# One row of every page, locked and let go: its page goes to the log whole, and nothing else changes.
TOUCH = """
DO $$ BEGIN
    PERFORM FROM loyalty_wallet
      WHERE ctid = ANY (ARRAY(SELECT format('(%s,1)', n)::tid FROM generate_series(0, pg_relation_size('loyalty_wallet') / 8192 - 1) n))
        FOR NO KEY UPDATE;
END $$
"""


def run(report):
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch.kept("regulars_bench_growth_2", lambda db: _fill(db, LARGE)) as large,
        scratch.database("regulars_bench_growth") as small,
    ):
        Path(folder).chmod(0o755)
        with scratch.owner(small) as db:
            _fill(db, SMALL)
        scripts = {
            small: _script(Path(folder), "small", SMALL),
            large: _script(Path(folder), "large", LARGE),
        }
        rates = _alternate(scripts)
        with scratch.owner(large) as db:
            sizes = db.execute(
                "SELECT string_agg(format('%%s %%s', r.name, pg_size_pretty(pg_total_relation_size(r.name::regclass))), ', ')"
                " FROM unnest(%s::text[]) r (name)",
                [list(SIZES)],
            ).fetchone()[0]
    kept = statistics.median(big.tps / little.tps for little, big in zip(rates[small], rates[large], strict=True))
    by_cpu = statistics.median(
        little.cpu_us / big.cpu_us for little, big in zip(rates[small], rates[large], strict=True)
    )
    few, many = (statistics.median(run.tps for run in rates[name]) for name in (small, large))
    note = f"{many:,.0f}/s beside {few:,.0f}/s (by server CPU {by_cpu:.2f}); {sizes}"
    report(
        "purchases among 3,000,000 wallets ÷ among 100,000",
        round(kept, 2),
        f"≥ {1 - DROP_MAX}",
        kept >= 1 - DROP_MAX,
        note,
    )


def _fill(db, members: int):
    wallets.fill(db, members)
    wallets.shop()
    wallets.record("first")  # makes the source: both databases give it the same id


def _script(folder: Path, name: str, members: int) -> str:
    """What a till sends for a purchase of three lines, for any of so many members."""
    variables = {
        wallets.KEY: ("r", "random(1, 1000000000000000)"),
        str(wallets.MARKED_MEMBER): ("m", f"random(1, {members})"),
    }
    return pgbench.script(folder, name, lambda: wallets.record(f"new {name} {wallets.KEY}"), variables)


def _alternate(scripts: dict[str, str]) -> dict[str, list[pgbench.Run]]:
    rates: dict[str, list[pgbench.Run]] = {name: [] for name in scripts}
    for name, script in scripts.items():
        with scratch.owner(name) as db:
            db.execute("VACUUM ANALYZE")
            db.execute(TOUCH)
        pgbench.run(name, "-f", script, seconds=2)  # plans are made and pages are warm
    for _ in range(ROUNDS):
        for name, script in scripts.items():
            rates[name].append(pgbench.run(name, "-f", script, seconds=SECONDS))
    return rates
