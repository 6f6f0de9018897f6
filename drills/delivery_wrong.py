"""Two claiming policies that are common and wrong, under the same kills: a drill that they pass proves nothing.

Reclaiming after a timeout (a visibility timeout, late acknowledgement) writes twice; a cursor moved at the fetch forgets.
"""

from drills import _killing as killing
from drills.delivery import SEED, afresh, eligible, finish, kill_repeatedly, stage, twice

KILLS, PEOPLE = 12, 1_500


def run(report):
    with stage(PEOPLE) as (workers, reference):
        hop = afresh(reference, PEOPLE)
        kill_repeatedly(workers, hop, killing.reclaim_after_timeout, kills=KILLS, seed=SEED + 2)
        finish(workers, hop)
        report("reclaim after timeout: got two", twice(hop), "> 0", twice(hop) > 0, "the drill bites")
        hop.close()
        hop = afresh(reference, PEOPLE)
        kill_repeatedly(workers, hop, killing.believe_at_fetch, kills=KILLS, seed=SEED + 3)
        finish(workers, hop)
        lost = len(eligible(PEOPLE) - set(hop.copies))
        report("cursor at fetch: got none", lost, "> 0", lost > 0, "the drill bites")
        hop.close()
