"""What if other rules had been in force? Real history, replayed through the real engine, into tables nobody else sees.

Nothing here computes points: the posting functions themselves run against temporary copies of the ledger's tables, in a
session whose every transaction is read-only for everything else (docs/decisions/0116-a-what-if-runs-the-engine-itself.md).
"""
