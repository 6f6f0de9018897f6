"""What the verbs of spending share: the digest of what was said, and one call that is made again after a race."""

import hashlib
from datetime import date, datetime
from functools import partial

from django.db import connection

from loyalty.operations.errors import KeyReused, LedgerRefusal, NotEnoughPoints, UnknownMember
from loyalty.operations.purchases import _again_after_races, _programme_zone


def digest(*said) -> bytes:
    """Sixteen bytes of an act's body: the same words again are the same act."""
    return hashlib.blake2b(repr(said).encode(), digest_size=16).digest()


def day_of(at: datetime) -> date:
    """The programme's calendar day at a moment."""
    if at.tzinfo is None:
        raise LedgerRefusal("The time needs a zone, such as 2026-03-01T17:05:00-05:00.")
    return at.astimezone(_programme_zone()).date()


def ask(function: str, types: str, *arguments) -> dict:
    """Call one posting function, which answers one row; again when another transaction was first or the two deadlocked."""
    return _again_after_races(partial(_ask, function, types, arguments))


def _ask(function, types, arguments) -> dict:
    places = ", ".join(f"%s::{kind}" for kind in types.split())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}({places})", arguments)  # noqa: S608 (names of this package)
        return dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))


def refuse_common(answer: dict, *, client_key: str, member_id: int | None = None):
    """Raise what every act may be refused for."""
    if answer["outcome"] == "no_member":
        raise UnknownMember(member_id)
    if answer["outcome"] == "conflict":
        raise KeyReused(client_key)
    if answer["outcome"] == "too_few":
        raise NotEnoughPoints(answer["available"])
