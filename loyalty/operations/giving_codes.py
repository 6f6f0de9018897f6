"""Codes of a pool given to many members at once: one each, as many as there are."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

# Who has a code of the pool keeps it. Free codes are taken in order and passed over where another giver holds them; each is
# claimed by the function that a member's own typing calls.
_GIVE = """
WITH asked AS (
    SELECT who.member_id, row_number() OVER (ORDER BY who.member_id) AS n
      FROM unnest(%(members)s::bigint[]) who(member_id)
     WHERE NOT EXISTS (
           SELECT 1 FROM loyalty_voucher had JOIN loyalty_entitlement e ON e.id = had.entitlement_id
            WHERE had.pool_id = %(pool)s AND e.member_id = who.member_id AND NOT had.is_void)),
free AS (
    SELECT id, code_hash FROM loyalty_voucher
     WHERE pool_id = %(pool)s AND owned_at IS NULL AND NOT is_void
       AND NOT EXISTS (SELECT FROM loyalty_voucherpool p WHERE p.id = pool_id AND p.brought_from <> '')  -- in somebody's hands
     ORDER BY id LIMIT (SELECT count(*) FROM asked) FOR UPDATE SKIP LOCKED),
numbered AS (SELECT code_hash, row_number() OVER (ORDER BY id) AS n FROM free)
SELECT count(*) FILTER (WHERE claimed.outcome = 'owned')
  FROM asked JOIN numbered USING (n), LATERAL loyalty_claim_voucher(numbered.code_hash, asked.member_id, %(at)s) claimed
"""


@transaction.atomic
def give_codes(*, pool_id: int, member_ids: Iterable[int], at: datetime) -> int:
    """Give each member a code of the pool, unless they have one. Returns how many were given; the rest found none left."""
    with connection.cursor() as cursor:
        # Two givers at once would each find that the member has none.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('loyalty_give_codes'), %s)", [pool_id])
        cursor.execute(_GIVE, {"pool": pool_id, "members": sorted(set(member_ids)), "at": at})
        return cursor.fetchone()[0]
