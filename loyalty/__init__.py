"""Points: earned, spent, expired, and the tier they add up to.

Knows purchases and members; never who was emailed. A point is an integer.
Nothing here is edited: a mistake is answered by an opposite entry.
"""
