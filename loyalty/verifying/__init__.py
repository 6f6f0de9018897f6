"""Proof that the ledger is right: each promise in words, and the query or recomputation that finds who breaks it.

Set-based and streaming: a year of 150,000 purchases takes seconds and little memory. Nothing here repairs anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from loyalty import rules
from loyalty.models import Award, Contribution, Grant, RuleState, TierChange, Transfer, Wallet
from loyalty.verifying import awards, balances, earning, guards, lives, partners, people, spending
from loyalty.verifying.promises import Breach, Promise
from members.statistics import refresh_statistics
from sales.models import Purchase, PurchaseLine

__all__ = ["PROMISES", "Breach", "Finding", "Promise", "sample", "verify"]

NAMED_MAX = 20
_TABLES = (Wallet, Transfer, Award, TierChange, Contribution, RuleState, Grant, Purchase, PurchaseLine)
PROMISES = sorted(
    [
        *balances.PROMISES,
        *awards.PROMISES,
        *guards.PROMISES,
        *lives.PROMISES,
        *partners.PROMISES,
        *people.PROMISES,
        *spending.PROMISES,
        *earning.PROMISES,
    ],
    key=lambda promise: int(promise.code[1:]),
)


@dataclass(frozen=True)
class Finding:
    promise: Promise
    breaches: list[Breach]
    more: bool


def verify(*, wallet_ids: list[int] | None = None) -> Iterator[Finding]:
    """Check promise after promise; of each at most twenty breaches are named. `wallet_ids` None: every wallet."""
    rules.forget()
    if wallet_ids is None:
        _know_sizes()
    for promise in PROMISES:
        if wallet_ids is not None and not promise.of_sample:
            continue
        named = []
        for breach in promise.breaches(wallet_ids):
            named.append(breach)
            if len(named) > NAMED_MAX:
                break
        yield Finding(promise, named[:NAMED_MAX], more=len(named) > NAMED_MAX)


_GROWN = """
SELECT relname FROM pg_class
 WHERE oid = ANY (%s::text[]::regclass[])
   AND (pg_relation_size(oid) / current_setting('block_size')::integer > 2 * greatest(relpages, 0) + 10
        OR pg_stat_get_mod_since_analyze(oid) > greatest(reltuples, 0) + 1000)
"""


def _know_sizes():
    """Analyse tables that have doubled since they last were: a plan for a small table reads it once for each row of another.

    A join that takes seconds took minutes so, right after a bulk load.
    """
    tables = {model._meta.db_table: model for model in _TABLES}
    with connection.cursor() as cursor:
        cursor.execute(_GROWN, [list(tables)])
        grown = [tables[name] for (name,) in cursor.fetchall()]
    if grown:
        refresh_statistics(*grown)


def sample(size: int) -> list[int]:
    """Ids of wallets, drawn anew each time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM loyalty_wallet ORDER BY random() LIMIT %s", [size])
        return [row[0] for row in cursor.fetchall()]
