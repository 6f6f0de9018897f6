"""Expiry told beforehand, and taken back by staff."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import signals
from loyalty.models import Wallet
from loyalty.operations.acting import ask, day_of, digest, refuse_common
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import POINTS
from sales import catalogue

HORIZONS = (30, 7)


class CannotReinstate(LedgerRefusal):
    """Expired points that cannot be given back: unknown, given back before, too long ago, or taken back by a refund."""


@dataclass(frozen=True)
class Notice:
    """That `points` of a member may be spent until `last_day`, told so many days ahead at most."""

    id: int
    member_id: int
    last_day: date
    horizon_days: int
    points: int


@dataclass(frozen=True)
class Reinstated:
    """`into_lot` is the last day the points may be spent now: the old one while it is not over."""

    points: int
    into_lot: date
    available: int
    is_replay: bool


def notice_expiry(*, at: datetime, horizons: tuple[int, ...] = HORIZONS) -> list[Notice]:
    """Note whose points expire soon, once for each last day and horizon, and tell it after the commit.

    Any number of runs say it once.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM loyalty_notice_expiry(%s::timestamptz, %s::date, %s, %s::integer[])",
            [at, day_of(at), settings.TIME_ZONE, list(horizons)],
        )
        notices = [Notice(*row) for row in cursor.fetchall()]
        if notices:
            transaction.on_commit(partial(signals.points_expiring.send, sender=Notice, notices=notices), robust=True)
    return notices


def reinstate(
    *,
    member_id: int,
    expiry_version: int,
    reason: str,
    by_user_id: int | None,
    source: str,
    client_key: str,
    at: datetime,
) -> Reinstated:
    """Give expired points back: `expiry_version` is the version of the ledger's entry that expired them.

    Raises CannotReinstate, KeyReused.
    """
    if not reason.strip():
        raise LedgerRefusal(_("Say why: the reason is shown to the member beside the points."))
    wallet = Wallet.objects.filter(member_id=member_id, currency_id=POINTS).first()
    if wallet is None:
        raise _refusal("no_expiry")
    answer = ask(
        "loyalty_reinstate", "bigint bigint bigint text bytea text bigint timestamptz date",
        wallet.pk, expiry_version, catalogue.source_id(source), client_key,
        digest("reinstate", wallet.pk, expiry_version), reason.strip()[:200], by_user_id, at, day_of(at),
    )  # fmt: skip
    refuse_common(answer, client_key=client_key)
    if answer["outcome"] not in {"recorded", "replay"}:
        raise _refusal(answer["outcome"])
    return Reinstated(answer["points"], answer["into_lot"], answer["available"], answer["outcome"] == "replay")


def _refusal(why: str) -> CannotReinstate:
    words = {
        "no_expiry": _("No points of this member expired there."),
        "done": _("These points were given back already."),
        "too_late": _("These points expired too long ago to be given back. Goodwill is another way."),
        "nothing_left": _("A refund took these points back after they had expired."),
    }
    return CannotReinstate(words[why])
