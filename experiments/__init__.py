"""Experiments: who was assigned to what, with which chance, and when.

Knows arms, shares and assignments; never what an arm does. An assignment is a stable hash and is never changed.
"""
