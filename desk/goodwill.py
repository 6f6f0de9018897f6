"""How many points somebody at the desk may give or take. Plain rules; the ledger keeps the proof."""

from datetime import timedelta

POINTS_PER_ACT_MAX = 500
POINTS_PER_MEMBER_MAX = 1_000  # given to one member within the window, by anybody
WINDOW = timedelta(days=30)


def allowed(points: int, *, given_lately: int) -> int:
    """The most that may be given (or taken, for negative `points`) now, on top of `given_lately` in the window."""
    if points < 0:
        return POINTS_PER_ACT_MAX
    return max(min(POINTS_PER_ACT_MAX, POINTS_PER_MEMBER_MAX - given_lately), 0)


def given_lately(entries, *, at) -> int:
    """Goodwill among ledger entries of the last thirty days."""
    lately = [entry for entry in entries if entry.reason == "goodwill" and entry.occurred_at > at - WINDOW]
    return sum(entry.points - entry.debt_change for entry in lately)
