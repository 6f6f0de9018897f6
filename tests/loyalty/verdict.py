"""Whether every promise of the ledger holds."""

from loyalty import verifying


def assert_sound():
    broken = [
        f"{finding.promise.code} {finding.promise.words}: {breach}"
        for finding in verifying.verify()
        for breach in finding.breaches
    ]
    assert not broken, broken
