"""The posting function against PostgreSQL's own TPC-B-like transaction: alternating, prepared, same server and durability.

`record`: loyalty_record_purchases called by pgbench for a random member of 100,000 under a new key each time, just as the
application calls it: a purchase with three lines is stored, and its points are posted. `award` is the same call where
storing the receipt is replaced by a stub that only hands out an id, so that what remains is the ledger's own work: wallet
lock, tier, remainder, lot, window, transfer (which claims the key), award. Partitions: the transfer table in months.
"""

import contextlib
import re
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from bench._scratch import database, owner
from loyalty.earning import Basket, Product, compile_rule_set

CLIENTS = 8
SECONDS = 4
ROUNDS = 3
WALLETS = 100_000
SCALE = 16  # TPC-B-like branches: twice the clients, so that its rows do not queue

CALL = """\\set m random(1, {wallets})
\\set r random(1, 1000000000000)
\\set a random(100, 20000)
SELECT * FROM loyalty_record_purchases(1::smallint, {rule_set}, {rule_set}, '{tiers}'::smallint[], '{{0,1000,3000}}'::bigint[],
 '{{100,125,150}}'::integer[],
 ARRAY[:client_id + {source}]::bigint[], ARRAY[(:r)::text], '{{"\\\\\\\\x000102030405060708090a0b0c0d0e0f"}}'::bytea[],
 ARRAY[:m]::bigint[], '{{NULL}}'::text[], '{{NULL}}'::bytea[], '{{{store}}}'::bigint[], ARRAY[now()], '{{USD}}'::text[],
 ARRAY[:a]::bigint[], {lines},
 '{{2026-03-10}}'::date[], '{{2027-03-31}}'::date[], ARRAY[:a * 10000]::bigint[], '{{0}}'::bigint[], '{{"{{{types}}}"}}'::text[],
 {micropoints}, NULL::text[], '{{"{{}}"}}'::jsonb[]);
"""
NO_LINES = "'{}'::int[], '{}'::smallint[], '{}'::bigint[], '{}'::numeric[], '{}'::text[], '{}'::bigint[]"
THREE_LINES = (
    "'{{1,1,1}}'::int[], '{{1,2,3}}'::smallint[], '{{{p},{q},{r}}}'::bigint[], '{{1,2,1.5}}'::numeric[],"
    ' \'{{"","",kg}}\'::text[], ARRAY[:a / 3, :a / 3, :a - 2 * (:a / 3)]::bigint[]'
)


def run(report):
    with database("regulars_bench_awards") as name, tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with owner(name) as db:
            _fill(db)
            scripts = _scripts(db, Path(folder))
            updated_before, cold_before = _updated(db), _cold(db)
        _pgbench(name, "-i", "-q", "-s", str(SCALE))
        _tps(name, "-f", scripts["record"])  # warm, so that no plan is made for empty tables
        with owner(name) as db:
            db.execute("VACUUM ANALYZE")
        ours, rival, record = [], [], []
        for _ in range(ROUNDS):
            record.append(_tps(name, "-f", scripts["record"]))
            rival.append(_tps(name, "--builtin=tpcb-like"))
            with _receipts_left_out(name):
                ours.append(_tps(name, "-f", scripts["award"]))
        ratio = statistics.median(o / r for o, r in zip(ours, rival, strict=True))
        full = statistics.median(o / r for o, r in zip(record, rival, strict=True))
        report("awards per TPC-B-like transaction", round(ratio, 2), "≥ 0.9", ratio >= 0.9, _words(ours, rival))
        report(
            "whole purchases of three lines per TPC-B-like transaction",
            round(full, 2),
            "told",
            holds=True,
            note=_words(record, rival),
        )
        with owner(name) as db:
            hot = 1 - (_cold(db) - cold_before) / (_updated(db) - updated_before)
        report("heap-only updates of wallets", f"{hot:.1%}", "> 95 %", hot > 0.95)
        first, again = _plan_microseconds()
        report(
            "50 rules on 30 lines, microseconds",
            round(again),
            "≤ 200",
            again <= 200,
            f"{first:.0f} for goods never seen",
        )
        _compare_partitions(report, name, scripts["award"])


_STUB = """
CREATE FUNCTION sales_store_purchases(
    bigint[], text[], bytea[], smallint[], bigint[], bigint[], bigint[], timestamptz[], text[], bigint[],
    integer[], smallint[], bigint[], numeric[], text[], bigint[], smallint[]
) RETURNS TABLE (place integer, purchase_id bigint, public_id uuid, outcome smallint)
LANGUAGE sql AS $$ SELECT 1, nextval('sales_purchase_id_seq'), gen_random_uuid(), 0::smallint $$
"""


@contextlib.contextmanager
def _receipts_left_out(name):
    with owner(name) as db:
        db.execute("ALTER FUNCTION sales_store_purchases RENAME TO sales_store_purchases_whole")
        db.execute(_STUB)
        yield
        db.execute("DROP FUNCTION sales_store_purchases")
        db.execute("ALTER FUNCTION sales_store_purchases_whole RENAME TO sales_store_purchases")


def _plan_microseconds() -> tuple[float, float]:
    """Fifty rules asked about a basket of thirty lines, new goods every time, so that nothing is remembered."""
    conditions = [{"categories": [f"C{n}"]} for n in range(40)] + [{"weekdays": [n % 7 + 1]} for n in range(10)]
    rules = [
        {"code": f"r{n}", "multiply_percent": 110 + n, "stacks": n % 3 == 0, "when": when}
        for n, when in enumerate(conditions)
    ]
    compiled = compile_rule_set({"earn": [{"currency": "USD", "points": 1, "per_minor": 100}], "rules": rules})
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    goods = [[Product(k * 30 + n, n, f"D > C{n} > T{n}") for n in range(30)] for k in range(200)]
    took = []
    for products in goods:
        begun = time.perf_counter()
        compiled.plan(Basket("USD", at, products, [999] * 30))
        took.append(time.perf_counter() - begun)
    known = [Basket("USD", at, products, [999] * 30) for products in goods]
    begun = time.perf_counter()
    for basket in known:
        compiled.plan(basket)
    return statistics.median(took) * 1e6, (time.perf_counter() - begun) / len(known) * 1e6


def _words(ours, rival) -> str:
    return f"median {statistics.median(ours):,.0f}/s beside {statistics.median(rival):,.0f}/s, {CLIENTS} clients"


def _compare_partitions(report, name, script):
    """The same award into monthly partitions, alternating with the plain table."""
    plain, parts = [], []
    for _ in range(ROUNDS):
        plain.append(_tps(name, "-f", script))
        _swap(name, "loyalty_transfer", "loyalty_transfer_plain", "loyalty_transfer_parts")
        parts.append(_tps(name, "-f", script))
        _swap(name, "loyalty_transfer", "loyalty_transfer_parts", "loyalty_transfer_plain")
    ratio = statistics.median(p / o for o, p in zip(plain, parts, strict=True))
    report(
        "awards into partitions per award into one table",
        round(ratio, 2),
        "told",
        holds=True,
        note=_words(parts, plain),
    )


def _swap(name, table, aside, other):
    with owner(name) as db, db.transaction():
        db.execute(f"ALTER TABLE {table} RENAME TO {aside}")
        db.execute(f"ALTER TABLE {other} RENAME TO {table}")


def _fill(db):
    db.execute(
        "INSERT INTO members_member (public_id, status, language, time_zone, country, lifecycle_stage, joined_at, custom_fields)"
        " SELECT gen_random_uuid(), 'active', 'en', 'America/New_York', '', 'new', now(), '{}' FROM generate_series(1, %s)",
        [WALLETS],
    )
    db.execute("SELECT loyalty_open_wallets(1::smallint, ARRAY(SELECT id FROM members_member))")
    # In steady state a wallet has a lot of last month and a window of several months.
    db.execute(
        "UPDATE loyalty_wallet SET lot_expires_on = '{2027-02-28,2027-03-31}', lot_points = '{30,12}', available = 42,"
        " qualifying_month = '2026-03-01', qualifying_micropoints = '{12000000,30000000,0,9000000}'"
    )
    db.execute("INSERT INTO sales_source (code, name) SELECT 'till-' || n, '' FROM generate_series(1, %s) n", [CLIENTS])
    db.execute("INSERT INTO sales_store (code, name, time_zone) VALUES ('S1', 'Main Street', 'America/New_York')")
    db.execute(
        "INSERT INTO sales_product (code, name, brand, is_service) SELECT 'p' || n, '', '', false FROM generate_series(1, 3) n"
    )
    db.execute(
        "CREATE TABLE loyalty_transfer_parts (LIKE loyalty_transfer INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (occurred_at)"
    )
    for month in range(1, 13):
        db.execute(
            f"CREATE TABLE loyalty_transfer_p{month} PARTITION OF loyalty_transfer_parts FOR VALUES FROM"
            f" (date_trunc('month', now()) + interval '{month - 6} months') TO (date_trunc('month', now()) + interval '{month - 5} months')"
        )
    db.execute("ALTER TABLE loyalty_transfer_parts ADD PRIMARY KEY (wallet_id, version, occurred_at)")
    db.execute("CREATE UNIQUE INDEX ON loyalty_transfer_parts (source_id, client_key, seq, occurred_at)")
    db.execute(f"GRANT SELECT, INSERT ON loyalty_transfer_parts TO {settings.DATABASE_APP_ROLE}")
    db.execute("VACUUM (ANALYZE, FULL) loyalty_wallet")
    db.execute("VACUUM ANALYZE")


def _scripts(db, folder: Path) -> dict[str, str]:
    def one(query):
        return db.execute(query).fetchone()[0]

    products = [row[0] for row in db.execute("SELECT id FROM sales_product ORDER BY id")]
    facts = {
        "wallets": WALLETS,
        "rule_set": one("SELECT max(id) FROM loyalty_ruleset"),
        "tiers": one("SELECT array_agg(id ORDER BY points_from)::text FROM loyalty_tier"),
        "source": one("SELECT min(id) FROM sales_source WHERE code LIKE 'till-%'"),
        "store": one("SELECT id FROM sales_store"),
    }
    lines = THREE_LINES.format(p=products[0], q=products[1], r=products[2])
    thirds = "ARRAY[format('{%s,%s,%s}', :a / 3 * 10000, :a / 3 * 10000, (:a - 2 * (:a / 3)) * 10000)]"
    made = {
        "award": CALL.format(lines=NO_LINES, types="", micropoints="'{\"{}\"}'::text[]", **facts),
        "record": CALL.format(lines=lines, types="NULL,NULL,NULL", micropoints=thirds, **facts),
    }
    paths = {}
    for script, text in made.items():
        path = folder / f"{script}.sql"
        path.write_text(" ".join(text.splitlines()[3:]).join(["\n".join(text.splitlines()[:3]) + "\n", "\n"]))
        path.chmod(0o644)
        paths[script] = str(path)
    return paths


def _updated(db) -> int:
    db.execute("SELECT pg_stat_force_next_flush()")
    return db.execute("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'loyalty_wallet'").fetchone()[0]


def _cold(db) -> int:
    """Updates that had to write the indexes too."""
    return db.execute(
        "SELECT n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'loyalty_wallet'"
    ).fetchone()[0]


def _tps(name: str, *arguments: str) -> float:
    said = _pgbench(name, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), *arguments)
    if failed := re.search(r"number of failed transactions: ([1-9]\d*)", said):
        raise RuntimeError(f"{failed[1]} transactions failed:\n{said}")
    return float(re.search(r"tps = ([\d.]+)", said)[1])


def _pgbench(name: str, *arguments: str) -> str:
    role = settings.DATABASE_OWNER if "-i" in arguments else settings.DATABASES["default"]
    if "--builtin=tpcb-like" in arguments:
        role = settings.DATABASE_OWNER
    done = subprocess.run(
        [str(settings.EMBEDDED_POSTGRES.bin / "pgbench"), "-h", str(role["HOST"]), "-p", str(role["PORT"]), "-U", role["USER"],
         *arguments, name],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout
