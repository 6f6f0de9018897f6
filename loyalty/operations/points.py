"""Points that move without a purchase: goodwill, corrections, redemptions, expiry."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import connection

from loyalty import remarks, rules
from loyalty.models import Account, Transfer
from loyalty.operations.errors import KeyReused, LedgerRefusal, NotEnoughPoints, UnknownMember
from loyalty.operations.purchases import POINTS, _again_after_races, _programme_zone
from sales import catalogue


@dataclass(frozen=True)
class Moved:
    """`points` moved, without sign; `available` is what the member could spend right after it."""

    wallet_id: int
    version: int
    points: int
    available: int
    is_replay: bool


@dataclass(frozen=True)
class Expired:
    wallets: int
    points: int


def adjust(
    *,
    member_id: int,
    points: int,
    reason: str,
    source: str,
    client_key: str,
    by_user_id: int | None,
    at: datetime,
) -> Moved:
    """Give goodwill (`points` above zero) or correct a mistake (below zero). `reason` is shown to the member.

    Goodwill expires like points of a purchase of that day. Raises NotEnoughPoints, UnknownMember, KeyReused.
    """
    if not points:
        raise LedgerRefusal("An adjustment moves points: give a number above or below zero.")
    if not reason.strip():
        raise LedgerRefusal("Say why: the reason is shown to the member beside the points.")
    return _move(
        source=source,
        client_key=client_key,
        member_id=member_id,
        points=points,
        account=Account.GOODWILL if points > 0 else Account.CANCELLED,
        reason=Transfer.Reason.GOODWILL if points > 0 else Transfer.Reason.CORRECTION,
        note=reason.strip()[:200],
        by_user_id=by_user_id,
        at=at,
    )


def redeem(
    *, member_id: int, points: int, source: str, client_key: str, at: datetime, note: str = "", payee: str = ""
) -> Moved:
    """Spend points, the earliest lot first, expired ones never. Raises NotEnoughPoints, UnknownMember, KeyReused.

    `note` is somebody's words and can be forgotten; without one the ledger names the `payee`, a firm.
    """
    if points <= 0:
        raise LedgerRefusal("Points to spend are a whole number above zero.")
    return _move(
        source=source,
        client_key=client_key,
        member_id=member_id,
        points=-points,
        account=Account.REDEEMED,
        reason=Transfer.Reason.REDEMPTION,
        note=note[:200],
        payee=payee,
        by_user_id=None,
        at=at,
    )


def _move(*, source, client_key, member_id, points, account, reason, note, by_user_id, at, payee="") -> Moved:
    day = at.astimezone(_programme_zone()).date()
    said = repr((member_id, points, str(reason), note or payee))
    arguments = [
        POINTS,
        catalogue.source_id(source),
        client_key,
        hashlib.blake2b(said.encode(), digest_size=16).digest(),
        member_id,
        points,
        account,
        rules.known().live_at(at).expires_on(day),
        str(reason),
        remarks.keep(note, member_id=member_id, source=source, client_key=client_key) or payee,
        by_user_id,
        at,
        day,
    ]
    outcome, wallet_id, version, moved, available = _again_after_races(partial(_call, arguments))
    if outcome == "no_member":
        raise UnknownMember(member_id)
    if outcome == "conflict":
        raise KeyReused(client_key)
    if outcome == "too_few":
        raise NotEnoughPoints(available)
    return Moved(wallet_id, version, int(moved), available, is_replay=outcome == "replay")


def _call(arguments):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_move_points(%s::smallint, %s::bigint, %s::text, %s::bytea, %s::bigint, %s::bigint,
                      %s::smallint, %s::date, %s::text, %s::text, %s::bigint, %s::timestamptz, %s::date)""",
            arguments,
        )
        return cursor.fetchone()


def expire_points(*, at: datetime) -> Expired:
    """Post the expiry of every lot whose last day is over. Any number of runs do it once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM loyalty_expire_points(%s::timestamptz, %s::date)",
            [at, at.astimezone(_programme_zone()).date()],
        )
        return Expired(*cursor.fetchone())
