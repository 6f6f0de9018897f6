"""The manager's pages over the ledger: acts held for review, wallets whose spending is stopped, what a point is worth.

They show what `loyalty.fraud` and `loyalty.liability` know and make one call to `loyalty.operations` each.
"""
