"""Whether every promise of the ledger holds."""

from loyalty import verifying


def assert_sound(*wallet_ids: int):
    """For these wallets, or for the whole ledger."""
    broken = [
        f"{finding.promise.code} {finding.promise.words}: {breach}"
        for finding in verifying.verify(wallet_ids=list(wallet_ids) or None)
        for breach in finding.breaches
    ]
    assert not broken, broken
