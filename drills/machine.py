"""Random lives against the model from a new seed each time, on all cores; then every planted bug must be found.

`make drill` lives for two minutes and says how many lives that were. `LIVES=20000 make drill ONLY=machine` lives so many, and says as it
goes with which SEED and how many LIVES it can be taken up from there; the same words live a broken life again.

A house is the lives of one database, so many of each kind: the jobs go through all wallets there are, so a new database is cheaper
than a full one. Its commits are not waited for, because nobody pulls a plug here; all promises are verified when its lives are over.
"""

import multiprocessing
import os
import random
import sys
import time
from functools import partial

from django.db import DatabaseError, connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from bench._scratch import database
from bench._scratch import owner as _owner
from loyalty import rules, verifying
from sales import catalogue
from tests.loyalty.conftest import open_shop
from tests.loyalty.machine import PLAIN, WAITING, WITH_VISITS, Members, open_programme, refuses
from tests.loyalty.mutations import MUTATIONS, mutated, rules_for

SECONDS, BATCH, STEPS = 120, 20, 80
HOUSES_MAX = 100_000
LIVES_A_BUG = 200
FOUND = (AssertionError, DatabaseError, ExceptionGroup, HypothesisException)
KINDS = [(PLAIN, 2), (WITH_VISITS, 2), (PLAIN, 3), (WAITING, 3)]  # what the rule set says, and how many members live
HOUSE = BATCH * len(KINDS)


def run(report):
    lives, begin = int(os.environ.get("LIVES") or 0), os.environ.get("SEED")
    begin = int(begin) if begin else random.SystemRandom().randrange(10**4) * HOUSE
    with database("regulars_drill_machine"):  # the template is made once, before the workers ask for it
        connection.close()
    begun = time.monotonic()
    done, broken = _on_all_cores(begin, lives=lives or sys.maxsize, until=0 if lives else time.time() + SECONDS)
    note = f"{STEPS} acts each, seed {begin}, {time.monotonic() - begun:.0f} s on {os.cpu_count()} cores"
    least = lives or BATCH
    report("random lives that came to what the model says", done, f"≥ {least}", done >= least, note)
    report("promises of the ledger broken after them", len(broken), "0", not broken, "; ".join(broken))
    with database("regulars_drill_machine") as name:
        missed = [bug for bug in MUTATIONS if not _is_found(name, bug)]
    bugs = len(MUTATIONS)
    report(
        "planted bugs found", f"{bugs - len(missed)} of {bugs}", "all", not missed, f"missed: {missed}" * bool(missed)
    )


def _on_all_cores(begin: int, *, lives: int, until: float) -> tuple[int, list[str]]:
    """So many lives, or until a moment, a process for each core and a database for each house. What breaks a life is raised."""
    houses = range(begin, begin + min(lives, HOUSES_MAX * HOUSE), HOUSE)
    begun, done, broken = time.monotonic(), 0, []
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        # In their order: what was lived is what comes before a seed.
        for lived, found in pool.imap(partial(_house, until=until), houses):
            done += lived
            broken += found
            if not until and done % (5 * HOUSE) == 0 and done < lives:
                took = time.monotonic() - begun
                print(
                    f"  {done:,} of {lives:,} lives in {took:.0f} s, {took / done * (lives - done) / 60:.0f} min to go;"
                    f" from here: SEED={begin + done} LIVES={lives - done} make drill ONLY=machine",
                    flush=True,
                )
    return done, broken


def _house(number: int, *, until: float) -> tuple[int, list[str]]:
    """The lives from this seed on, BATCH of each kind, and what they broke; none when time is over."""
    if until and time.time() > until:
        return 0, []
    with database(f"regulars_drill_machine_{number}") as name:
        with _owner(name) as db:
            db.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        try:
            for kind, (says, members) in enumerate(KINDS):
                _live(number + kind * BATCH, lives=BATCH, steps=STEPS, says=says, members=members)
        except BaseException:
            print(f"  a life broke: SEED={number} LIVES={HOUSE} make drill ONLY=machine lives it again", flush=True)
            raise
        broken = [f"seed {number}: {breach}" for breach in refuses(verifying.verify())]
        connection.close()
    return HOUSE, broken


def _live(number: int, *, lives: int, steps: int, says=PLAIN, members: int = 2, phases=tuple(Phase)):
    rules.forget()
    catalogue.forget()
    shop = open_shop()
    open_programme(says)
    machine = seed(number)(type("Members", (Members,), {"shop": shop, "says": says, "count": members}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives, stateful_step_count=steps, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip


def _is_found(name: str, bug: str) -> bool:
    """Plant the bug, live until it shows, and put the right functions back."""
    file, old, new = MUTATIONS[bug]
    _install(name, mutated(file, old, new))
    try:
        _live(1, lives=LIVES_A_BUG, steps=30, says=rules_for(bug), phases=(Phase.generate,))
    except FOUND:
        return True
    finally:
        _install(name, mutated(file, old, old))
        connection.close()
    return False


def _install(name: str, functions: str):
    with _owner(name) as db:
        db.execute("SET check_function_bodies = off")
        db.execute(functions)
