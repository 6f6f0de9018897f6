"""Random lives against the model from a new seed each time, on all cores; then every planted bug must be found.

`make drill` lives for two minutes and says how many lives that were. The full form is `drills/_lives.py`.
"""

import multiprocessing
import os
import random
import sys
import time

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
LIVES_A_BUG = 200
FOUND = (AssertionError, DatabaseError, ExceptionGroup, HypothesisException)
KINDS = [(PLAIN, 2), (WITH_VISITS, 2), (PLAIN, 3), (WAITING, 3)]  # what the rule set says, and how many members live


def run(report):
    begin = random.SystemRandom().randrange(10**6)
    with database("regulars_drill_machine") as name:  # the template is made once, before the workers ask for it
        missed = [bug for bug in MUTATIONS if not _is_found(name, bug)]
    lives, broken = _on_all_cores(begin, until=time.time() + SECONDS, steps=STEPS)
    note = f"{STEPS} acts each, seed {begin}, {SECONDS} s on {os.cpu_count()} cores"
    report("random lives that came to what the model says", lives, f"≥ {BATCH}", lives >= BATCH, note)
    report("promises of the ledger broken after them", len(broken), "0", not broken, "; ".join(broken))
    bugs = len(MUTATIONS)
    report(
        "planted bugs found", f"{bugs - len(missed)} of {bugs}", "all", not missed, f"missed: {missed}" * bool(missed)
    )


def _on_all_cores(begin: int, *, steps: int, until: float = 0.0, lives: int = 0) -> tuple[int, list[str]]:
    """Live until a moment, or so many lives, in a process and a database for each core. What breaks a life is raised."""
    connection.close()
    workers = os.cpu_count()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        parts = [(begin, number, workers, steps, until, lives) for number in range(workers)]
        found = pool.map(_part, parts, chunksize=1)
    return sum(done for done, _broken in found), [one for _done, broken in found for one in broken]


def _part(asked: tuple) -> tuple[int, list[str]]:
    """Every so many-th batch of lives, each from a seed of its own; the kinds take turns."""
    begin, number, workers, steps, until, lives = asked
    done = 0
    with database(f"regulars_drill_machine_{number}"):
        for batch in range(number, sys.maxsize, workers):
            if (until and time.time() > until) or (lives and batch * BATCH >= lives):
                break
            says, members = KINDS[batch % len(KINDS)]
            _live(begin + batch * BATCH, lives=BATCH, steps=steps, says=says, members=members)
            done += BATCH
            if not until and done % 500 == 0:
                print(f"worker {number}: {done} lived", flush=True)
        broken = refuses(verifying.verify())
        connection.close()
    return done, broken


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


def live_fully(lives: int, steps: int, number: int):
    print(f"{lives} lives of {steps} acts, seed {number}", flush=True)
    with database("regulars_drill_machine"):
        connection.close()
    begun = time.monotonic()
    done, broken = _on_all_cores(number, steps=steps, lives=lives)
    print(f"{done} lives of {steps} acts in {time.monotonic() - begun:.0f} s")
    print("Every promise holds." if not broken else "\n".join(broken))
    sys.exit(bool(broken))
