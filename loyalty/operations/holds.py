"""Holds: points set aside for a moment, captured in parts, and let go by word or by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from loyalty import remarks
from loyalty.models import Hold, SpendingPolicy
from loyalty.operations.acting import ask, day_of, digest, refuse_common
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import POINTS
from sales import catalogue

DAYS_MAX = 400


class CannotCapture(LedgerRefusal):
    """A hold that is unknown, has ended, or holds less than was asked for."""


@dataclass(frozen=True)
class Held:
    """`available` is what the member may spend beside what is held; `hold` carries what was captured and let go so far."""

    hold: Hold
    available: int
    is_replay: bool


@dataclass(frozen=True)
class Released:
    wallets: int
    points: int


def hold(
    *, member_id: int, points: int, source: str, client_key: str, at: datetime, expires_at: datetime | None = None,
    note: str = "",
) -> Held:  # fmt: skip
    """Set points aside, the earliest lot first, until `expires_at` (else as long as the spending policy says).

    Raises NotEnoughPoints, UnknownMember, KeyReused. The same act again answers with the hold as it stands now.
    """
    if points <= 0:
        raise LedgerRefusal(_("Points to set aside are a whole number above zero."))
    said = digest("hold", member_id, points, expires_at, note)
    expires_at = expires_at or at + timedelta(minutes=_policy().hold_minutes)
    if not at < expires_at <= at + timedelta(days=DAYS_MAX):
        raise LedgerRefusal(_("A hold ends after it begins, and within %(days)s days.") % {"days": DAYS_MAX})
    answer = ask(
        "loyalty_hold_points", "smallint bigint text bytea bigint bigint timestamptz text timestamptz date",
        POINTS, catalogue.source_id(source), client_key, said, member_id, points, expires_at,
        remarks.keep(note, member_id=member_id, source=source, client_key=client_key), at, day_of(at),
    )  # fmt: skip
    refuse_common(answer, client_key=client_key, member_id=member_id)
    return _held(answer)


def capture(
    *, hold_id, points: int, source: str, client_key: str, at: datetime, lets_rest_go: bool = False, note: str = ""
) -> Held:
    """Spend a part of what is held; the rest stays held, or is let go. `hold_id` is the hold's public id.

    Raises CannotCapture, KeyReused. What is captured never adds up to more than was held.
    """
    if points <= 0:
        raise LedgerRefusal(_("Points to capture are a whole number above zero."))
    said = digest("capture", str(hold_id), points, lets_rest_go, note)
    return end_hold(hold_id, said, source, client_key, at, amount=points, lets_go=lets_rest_go, note=note)


def void(*, hold_id, source: str, client_key: str, at: datetime, by_user_id: int | None = None, note: str = "") -> Held:
    """Let everything go that is still held; the points return to their lots. Raises CannotCapture, KeyReused."""
    said = digest("void", str(hold_id), note)
    return end_hold(hold_id, said, source, client_key, at, amount=0, lets_go=True, note=note, by_user_id=by_user_id)


def release_holds(*, at: datetime) -> Released:
    """Let go every hold that ran out by `at`. Any number of runs do it once."""
    return Released(**ask("loyalty_release_holds", "timestamptz date", at, day_of(at)))


def end_hold(hold_id, said, source, client_key, at, *, amount, lets_go, note, by_user_id=None) -> Held:
    """Capture `amount` of a hold and, if asked, let the rest go, under an act whose digest is `said`. Raises CannotCapture, KeyReused."""
    holder = (
        Hold.objects.filter(public_id=hold_id).values_list("wallet__member_id", flat=True).first() if note else None
    )
    note = remarks.keep(note, member_id=holder, source=source, client_key=client_key)
    answer = ask(
        "loyalty_end_hold", "uuid bigint text bytea bigint boolean bigint text timestamptz date",
        hold_id, catalogue.source_id(source), client_key, said, amount, lets_go, by_user_id, note, at, day_of(at),
    )  # fmt: skip
    refuse_common(answer, client_key=client_key)
    if answer["outcome"] not in {"recorded", "replay"}:
        raise _refusal(answer)
    return _held(answer)


def _held(answer: dict) -> Held:
    return Held(Hold.objects.get(pk=answer["hold_id"]), answer["available"], answer["outcome"] == "replay")


def _refusal(answer: dict) -> CannotCapture:
    if answer["outcome"] == "no_hold":
        return CannotCapture(_("There is no such hold. Check its id."))
    if answer["outcome"] == "too_much":
        return CannotCapture(
            _("Only %(points)s points are still held. Capture no more than that.") % {"points": answer["points"]}
        )
    ended = str(Hold.State(answer["ended_as"]).label).lower()
    return CannotCapture(_("This hold has ended: %(how)s. Make a new one.") % {"how": ended})


def _policy() -> SpendingPolicy:
    return SpendingPolicy.objects.get(currency_id=POINTS)
