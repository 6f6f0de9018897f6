"""How many points somebody at the desk may give or take, and why. Plain rules; the ledger keeps the proof."""

from dataclasses import dataclass

POINTS_PER_ACT_MAX = 500
POINTS_PER_MEMBER_MAX = 1_000
"""Given to one member in the last thirty days, by anybody."""
WINDOW_DAYS = 30


@dataclass(frozen=True)
class TooMuch:
    """Why not: `allowed` points could still be given now."""

    allowed: int


def refusal(points: int, *, given_lately: int) -> TooMuch | None:
    """None if `points` may be given (or taken, when negative) on top of `given_lately` in the window."""
    left = max(POINTS_PER_MEMBER_MAX - given_lately, 0)
    allowed = min(POINTS_PER_ACT_MAX, left) if points > 0 else POINTS_PER_ACT_MAX
    return TooMuch(allowed) if abs(points) > allowed else None
