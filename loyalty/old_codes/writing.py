"""Storing another system's codes: in pools of their own, claimed for the member who has them, used where they were used."""

from collections import defaultdict
from datetime import datetime

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from loyalty.models import GiftCard, Reward, VoucherPool
from loyalty.old_codes.matching import chunks
from loyalty.old_codes.reading import Gives, Row, window
from loyalty.operations.acting import day_of, digest
from loyalty.operations.rewards import sealed
from loyalty.operations.vouchers import put_in
from loyalty.sentences import money
from sales import catalogue

# Claimed by the function that a member's own typing calls, at a moment at which the code was good.
_CLAIM = """
SELECT said.place, claimed.outcome, claimed.entitlement_id
  FROM unnest(%s::bytea[], %s::bigint[], %s::timestamptz[]) WITH ORDINALITY AS said (hash, member, moment, place),
       LATERAL loyalty_claim_voucher(said.hash, said.member, said.moment) claimed
"""
_USE = """
UPDATE loyalty_entitlement e SET uses_left = 0, used_at = said.moment
  FROM unnest(%s::bigint[], %s::timestamptz[]) AS said (id, moment) WHERE e.id = said.id
"""
# Used by somebody we do not know: whoever types it hears that it is used.
_USED_BY_NOBODY = """
UPDATE loyalty_voucher v SET owned_at = said.moment
  FROM unnest(%s::bytea[], %s::timestamptz[]) AS said (hash, moment) WHERE v.code_hash = said.hash
"""
_CARDS = """
WITH made AS MATERIALIZED (
    SELECT loyalty_issue_gift_card(
               said.money, said.hash, said.code, said.last_four, said.minor, said.until, said.member,
               loyalty_named_act(%(source)s, said.key, said.digest, 'opening', '', NULL, %(at)s)) AS card
      FROM unnest(%(money)s::text[], %(hash)s::bytea[], %(code)s::bytea[], %(last_four)s::text[], %(minor)s::bigint[],
                  %(until)s::date[], %(member)s::bigint[], %(key)s::text[], %(digest)s::bytea[])
           AS said (money, hash, code, last_four, minor, until, member, key, digest))
SELECT card FROM made
"""


def store(rows: list[Row], source: str, at: datetime):
    """Store rows that are not here yet, in the caller's transaction."""
    pools = _Pools(source, at)
    for some in chunks([row for row in rows if not row.gives.is_card]):
        _store_vouchers(some, pools)
    for some in chunks([row for row in rows if row.gives.is_card]):
        _store_cards(some, source, at)


class _Pools:
    """One pool for codes of one system that give the same in the same days; a reward of its own for each amount of money."""

    def __init__(self, source: str, at: datetime):
        self.source, self.at, self.today = source, at, day_of(at)
        self._pools: dict[tuple, VoucherPool] = {}
        self._rewards: dict[Gives, Reward] = {}

    def of(self, row: Row) -> VoucherPool:
        key = (row.gives, row.begins, row.until)
        if key not in self._pools:
            self._pools[key] = self._pool(row)
        return self._pools[key]

    def _pool(self, row: Row) -> VoucherPool:
        first, last = window(row, today=self.today)
        reward = Reward.objects.get(pk=row.gives.reward_id) if row.gives.reward_id else self._reward(row.gives)
        found = VoucherPool.objects.filter(brought_from=self.source, reward=reward, valid_until=last)
        found = found.filter(valid_from=first) if row.begins else found.filter(valid_from__lte=max(first, self.at))
        name = f"{self.source}: {reward.name_en}"[:100]
        return found.first() or VoucherPool.objects.create(
            name=name, reward=reward, valid_from=first, valid_until=last, brought_from=self.source
        )

    def _reward(self, gives: Gives) -> Reward:
        """Money off that is not in the catalogue: nobody redeems it for points."""
        if gives not in self._rewards:
            same = {"kind": Reward.Kind.AMOUNT, "amount": gives.minor, "currency": gives.currency, "points": 0}
            names = {f"name_{code}": _name(gives, language) for code, language in (("en", "en"), ("zh", "zh-hans"))}
            self._rewards[gives] = Reward.objects.filter(**same, **names, is_active=False).first() or Reward.objects.create(
                **same, **names, is_active=False, valid_from=self.at
            )  # fmt: skip
        return self._rewards[gives]


def _name(gives: Gives, language: str) -> str:
    with translation.override(language):
        return _("Voucher worth %(money)s") % {"money": money(gives.minor, gives.currency, whole=True)}


def _store_vouchers(rows: list[Row], pools: _Pools):
    by_pool = defaultdict(list)
    for row in rows:
        by_pool[pools.of(row)].append(row)
    owned, used = [], []
    for pool, some in by_pool.items():
        stored = put_in(pool, [row.code for row in some])
        assert stored == len(some), "a code came in elsewhere at this moment"
        for row in some:
            moment = min(max(row.used_at or pools.at, pool.valid_from), pool.valid_until)
            if row.member_id:
                owned.append((row, moment))
            elif row.used_at:
                used.append((row.hash, row.used_at))
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM, [[r.hash for r, _at in owned], [r.member_id for r, _at in owned], [at for _r, at in owned]]
        )
        answers = cursor.fetchall()
        assert all(outcome == "owned" for _place, outcome, _id in answers), (
            "a code that was just stored is its member's"
        )
        spent = [(id_, row.used_at) for place, _o, id_ in answers if (row := owned[place - 1][0]).used_at]
        cursor.execute(_USE, [[id_ for id_, _at in spent], [at for _id, at in spent]])
        cursor.execute(_USED_BY_NOBODY, [[hash_ for hash_, _at in used], [at for _hash, at in used]])


def _store_cards(rows: list[Row], source: str, at: datetime):
    hashes, secret, last_four = zip(*(sealed(row.code, model=GiftCard) for row in rows), strict=True)
    said = {
        "source": catalogue.source_id(source), "at": at, "hash": list(hashes), "code": list(secret), "last_four": list(last_four),
        "money": [row.gives.currency for row in rows], "minor": [row.gives.minor for row in rows],
        "until": [row.until for row in rows], "member": [row.member_id for row in rows],
        "key": [f"opening:{hash_.hex()}" for hash_ in hashes],
        "digest": [digest("opening card", row.gives.minor, row.gives.currency, row.until, row.member_id) for row in rows],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_CARDS, said)
        made = [card for (card,) in cursor.fetchall()]
        cursor.execute("UPDATE loyalty_giftcard SET brought_from = %s WHERE id = ANY (%s)", [source, made])
