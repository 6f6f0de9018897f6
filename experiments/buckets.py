"""Buckets: where chance puts a member. The same figure in Python and in SQL, so that either can check the other."""

import hashlib
import itertools

BUCKETS = 10_000

#: `{salt}` is a parameter, `{member}` the column of the member's public id. Eight hexadecimal digits are 32 bits, so the
#: remainder by 10,000 favours no bucket by more than one part in 400,000.
BUCKET_SQL = "mod(('x' || left(md5({salt} || ':' || {member}::text), 8))::bit(32)::bigint, 10000)"


def bucket(salt: str, member_public_id: object) -> int:
    """Return the member's bucket, 0…9999, under one experiment's salt."""
    digest = hashlib.md5(f"{salt}:{member_public_id}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % BUCKETS


def boundaries(shares: list[float]) -> list[tuple[int, int]]:
    """Cut the buckets into consecutive arms [from, to) of the given shares, which must add up to one.

    Cumulative rounding: no arm is off by more than one bucket, and none is lost. Raises ValueError with the remedy.
    """
    if not shares or any(share <= 0 for share in shares):
        raise ValueError("Every arm needs a share above zero; leave an empty arm out.")
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"The shares of the arms add up to {sum(shares):.4f}; make them add up to 1.")
    cuts, total = [0], 0.0
    for share in shares:
        total += share
        cuts.append(round(total * BUCKETS))
    cuts[-1] = BUCKETS
    pairs = list(itertools.pairwise(cuts))
    if any(low >= high for low, high in pairs):
        raise ValueError(f"An arm of less than 1 in {BUCKETS} would hold nobody; give it a larger share.")
    return pairs
