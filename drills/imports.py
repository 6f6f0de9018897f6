"""An import killed with SIGKILL again and again, each time started anew: is everything there once, and does the ledger agree?

A file of sales and refunds of a few members is imported by a process that is killed after a random moment, until one run
comes to its end. Another database imports the same file undisturbed. Both must hold the same purchases, lines, points and
balances, `verify_ledger` must find nothing, and no staging table may be left behind.
"""

import hashlib
import io
import multiprocessing
import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from drills._database import database

RECEIPTS, MEMBERS, KILLS = 1_800, 40, 4
BEGIN = datetime(2024, 1, 1, 9, tzinfo=UTC)
STATE = """
    SELECT (SELECT count(*) FROM sales_purchase), (SELECT count(*) FROM sales_purchaseline), (SELECT sum(total_minor) FROM sales_purchase),
           (SELECT count(*) FROM loyalty_transfer), (SELECT sum(points) FROM loyalty_transfer),
           (SELECT array_agg((i.value_hash, w.available, w.debt, w.version) ORDER BY i.value_hash)::text
              FROM loyalty_wallet w JOIN members_identifier i ON i.member_id = w.member_id AND i.kind = 'external')
"""
END_SESSIONS = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""
LEFT_BEHIND = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staged%'"


def run(report):
    path = _file()
    with database("regulars_drill_import_whole") as name:
        begun = time.monotonic()
        _import(name, path).join()
        seconds = time.monotonic() - begun
        whole = _ask(STATE)
    with database("regulars_drill_import_killed") as name:
        kills, partial = _kill(name, path, seconds)
        _import(name, path).join()
        resumed, left_behind = _ask(STATE), _ask(LEFT_BEHIND)[0]
        _import(name, path).join()
        again = _ask(STATE)
        ledger = _verified()
        _ask(END_SESSIONS)
    report("kills in mid-import", kills, "≥ 3", kills >= 3, f"receipts stored at each death: {partial}")
    digest = hashlib.sha256(repr(whole).encode()).hexdigest()[:8]
    report(
        "purchases, lines, points and balances equal an undisturbed import's",
        resumed == whole,
        "True",
        resumed == whole,
        f"{whole[0]:,} purchases, {digest}",
    )
    report("a further run changes nothing", again == resumed, "True", again == resumed)
    report("verify_ledger after it", ledger, "clean", ledger == "clean")
    report("staging tables left behind", left_behind, "0", left_behind == 0)


def _file():
    """Receipts of one to five lines, one in twelve followed by a refund, not in the order of time."""
    dice, lines, sold = random.Random(20), [], []
    for number in range(RECEIPTS):
        at, member = BEGIN + timedelta(minutes=7 * number), f"m{dice.randrange(MEMBERS)}"
        if sold and not number % 12:
            receipt, of, product, minor = f"back-{number}", *sold.pop(dice.randrange(len(sold)))[:3]
            member = of[1]
            lines.append(f"{receipt},{at.isoformat()},{member},S1,{product},-1,{-minor / 100:.2f},{of[0]}")
            continue
        for _ in range(dice.randrange(1, 6)):
            product, minor = f"p{dice.randrange(300)}", dice.randrange(0, 3000)
            lines.append(f"r{number},{at.isoformat()},{member},S1,{product},1,{minor / 100:.2f},")
        sold.append(((f"r{number}", member), product, minor))
    dice.shuffle(lines)
    folder = settings.VAR / "drills"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "purchases.csv"
    path.write_text("\n".join(["receipt,time,member,store,product,quantity,line_total,refunds_receipt", *lines]) + "\n")
    path.with_suffix(".toml").write_text('[read]\nmember_kind = "external"\n')
    return path


def _import(name, path):
    """The import in a process of its own, started."""
    connection.close()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(name, path))
    process.start()
    return process


def _child(name, path):
    connection.settings_dict["NAME"] = name
    call_command("import_purchases", path, mapping=path.with_suffix(".toml"), unknown_members="enrol", verbosity=0)


def _kill(name, path, seconds) -> tuple[int, list[int]]:
    """Kill import after import. Returns how many died before their end, and how much was stored at each death."""
    dice, partial = random.Random(9), []
    for _ in range(KILLS):
        process = _import(name, path)
        process.join(seconds * dice.uniform(0.2, 0.9))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            partial.append(_ask("SELECT count(*) FROM sales_purchase")[0])
    return len(partial), partial


def _ask(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def _verified() -> str:
    try:
        call_command("verify_ledger", stdout=io.StringIO())
    except SystemExit as broken:
        return "clean" if not broken.code else "broken"
    return "clean"
