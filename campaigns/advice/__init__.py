"""Recommended actions: what the shop's own figures speak for doing next, with what it should bring.

Each names the data it was read from, the rule it follows, and the expected value with its interval. A yes makes a campaign in
draft, with audience, holdout, offers and budget filled in; a marketer reads it, and it goes out only when they say so.
"""
