"""The recommender: what a member will want next, the offers made of it, and what came of them.

Knows purchases and offers; never campaigns. No ranker is published unless it beats counting on later weeks.
A *slot* is a place with one promise: `buy_again` holds what the member buys already, `new_for_you` what they never
bought; the two are trained and judged apart. A *decision* is an offer given to a member for a cause, with the
probability the policy had of giving it (its *propensity*); an *exposure* is a decision that was shown.
"""
