"""Random lives against the model for a minute, from a new seed each time; then every planted bug must be found.

The time-boxed form says how many lives it ran. The full form, which takes hours, runs by
`REGULARS_MODE=test python -m drills.machine LIVES STEPS [SEED]`, such as 20000 80; a seed that was printed runs the same again.
"""

import random
import sys
import time

from django.db import DatabaseError, connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from drills._database import _owner, database
from loyalty import rules, verifying
from sales import catalogue
from tests.loyalty.conftest import open_shop
from tests.loyalty.machine import TwoMembers, refuses
from tests.loyalty.mutations import MUTATIONS, mutated

SECONDS, BATCH, STEPS = 60, 20, 80
LIVES_A_BUG = 150
FOUND = (AssertionError, DatabaseError, ExceptionGroup, HypothesisException)


def run(report):
    begin = random.SystemRandom().randrange(10**6)
    with database("regulars_drill_machine") as name:
        lives, began = 0, time.monotonic()
        while time.monotonic() - began < SECONDS:
            _live(begin + lives, lives=BATCH, steps=STEPS)
            lives += BATCH
        broken = refuses(verifying.verify())
        report(
            "random lives that came to what the model says",
            lives,
            "≥ 20",
            lives >= BATCH,
            f"{STEPS} acts each, seed {begin}",
        )
        report("promises of the ledger broken after them", len(broken), "0", not broken, "; ".join(broken))
        missed = [bug for bug in MUTATIONS if not _is_found(name, bug)]
    bugs = len(MUTATIONS)
    report(
        "planted bugs found",
        f"{bugs - len(missed)} of {bugs}",
        "all",
        not missed,
        f"missed: {', '.join(missed)}" if missed else "",
    )


def _live(number: int, *, lives: int, steps: int, phases=tuple(Phase)):
    machine = seed(number)(type("TwoMembers", (TwoMembers,), {"shop": open_shop()}))
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
        _live(1, lives=LIVES_A_BUG, steps=30, phases=(Phase.generate,))
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


def _full(lives: int, steps: int, number: int):
    print(f"{lives} lives of {steps} acts, seed {number}", flush=True)
    with database("regulars_drill_machine"):
        for done in range(0, lives, BATCH):
            _live(number + done, lives=min(BATCH, lives - done), steps=steps)
            if done % 1000 == 0:
                print(f"{done} lived", flush=True)
        broken = refuses(verifying.verify())
    print("Every promise holds." if not broken else "\n".join(broken))
    sys.exit(bool(broken))


if __name__ == "__main__":
    import django

    django.setup()
    rules.forget()
    catalogue.forget()
    _full(
        int(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(10**6),
    )
