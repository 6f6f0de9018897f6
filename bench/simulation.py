"""A what-if over the Complete Journey: real purchases replayed under a draft, by the engine itself, in temporary tables.

By default the year's first quarter; `make bench ONLY=simulation` takes the whole year (155,848 receipts). The draft has rules of
several kinds, and the replay of the rules that were in force must give every award to the point.
"""

import sys
from datetime import date

from django.core.management import call_command

from bench import _scratch as scratch
from bench.imports import MAPPING, QUARTER_ENDS, _file, _in_a_process

PER_MINUTE = 200_000
DRAFT = {
    "earn": [{"currency": "USD", "points": 1, "per_minor": 100}],
    "expiry": {"months": 6},
    "tiers": {"silver": 125, "gold": 150},
    "point_cost": {"currency": "USD", "minor_per_1000": 800},
    "rules": [
        {"code": "fresh", "multiply_percent": 200, "when": {"categories": ["PRODUCE"], "weekdays": [2]}},
        {"code": "evening", "multiply_percent": 150, "when": {"hours": ["16:00", "18:30"]}, "stacks": True},
        {"code": "big", "bonus_points": 50, "when": {"basket_minor_from": 10000}},
        {"code": "tenth", "kind": "visits", "every": 10, "gives": {"points": 100}},
    ],
}


def run(report):
    is_whole = "simulation" in sys.argv[1:]
    path = _in_a_process(_file, None if is_whole else QUARTER_ENDS)
    mapping = path.with_suffix(".toml")
    mapping.write_text(MAPPING)
    of = "the whole year" if is_whole else "the first quarter"
    with scratch.database("regulars_bench_simulation"):
        call_command("import_purchases", path, mapping=mapping, unknown_members="enrol", verbosity=0)
        again = _what_if(version=1)
        under = _what_if(definition=DRAFT)
    same = again.result["points"]["issued"][0] == again.result["points"]["issued"][1] and not (
        again.result["members"]["better"] or again.result["members"]["worse"]
    )
    report("members whose points differ when the live rules are replayed", 0 if same else "some", "0", same)
    said = under.result["replayed"]
    note = f"{of}: {said['purchases']:,} purchases in {said['seconds']} s, tiers, refunds and expiry included"
    rate = said["per_minute"]
    report("purchases replayed under a draft, a minute", rate, f"≥ {PER_MINUTE:,}", rate >= PER_MINUTE, note)


def _what_if(*, version=None, definition=None):
    from loyalty import operations
    from loyalty.models import RuleSet
    from members import clock

    now = clock.now()
    about = {"rule_set": RuleSet.objects.get(version=version)} if version else {}
    if definition:
        about = {"draft": operations.create_draft(name="bench", definition=definition, by_user_id=None, at=now)}
    asked = operations.ask_what_if(since=date(2017, 1, 1), until=date(2017, 12, 31), at=now, **about)
    done = operations.run_what_if(simulation_id=asked.pk, at=now)
    assert not done.error, done.error
    return done
