"""The faults of `make drill ONLY=ledger` in their short forms; those that end sessions or the server run only there."""

from drills import ledger
from loyalty import verifying
from tests.loyalty.machine import PLAIN, open_programme, refuses

SHORT = {
    ledger._lost_replies: {"times": 4},
    ledger._refund_races_award: {"times": 4},
    ledger._midnight: {"times": 3},
    ledger._clocks: {},
    ledger._offline_till: {"receipts_each": 9},
    ledger._deadlock_storm: {"gifts": 6},
    ledger._hot_budget: {},
    ledger._wide_dates: {},
}


def test_what_was_acknowledged_stays_and_nothing_happens_twice(committed_shop):
    failed = []

    def report(name, value, bar, holds, note=""):
        if not holds:
            failed.append(f"{name}: {value} (bar: {bar}) {note}")

    open_programme(PLAIN)
    for number, (fault, sizes) in enumerate(SHORT.items()):
        fault(report, committed_shop, number, **sizes)
    assert failed == []
    assert refuses(verifying.verify()) == []
