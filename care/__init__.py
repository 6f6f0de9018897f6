"""Care: cases, surveys, tasks and opportunities. It announces; it never sends.

Knows what a member asked and who answers; never how a message travels.
"""
