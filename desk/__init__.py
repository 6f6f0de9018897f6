"""The service door: find a member, explain the ledger, put things right.

Translates, makes one call, translates back.
"""
