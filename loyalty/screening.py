"""Look through what was posted lately for patterns of fraud, and hold what fits one for review, with what was seen.

Set-based and by time, so that a hundred thousand purchases take seconds. What was held once is never held again. An import
of old receipts is history and not looked at: only acts that happened in the last days are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from loyalty import fraud
from loyalty.events import settled_until
from loyalty.fraud import Limits
from loyalty.models import Review, Screening
from loyalty.operations.reviews import hold_for_review
from members.crypto import keyed_hash
from members.models import Identifier, User

FIRST_LOOK = timedelta(days=1)


@dataclass(frozen=True)
class Suspect:
    """An act by its wallet and version, the pattern it fits, and the facts that were seen."""

    wallet_id: int
    version: int
    pattern: str
    facts: dict


@dataclass(frozen=True)
class Screened:
    """How many acts were newly held, by pattern, and points that wait for a decision because of it."""

    held: Counter = field(default_factory=Counter)
    points: int = 0


@transaction.atomic
def screen(*, at: datetime, limits: Limits = fraud.LIMITS) -> Screened:
    """Screen what was posted since the last time. `at` is the shop's time; posting is measured by the real clock."""
    horizon = settled_until()
    Screening.objects.get_or_create(pk=1, defaults={"posted_until": horizon - FIRST_LOOK})
    done = Screening.objects.select_for_update(skip_locked=True).first()
    if done is None:  # another worker is looking
        return Screened()
    since = done.posted_until
    held, points = Counter(), 0
    for suspect in _suspects(since, at, limits):
        review = hold_for_review(
            wallet_id=suspect.wallet_id, version=suspect.version, pattern=suspect.pattern, facts=suspect.facts, at=at
        )
        if review is not None and review.is_new:
            held[suspect.pattern] += 1
            points += review.held
    Screening.objects.filter(pk=1).update(posted_until=max(since, horizon))
    return Screened(held, points)


def _suspects(since: datetime, at: datetime, limits: Limits) -> Iterator[Suspect]:
    """Acts that fit a pattern and were not held before, in the order of wallets, so that locks are taken in one order."""
    found = {}
    for suspect in (
        *_too_fast(since, at, limits), *_in_circles(since, at, limits), *_self_awarded(since, at, limits),
        *_referral_rings(since, at, limits),
    ):  # fmt: skip
        found.setdefault((suspect.wallet_id, suspect.version), suspect)
    known = Review.objects.filter(wallet_id__in={wallet for wallet, _version in found})
    known = set(known.values_list("wallet_id", "version"))
    return iter(found[key] for key in sorted(found.keys() - known))


def _ask(query: str, asked: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        return cursor.fetchall()


_BURSTS = """
WITH touched AS MATERIALIZED (
    SELECT DISTINCT w.id, w.member_id FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
     WHERE t.posted_at >= %(since)s AND t.reason = 'purchase' AND t.occurred_at > %(from)s AND w.member_id IS NOT NULL
       AND w.currency_id = 1
), bought AS MATERIALIZED (
    SELECT t.id AS wallet_id, p.id, p.source_id, p.client_key, p.purchased_at,
           count(*) OVER (PARTITION BY t.id ORDER BY p.purchased_at RANGE BETWEEN %(hour)s PRECEDING AND CURRENT ROW) AS within
      FROM touched t JOIN sales_purchase p ON p.member_id = t.member_id AND p.kind = 1
     WHERE p.purchased_at > %(from)s AND p.purchased_at <= %(until)s
), counted AS (
    SELECT *, max(within) OVER (PARTITION BY wallet_id ORDER BY purchased_at RANGE BETWEEN CURRENT ROW AND %(hour)s FOLLOWING) AS burst
      FROM bought
), flagged AS MATERIALIZED (
    SELECT wallet_id, source_id, client_key, burst FROM counted WHERE burst > %(most)s
)
SELECT f.wallet_id, t.version, f.burst
  FROM flagged f JOIN loyalty_transfer t
       ON t.source_id = f.source_id AND t.client_key = f.client_key AND t.seq = 0 AND t.wallet_id = f.wallet_id
"""


def _too_fast(since: datetime, at: datetime, limits: Limits) -> Iterator[Suspect]:
    """More purchases of one member within an hour than anybody makes: a card passed around, or a till that repeats itself."""
    asked = {
        "since": since,
        "from": at - limits.looks_back,
        "until": at + timedelta(days=1),
        "hour": limits.burst_within,
    }
    for wallet, version, count in _ask(_BURSTS, asked | {"most": limits.burst_purchases_max}):
        yield Suspect(wallet, version, Review.Pattern.VELOCITY, {"purchases": count})


_CIRCLES = """
WITH touched AS MATERIALIZED (
    SELECT DISTINCT w.id, w.member_id FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
     WHERE t.posted_at >= %(since)s AND t.reason = 'refund' AND t.occurred_at > %(from)s AND w.member_id IS NOT NULL
), bought AS MATERIALIZED (
    SELECT t.id AS wallet_id, p.source_id, p.client_key, p.purchased_at,
           coalesce((SELECT -sum(r.total_minor) FROM sales_purchase r WHERE r.refunds_id = p.id), 0) >= p.total_minor * 0.9 AS is_back
      FROM touched t JOIN sales_purchase p ON p.member_id = t.member_id AND p.kind = 1 AND p.total_minor > 0
     WHERE p.purchased_at > %(from)s
), circles AS MATERIALIZED (
    SELECT wallet_id, count(*) AS bought, count(*) FILTER (WHERE is_back) AS back,
           max(purchased_at) FILTER (WHERE is_back) AS last_back
      FROM bought GROUP BY 1
    HAVING count(*) FILTER (WHERE is_back) >= %(least)s AND count(*) FILTER (WHERE is_back) >= count(*) * %(share)s
)
SELECT b.wallet_id, t.version, c.bought, c.back
  FROM bought b JOIN circles c USING (wallet_id)
  JOIN loyalty_transfer t ON t.source_id = b.source_id AND t.client_key = b.client_key AND t.seq = 0 AND t.wallet_id = b.wallet_id
 WHERE NOT b.is_back OR b.purchased_at = c.last_back
"""


def _in_circles(since: datetime, at: datetime, limits: Limits) -> Iterator[Suspect]:
    """Bought and returned again and again: points are spent in between. Held is what was not returned, and the last return."""
    asked = {"since": since, "from": at - limits.circles_within}
    for wallet, version, bought, back in _ask(
        _CIRCLES, asked | {"least": limits.circles_min, "share": limits.circles_share}
    ):
        yield Suspect(wallet, version, Review.Pattern.REFUND_CYCLING, {"purchases": bought, "refunded": back})


_GOODWILL = """
SELECT t.wallet_id, t.version, t.by_user_id, w.member_id,
       count(*) OVER (PARTITION BY t.by_user_id, t.wallet_id) AS times, sum(t.points) OVER (PARTITION BY t.by_user_id, t.wallet_id) AS points
  FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id
 WHERE t.reason = 'goodwill' AND t.by_user_id IS NOT NULL AND t.credit_account = 10 AND t.occurred_at > %(from)s
   AND (t.by_user_id, t.wallet_id) IN (SELECT g.by_user_id, g.wallet_id FROM loyalty_transfer g
                                        WHERE g.posted_at >= %(since)s AND g.reason = 'goodwill' AND g.by_user_id IS NOT NULL)
"""


def _self_awarded(since: datetime, at: datetime, limits: Limits) -> Iterator[Suspect]:
    """Staff who give points to their own card (known by the same e-mail), or to one card again and again."""
    rows = _ask(_GOODWILL, {"since": since, "from": at - limits.goodwill_within})
    own = _own_members({row[2] for row in rows})
    for wallet, version, user, member, times, points in rows:
        is_own = member in own.get(user, ())
        if is_own or times > limits.goodwill_to_one_max:
            facts = {"times": times, "points": int(points), "user": user, "is_own": is_own}
            yield Suspect(wallet, version, Review.Pattern.SELF_AWARD, facts)


def _own_members(users: set[int]) -> dict[int, set[int]]:
    """Members whose e-mail address is that of a member of staff."""
    hashes = {
        keyed_hash(user.email.lower(), kind="email"): user.pk
        for user in User.objects.filter(pk__in=users)
        if user.email
    }
    own = {}
    for kept, member in Identifier.objects.filter(kind="email", value_hash__in=hashes).values_list(
        "value_hash", "member_id"
    ):
        own.setdefault(hashes[bytes(kept)], set()).add(member)
    return own


_RINGS = """
WITH RECURSIVE paid AS MATERIALIZED (
    SELECT DISTINCT split_part(t.client_key, ':', 2)::bigint AS id FROM loyalty_transfer t
     WHERE t.posted_at >= %(since)s AND t.reason = 'bonus' AND t.client_key LIKE 'referral:%%'
), chain AS (
    SELECT r.id AS start, r.friend_id AS first, r.referrer_id AS here, 1 AS steps, ARRAY[r.id] AS ids
      FROM loyalty_referral r JOIN paid USING (id)
     UNION ALL
    SELECT c.start, c.first, r.referrer_id, c.steps + 1, c.ids || r.id
      FROM chain c JOIN loyalty_referral r ON r.friend_id = c.here
     WHERE c.here <> c.first AND c.steps < %(longest)s
), rings AS MATERIALIZED (
    SELECT unnest(ids) AS id, steps FROM chain WHERE here = first
), stars AS MATERIALIZED (
    SELECT r.id, count(*) OVER (PARTITION BY r.referrer_id) AS friends
      FROM loyalty_referral r
     WHERE r.state = 'paid' AND r.settled_at > %(from)s
       AND r.referrer_id IN (SELECT v.referrer_id FROM loyalty_referral v JOIN paid USING (id))
), flagged AS MATERIALIZED (
    SELECT id, max(steps) AS steps, 0::bigint AS friends FROM rings GROUP BY 1
     UNION ALL
    SELECT id, 0, friends FROM stars WHERE friends > %(most)s
)
SELECT t.wallet_id, min(t.version), max(f.steps), max(f.friends)
  FROM flagged f JOIN loyalty_referral r USING (id)
  JOIN loyalty_wallet w ON w.member_id = r.referrer_id
  JOIN loyalty_transfer t ON t.wallet_id = w.id AND t.reason = 'bonus' AND t.client_key LIKE format('referral:%%s:%%%%', f.id)
 GROUP BY t.wallet_id, t.client_key
"""


def _referral_rings(since: datetime, at: datetime, limits: Limits) -> Iterator[Suspect]:
    """Friends who refer each other in a ring, and one member with more new friends in a day than anybody has."""
    asked = {"since": since, "from": at - limits.friends_within, "longest": limits.ring_max, "most": limits.friends_max}
    for wallet, version, steps, friends in _ask(_RINGS, asked):
        yield Suspect(wallet, version, Review.Pattern.REFERRAL_RING, {"ring": steps, "friends": friends})
