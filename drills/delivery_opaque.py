"""Workers are killed while they send to a server that nobody can ask afterwards: nobody is written to twice, and who may have been
left out is listed.

The same kills as in `delivery`, without an acceptance log.
"""

from drills import _killing as killing
from drills.delivery import CHUNK, PEOPLE, SEED, afresh, eligible, finish, kill_repeatedly, stage, twice, two_beats

KILLS = 200


def run(report):
    with stage() as (workers, reference):
        hop = afresh(reference)
        kills = kill_repeatedly(
            workers, hop, lambda: killing.sweep(hop, has_evidence=False), kills=KILLS, seed=SEED + 1,
            between=[two_beats],
        )  # fmt: skip
        finish(workers, hop)
        _check(report, hop, kills)
        hop.close()


def _check(report, hop, kills: int):
    ledger = killing.ledger()
    in_doubt, sent, got = ledger.get("in_doubt", set()), ledger.get("sent", set()), set(hop.copies)
    report("kills of workers", kills, f">= {KILLS}", kills >= KILLS, f"among {PEOPLE} messages")
    report("got two or more", twice(hop), 0, twice(hop) == 0)
    report("in doubt", len(in_doubt), f"<= {CHUNK * kills}", len(in_doubt) <= CHUNK * kills, "chunk × kills")
    unlisted = len(eligible(PEOPLE) - sent - in_doubt)
    report("neither sent nor listed", unlisted, 0, unlisted == 0)
    wrong = len(sent - got) + len(got - sent - in_doubt)
    report("said sent and was not, or the reverse", wrong, 0, wrong == 0)
