"""What points buy and how they come back: holds, rewards, vouchers, gift cards, the tender of a purchase.

Rules in plain Python and the tables they stand in; the verbs are in `loyalty/operations/`, the movements in `loyalty/sql/`.
"""
