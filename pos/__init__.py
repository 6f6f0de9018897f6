"""The cashier's door: find a member, award, refund.

Translates, makes one call, translates back.
"""
