"""Finding records that are probably one person. Merging them is a person's decision."""

from django.db import connection, transaction
from django.db.models import Q

from members.likeness import Likeness, Person, compare
from members.models import DuplicatePair, Identifier, Member, User

BATCH = 2000
_NAMESAKES_MAX = 30  # so many records of one name and no birthday say nothing about any two of them

# Candidates are joined by keyed hashes: one word of the name and the birthday; every word of the name, where not too many have
# it; the last seven digits of a phone number, which are four of its suffixes.
_CANDIDATES = """
WITH token AS (
    SELECT t.member_id, t.kind, t.token_hash, m.birth_month, m.birth_day
      FROM members_searchtoken t JOIN members_member m ON m.id = t.member_id WHERE m.status = 'active'),
named AS (
    SELECT member_id, array_agg(token_hash ORDER BY token_hash) AS name FROM token WHERE kind = 'name' GROUP BY member_id),
namesakes AS (
    SELECT array_agg(member_id) AS ids FROM named GROUP BY name HAVING count(*) BETWEEN 2 AND %(most)s),
pair AS (
    SELECT a.member_id AS low, b.member_id AS high
      FROM token a
      JOIN token b ON b.kind = 'name' AND b.token_hash = a.token_hash AND b.birth_month = a.birth_month
                  AND b.birth_day = a.birth_day AND b.member_id > a.member_id
     WHERE a.kind = 'name'
     UNION
    SELECT a.id, b.id FROM namesakes n CROSS JOIN LATERAL unnest(n.ids) a (id) CROSS JOIN LATERAL unnest(n.ids) b (id) WHERE a.id < b.id
     UNION
    SELECT a.member_id, b.member_id
      FROM token a JOIN token b ON b.kind = 'phone' AND b.token_hash = a.token_hash AND b.member_id > a.member_id
     WHERE a.kind = 'phone' GROUP BY 1, 2 HAVING count(*) >= 4)
SELECT low, high FROM pair
 WHERE NOT EXISTS (SELECT FROM members_duplicatepair d WHERE d.low_id = low AND d.high_id = high AND d.dismissed_at IS NOT NULL)
 ORDER BY low, high
"""


def find_duplicates(*, at) -> int:
    """Look at every pair that shares enough to be one person; keep what is sure, drop what no longer is. How many stand open.

    Safe to run any number of times: a pair that was dismissed stays dismissed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, {"most": _NAMESAKES_MAX})
        pairs = cursor.fetchall()
    sure: dict[tuple[int, int], Likeness] = {}
    for start in range(0, len(pairs), BATCH):
        some = pairs[start : start + BATCH]
        known = _people({member_id for pair in some for member_id in pair})
        found = {(low, high): compare(known[low], known[high]) for low, high in some if low in known and high in known}
        sure |= {pair: likeness for pair, likeness in found.items() if likeness.is_sure}
    return _keep(sure, at)


@transaction.atomic
def _keep(sure: dict[tuple[int, int], Likeness], at) -> int:
    still = DuplicatePair.objects.filter(dismissed_at__isnull=True)
    gone = [pk for pk, low, high in still.values_list("pk", "low", "high") if (low, high) not in sure]
    DuplicatePair.objects.filter(pk__in=gone).delete()
    rows = (
        DuplicatePair(low_id=low, high_id=high, points=found.points, reasons=list(found.reasons), found_at=at)
        for (low, high), found in sure.items()
    )
    DuplicatePair.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["low", "high"],
        update_fields=["points", "reasons"],
        batch_size=BATCH,
    )
    return still.count()


def _people(ids: set[int]) -> dict[int, Person]:
    addresses: dict[int, dict[str, list[str]]] = {}
    held = Identifier.objects.filter(member__in=ids, kind__in=["phone", "email"]).order_by("pk")
    for member_id, kind, value in held.values_list("member", "kind", "value"):
        addresses.setdefault(member_id, {}).setdefault(kind, []).append(value)
    return {
        member.pk: _person(member, addresses.get(member.pk, {}))
        for member in Member.objects.active().filter(pk__in=ids)
    }


def _person(member: Member, addresses: dict[str, list[str]]) -> Person:
    birthday = (member.birth_month, member.birth_day) if member.birth_month and member.birth_day else None
    return Person(
        member.given_name, member.family_name, birthday, tuple(addresses.get("phone", ())), tuple(addresses.get("email", ())),
        member.country,
    )  # fmt: skip


def dismiss_pair(*, pair: DuplicatePair, by_user: User, at) -> None:
    """Two people after all: the pair is not shown again. Safe to repeat."""
    DuplicatePair.objects.filter(pk=pair.pk, dismissed_at__isnull=True).update(dismissed_at=at, dismissed_by=by_user)


def forget_pairs(member_id: int) -> None:
    """A member who was merged or erased is nobody's double any more."""
    DuplicatePair.objects.filter(Q(low=member_id) | Q(high=member_id)).delete()
