"""How a promise is asked: a query whose rows are breaches, or a recomputation that yields them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection


class Breach(str):
    """Who breaks a promise, in words; `wallet` is the id of the wallet concerned, if it is one wallet's."""

    __slots__ = ("wallet",)

    def __new__(cls, words: str, *, wallet: int | None = None):
        made = super().__new__(cls, words)
        made.wallet = wallet
        return made


Breaches = Callable[[list[int] | None], Iterator[Breach]]


@dataclass(frozen=True)
class Promise:
    """One invariant. `breaches` yields who breaks it; `of_sample` says whether a part of the wallets can show it."""

    code: str
    words: str
    breaches: Breaches
    of_sample: bool = True


def rows(query: str, words: str, **given: object) -> Breaches:
    """Breaches found by a query whose columns the words name; `{chosen}` in it limits a wallet id to the sample.

    `given` are further parameters of the query.
    """

    def breaches(wallet_ids):
        chosen = "= ANY (%(wallets)s)" if wallet_ids is not None else "IS NOT NULL"
        with connection.cursor() as cursor:
            cursor.execute(
                query.replace("{chosen}", chosen), given | {"wallets": wallet_ids, "zone": settings.TIME_ZONE}
            )
            names = [column.name for column in cursor.description]
            for row in cursor:
                named = dict(zip(names, row, strict=True))
                yield Breach(words.format(**named), wallet=named.get("wallet"))

    return breaches
