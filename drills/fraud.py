"""Crooks among a hundred thousand honest purchases: are they held within a minute, and who is held with them?"""

import random
import time

from django.db import connection

from drills._database import database
from drills._fraud import Town
from loyalty import verifying

PURCHASES, CROOKS = 100_000, 20


def run(report):
    seed = random.SystemRandom().randrange(10**6)
    with database("regulars_drill_fraud"):
        town = Town(purchases=PURCHASES, crooks=CROOKS, seed=seed)
        town.live()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        begun = time.monotonic()
        caught = town.screen()
        seconds = time.monotonic() - begun
        again = town.screen().new
        broken = [f"{f.promise.words}: {f.breaches[0]}" for f in verifying.verify() if f.breaches]
    note = f"seed {seed}; planted {caught.planted}, held {caught.held}"
    report("screening of all of them, seconds", round(seconds, 1), "≤ 60", seconds <= 60, f"{PURCHASES:,} purchases")
    report("planted acts held for review", f"{caught.recall:.1%}", "≥ 95%", caught.recall >= 0.95, note)
    report("honest purchases held", f"{caught.false_share:.3%}", "≤ 0.5%", caught.false_share <= 0.005)
    report("held anew by a second look", again, "0", again == 0)
    report("promises of the ledger broken", len(broken), "0", not broken, "; ".join(broken))
