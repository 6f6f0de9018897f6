"""Acts held back for review, and what staff decides about them."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import connection
from django.utils.translation import gettext as _

from loyalty import remarks
from loyalty.models import Review
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import _again_after_races, _programme_zone


class CannotDecide(LedgerRefusal):
    """A review that does not exist, was decided the other way, or is decided without a reason."""


@dataclass(frozen=True)
class HeldForReview:
    """`held` of the act's points were still there and wait now; `is_new` False when the act was held before."""

    review_id: int
    held: int
    is_new: bool


@dataclass(frozen=True)
class Decided:
    """Points: taken away for good, back in the member's hands, or used for what the member owed."""

    cancelled: int
    returned: int
    debt_paid: int
    is_replay: bool


def hold_for_review(
    *, wallet_id: int, version: int, pattern: Review.Pattern | str, facts: dict, at: datetime
) -> HeldForReview | None:
    """Let the points of an act wait; `version` is the wallet's version of its first transfer. None if it gave no points."""
    call = partial(
        _ask,
        "SELECT * FROM loyalty_hold_for_review(%s::bigint, %s::bigint, %s::text, %s::jsonb, %s::timestamptz, %s::date)",
        [wallet_id, version, str(pattern), json.dumps(facts), at, at.astimezone(_programme_zone()).date()],
    )
    outcome, review_id, held = _again_after_races(call)
    return None if outcome == "no_act" else HeldForReview(review_id, held, outcome == "held")


def decide_review(*, review_id: int, release: bool, reason: str, by_user_id: int | None, at: datetime) -> Decided:
    """Release the points of a review, or cancel them. The reason is kept with who decided. Raises CannotDecide."""
    reason = reason.strip()[:200]
    if not reason:
        raise CannotDecide(_("Say why: the reason is kept with the decision."))
    state = Review.State.RELEASED if release else Review.State.CANCELLED
    today = at.astimezone(_programme_zone()).date()
    call = partial(
        _ask,
        "SELECT * FROM loyalty_decide_review(%s::bigint, %s::text, %s::text, %s::bigint, %s::timestamptz, %s::date)",
        [review_id, str(state), _words(review_id, reason), by_user_id, at, today],
    )
    outcome, cancelled, returned, debt_paid = _again_after_races(call)
    if outcome == "no_review":
        raise CannotDecide(_("There is no such review."))
    if outcome == "decided_otherwise":
        raise CannotDecide(_("Somebody else has decided this review the other way. Look at it again."))
    return Decided(cancelled, returned, debt_paid, outcome == "replay")


def _words(review_id: int, reason: str) -> str:
    """What the review and the ledger keep of a reason. The words of a card without a member concern nobody."""
    holder = Review.objects.filter(pk=review_id).values_list("wallet__member_id", flat=True).first()
    return remarks.keep(reason, member_id=holder, source="review", client_key=str(review_id)) or reason


def _ask(query, values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()
