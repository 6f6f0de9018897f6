"""Delivery: the outbox. A message is claimed before it is sent and is never silently sent twice.

Knows consent, suppression, pacing and provider events; never why a message was wanted.
"""
