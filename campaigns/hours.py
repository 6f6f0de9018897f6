"""At which hour of their own day a member is best written to: learned from when they follow links and when they buy.

Plain rules: counts in, an hour out. Nobody's few clicks decide alone: they are weighed against what is usual among all members,
so who has done nothing yet gets the usual hour, and each act of their own moves it (a Dirichlet prior; Gelman et al., Bayesian
Data Analysis, 3.4). Hours are neighbours: an act at ten says something of nine and eleven too. An e-mail is read before one
buys, so a purchase speaks for the hour before it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping

HOURS = range(24)
CLICK, PURCHASE = 3.0, 1.0
"""What an act weighs. A click answered a message; a purchase only says that the member was awake and about."""
PRIOR = 10.0  # what is usual weighs as much as so many purchases
NEAR = 0.5  # what an act says of the hours beside its own
DAYTIME = range(8, 21)
"""Hours that may be chosen, whatever was learned: nobody asked for a message at three, and at nine in the evening quiet hours begin."""


def acts(clicks: Mapping[int, int], purchases: Mapping[int, int]) -> dict[int, float]:
    """What was done at each hour 0 … 23, weighed: of one member, or of all."""
    found: dict[int, float] = defaultdict(float)
    for hour, n in clicks.items():
        found[hour % 24] += CLICK * n
    for hour, n in purchases.items():
        found[(hour - 1) % 24] += PURCHASE * n
    return found


def smoothed(counts: Mapping[int, float]) -> list[float]:
    """Each hour with half of what its neighbours have; the day is a circle."""
    return [counts.get(h, 0) + NEAR * (counts.get((h - 1) % 24, 0) + counts.get((h + 1) % 24, 0)) for h in HOURS]


def usual(counts: Mapping[int, float]) -> list[float]:
    """The share of each hour among everybody's acts; all alike where nobody has done anything."""
    smooth = smoothed(counts)
    whole = sum(smooth)
    return [one / whole for one in smooth] if whole else [1 / 24] * 24


def best(own: Mapping[int, float], usual_shares: list[float], *, allowed: Collection[int] = DAYTIME) -> int:
    """The hour with the most behind it, among those allowed; the earliest of equals."""
    smooth = smoothed(own)
    return max(sorted(allowed), key=lambda h: smooth[h] + PRIOR * usual_shares[h])
