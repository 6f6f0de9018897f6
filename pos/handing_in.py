"""Sales a till recorded while it was cut off, as it tells them later: read, checked, and recorded each exactly once.

The till named each sale before it stored it, so the same sale told twice is one. One bad sale never holds up the others; what
cannot be recorded goes back to the till with the reason, where it stays until somebody has put it right.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

import loyalty.operations
import loyalty.rewards
import members.operations
import members.queries
import sales.queries
from pos.amounts import AMOUNT_MINOR_MAX
from sales.lines import Line

TILL_PRODUCT = "till-amount"
AT_ONCE = 200
OLDEST = timedelta(days=14)
AHEAD = timedelta(minutes=10)
_KEY = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class BadSale(ValueError):
    """What the till tells cannot be recorded as it stands; the text says what to do."""


@dataclass(frozen=True)
class Told:
    """One sale as a till tells it: its own name for it, the store, who bought (card, phone, e-mail or public id), how much, when."""

    key: str
    store_code: str
    who: str
    amount_minor: int
    at: datetime

    @classmethod
    def read(cls, said) -> "Told":
        """Raises BadSale."""
        try:
            told = cls(
                str(said["key"]), str(said["store"]), str(said["who"]), int(said["amount_minor"]),
                datetime.fromisoformat(said["at"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise BadSale(_("The till told this sale in a way that cannot be read. Write it down on paper.")) from error
        if not _KEY.fullmatch(told.key) or told.at.tzinfo is None:
            raise BadSale(_("The till told this sale in a way that cannot be read. Write it down on paper."))
        if not 0 < told.amount_minor <= AMOUNT_MINOR_MAX:
            raise BadSale(_("The amount must be more than zero and less than 100,000. Check what was typed."))
        return told

    def moment(self, now: datetime) -> datetime:
        """When it was sold. A clock that runs a little fast means now; one that is plainly wrong is somebody's to settle."""
        if self.at > now + AHEAD or self.at < now - OLDEST:
            raise BadSale(
                _(
                    "The clock of the till is wrong, or the sale is older than two weeks. Ask the service desk to award it."
                )
            )
        return min(self.at, now)


def hand_in(said: list, *, user, stores: dict, now: datetime) -> list[dict]:
    """Record what a till tells, in the order of the sales; an answer for each, in the order told.

    An answer is {"key", "outcome": "done" | "replayed" | "refused", "reason"}; `refused` moved nothing. `stores`: those
    of the cashier, by code. `now` is business time.
    """
    answers: dict[int, dict] = {}
    accepted: list[tuple[int, Told, object, datetime]] = []
    # Sales were made by the till's clock, which is the real one; the programme's clock may stand elsewhere in a demo.
    real = timezone.now()
    for place, one in enumerate(said[:AT_ONCE]):
        try:
            told = Told.read(one)
            accepted.append((place, told, _member(told, user, stores), told.moment(real) + (now - real)))
        except BadSale as reason:
            key = one.get("key", "") if isinstance(one, dict) else ""
            answers[place] = {"key": key, "outcome": "refused", "reason": str(reason)}
    accepted.sort(key=lambda row: row[3])
    for (place, told, person, _at), done in zip(accepted, _record(accepted), strict=True):
        answers[place] = {"key": told.key, **_outcome(done, told, person)}
        if answers[place]["outcome"] == "done":
            members.operations.note_access(
                user=user, member_id=person.pk, act="awarded", door="pos", note=str(done.public_id)
            )
    return [answers[place] for place in sorted(answers)]


def _member(told: Told, user, stores: dict):
    if told.store_code not in stores:
        raise BadSale(_("This was sold at another store. Sign in as somebody who works there to hand it in."))
    person = _find(told.who)
    if person is None or person.status != person.Status.ACTIVE:
        raise BadSale(
            _("Nobody is known by this card or number. Find the member, or enrol them, and record the sale again.")
        )
    if members.queries.is_own_account(user, person):
        raise BadSale(_("This is your own account. A colleague records your purchases."))
    return person


def _find(who: str):
    """Exactly one member, by what was scanned or typed while nobody could be looked up. A part of a number is not enough."""
    try:
        return members.queries.by_public_id(UUID(who))
    except ValueError:
        pass
    found = (members.queries.by_identifier(kind, who) for kind in ("card", "phone", "email"))
    return next((member for member in found if member is not None), None)


def _source(told: Told) -> str:
    return f"till:{told.store_code}"


def _record(accepted) -> list:
    return loyalty.operations.record_purchases(
        [
            loyalty.operations.PurchaseIn(
                source=_source(told), client_key=told.key, member_id=person.pk, store_code=told.store_code, purchased_at=at,
                currency=settings.CURRENCY,
                lines=[Line(TILL_PRODUCT, Decimal(1), told.amount_minor, name="Sale by amount")],
            )
            for _place, told, person, at in accepted
        ]
    )  # fmt: skip


def _outcome(done, told: Told, person) -> dict:
    if isinstance(done, loyalty.operations.KeyReused):
        before = sales.queries.told(_source(told), told.key)
        if before and (before.member_id, amount_of(before)) == (person.pk, told.amount_minor):
            return {"outcome": "replayed", "reason": ""}  # it had arrived before the connection broke
        return {"outcome": "refused", "reason": _("Another sale was told under the same name. Record this one again.")}
    if isinstance(done, Exception):
        return {"outcome": "refused", "reason": str(done)}
    return {"outcome": "replayed" if done.is_replay else "done", "reason": ""}


def amount_of(purchase) -> int:
    """The amount a cashier typed: what is on the receipt, and what benefits took off it."""
    parts = loyalty.rewards.tender_of(purchase.pk)
    return purchase.total_minor + sum(part.minor for part in parts if part.kind == part.Kind.BENEFIT)
