"""Campaigns: who gets what and when, who is held out, and what came of it.

Knows audiences, variants and outcomes; never how a message travels or how lift is computed.
"""
