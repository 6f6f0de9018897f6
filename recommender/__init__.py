"""The recommender: what a member will want next, the offers made of it, and what came of them.

Knows purchases and offers; never campaigns. No ranker is published unless it beats counting on later weeks.
"""
