"""The posting function against PostgreSQL's own transactions: alternating, prepared, same server, clients and durability.

`record` is the statement that the application sends for a purchase of three lines, for a random member of 100,000 under a new
key each time: the receipt is stored, the points are posted. `award` is the same statement where storing the receipt is replaced
by a stub that only hands out an id, so that what remains is the ledger's own work: look-up, wallet lock, tier, remainder, lot,
window, transfer (which claims the key), award, wallet. The rivals are TPC-B-like (three updates, one select, one insert) and
`pgbench -N` (one update, one select, one insert). `mix` sends 85 % purchases, 10 % redemptions, 5 % refunds of a line.
"""

import contextlib
import statistics
import tempfile
from datetime import timedelta
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import _pgbench as pgbench
from bench import _wallets as wallets
from bench._scratch import database, owner
from loyalty import operations
from sales.models import Purchase

SECONDS, ROUNDS, MEMBERS = 4, 4, 100_000
SCALE = 16  # TPC-B-like branches: twice the clients, so that its rows do not queue
SALES = 4_000  # purchases that the mix may refund
KEY = {wallets.KEY: ("r", "random(1, 1000000000000000)")}
MEMBER = {str(wallets.MARKED_MEMBER): ("m", f"random(1, {MEMBERS})")}
MIX = (("record", 85), ("redeem", 10), ("refund", 5))


def run(report):
    with database("regulars_bench_awards") as name, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with owner(name) as db:
            wallets.fill(db, MEMBERS)
            wallets.shop()
            scripts = _scripts(Path(folder))
            queries = _queries_of_an_award()
        pgbench.call(name, "-i", "-q", "-s", str(SCALE))
        arms = _arms(name, scripts)
        for arm in arms.values():
            arm(1)  # no plan is made for empty tables, and the pages are warm
        with owner(name) as db:
            db.execute("VACUUM ANALYZE")
            updated, cold = _updates(db)
        runs = {arm: [] for arm in arms}
        for _ in range(ROUNDS):
            for arm, once in arms.items():
                runs[arm].append(once(SECONDS))
        with owner(name) as db:
            hot = 1 - (_updates(db)[1] - cold) / (_updates(db)[0] - updated)
    _report(report, runs)
    report("heap-only updates of wallets", f"{hot:.1%}", "> 95 %", hot > 0.95)
    report("statements of one award, seen from Django", queries, "1", queries == 1)


def _report(report, runs: dict[str, list[pgbench.Run]]):
    def compare(name, ours, rival, bar):
        ratio = _ratio(runs[ours], runs[rival])
        is_bar = isinstance(bar, float)
        said = round(ratio, 2), f"≥ {bar}" if is_bar else bar
        report(name, *said, not is_bar or ratio >= bar, _words(runs[ours], runs[rival]))

    compare("awards per TPC-B-like transaction", "award", "tpcb", 1.0)
    compare("awards per pgbench -N transaction", "award", "simple", 0.7)
    compare("whole purchases of three lines per TPC-B-like transaction", "record", "tpcb", "told")
    compare("85/10/5 purchases, redemptions, refunds per purchase", "mix", "record", 0.8)
    ours, rival = (statistics.median(run.wal_bytes for run in runs[arm]) for arm in ("award", "tpcb"))
    pages = (statistics.median(run.wal_page_bytes for run in runs[arm]) for arm in ("award", "tpcb"))
    note = f"{ours:,.0f} bytes beside {rival:,.0f}; whole pages since the last checkpoint {' and '.join(f'{size:,.0f}' for size in pages)} more"
    report(
        "WAL of an award per WAL of a TPC-B-like transaction", round(ours / rival, 2), "≤ 2", ours <= 2 * rival, note
    )


def _arms(name: str, scripts: dict[str, str]) -> dict:
    """What is compared, each a function of seconds."""

    def award(seconds):
        with _receipts_left_out(name):
            return pgbench.run(name, "-f", scripts["record"], seconds=seconds)

    def of(*arguments):
        return lambda seconds: pgbench.run(name, *arguments, seconds=seconds)

    mixed = [argument for script, weight in MIX for argument in ("-f", f"{scripts[script]}@{weight}")]
    return {
        "tpcb": of("--builtin=tpcb-like"), "award": award, "simple": of("--builtin=simple-update"),
        "record": of("-f", scripts["record"]), "mix": of(*mixed),
    }  # fmt: skip


_STUB = """
CREATE FUNCTION sales_store_purchase(
    bigint, text, bytea, smallint, bigint, bigint, bigint, timestamptz, text, bigint,
    bigint[], numeric[], text[], bigint[], smallint[], made uuid DEFAULT NULL, OUT purchase_id bigint, OUT public_id uuid, OUT outcome smallint
) LANGUAGE plpgsql AS $$ BEGIN
    purchase_id := nextval('sales_purchase_id_seq'); public_id := coalesce(made, gen_random_uuid()); outcome := 0;
END $$
"""


@contextlib.contextmanager
def _receipts_left_out(name: str):
    with owner(name) as db:
        db.execute("ALTER FUNCTION sales_store_purchase RENAME TO sales_store_purchase_whole")
        db.execute(_STUB)
        yield
        db.execute("DROP FUNCTION sales_store_purchase")
        db.execute("ALTER FUNCTION sales_store_purchase_whole RENAME TO sales_store_purchase")


def _scripts(folder: Path) -> dict[str, str]:
    for n in range(SALES):
        wallets.record(f"sale {n}", n + 1)
    sales = Purchase.objects.order_by("pk").values_list("pk", flat=True)
    first, last = sales[0], sales[SALES - 1]
    wallets.record("marked")
    sale = Purchase.objects.get(client_key="marked").pk
    later = wallets.AT + timedelta(hours=1)

    def redeem():
        operations.redeem(member_id=wallets.MARKED_MEMBER, points=1, source="till", client_key=wallets.KEY, at=later)

    def refund():
        operations.refund(
            source="till", client_key=f"back {wallets.KEY}", purchase_id=sale, lines=[(1, 0, 1)], refunded_at=later
        )

    return {
        "record": pgbench.script(folder, "record", lambda: wallets.record(f"new {wallets.KEY}"), KEY | MEMBER),
        "redeem": pgbench.script(folder, "redeem", redeem, KEY | MEMBER),
        "refund": pgbench.script(folder, "refund", refund, KEY | {str(sale): ("s", f"random({first}, {last})")}),
    }


def _queries_of_an_award() -> int:
    with CaptureQueriesContext(connection) as queries:
        wallets.record("counted")
    return len(queries)


def _ratio(ours: list[pgbench.Run], rival: list[pgbench.Run]) -> float:
    """How many of ours stand for one of the rival's: the median over rounds that ran side by side."""
    return statistics.median(one.tps / other.tps for one, other in zip(ours, rival, strict=True))


def _words(ours: list[pgbench.Run], rival: list[pgbench.Run]) -> str:
    def of(runs):
        return f"{statistics.median(run.tps for run in runs):,.0f}/s, {statistics.median(run.cpu_us for run in runs):,.0f} µs of server CPU"

    cpu = statistics.median(other.cpu_us / one.cpu_us for one, other in zip(ours, rival, strict=True))
    return f"{of(ours)}, beside {of(rival)} (by CPU {cpu:.2f}); {pgbench.CLIENTS} clients"


def _updates(db) -> tuple[int, int]:
    """Updates of wallets, and those of them that had to write the indexes too."""
    db.execute("SELECT pg_stat_force_next_flush()")
    return db.execute(
        "SELECT n_tup_upd, n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'loyalty_wallet'"
    ).fetchone()
