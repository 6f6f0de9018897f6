"""Who is about to leave, why, and what is done about it: warnings in words, what holds a member, and interventions that keep
a holdout.

A warning says what changed (fewer purchases, frequent returns). The driver says what held the member (price, service, brand).
An intervention answers one driver, within a cap and a budget; chance decides who of those it fits is left alone, and its lift
is measured as any campaign's.
"""
