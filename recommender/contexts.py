"""What is known of a member at the moment of choosing, as numbers about zero, each about one wide; and of each offer for them.

Written with the lists (`operations.contexts`), copied whenever something is chosen (`Situation`), so that what was known then can be
read later. Who is in no row has no known context: nothing was bought within the year, or personal recommendations were refused.
"""

import numpy as np

TRAITS = ("is_new", "is_leaving", "lateness", "trips", "price", "brand", "service")
"""Of a member: stage contact, new or developing (0 or 1); at risk or lapsed (0 or 1); the pause since the last purchase against their
usual one (doublings, a third of them, −1 to 1); ln(1 + shopping days of a year) / 5 − ½; and what they look for, as ranks among members
less ½ (0 where nothing speaks of it)."""
WIDTH = 1 + len(TRAITS) + 2
DAYS = 365


def circumstances(traits: np.ndarray, habits: np.ndarray) -> np.ndarray:
    """All that an outcome may depend on, shape (m, n, `WIDTH`): a one, the member's traits (m, T), how often they take of the offer's
    group (m, n), as a share of their shopping days, and the place of the offer in the eligible set (its discount, as in NDCG).
    """
    members, offers = habits.shape
    place = np.tile(1 / np.log2(np.arange(offers) + 2), (members, 1))
    wide = np.broadcast_to(traits[:, None, :], (members, offers, traits.shape[1]))
    return np.concatenate([np.ones((members, offers, 1)), wide, habits[..., None], place[..., None]], axis=2)
