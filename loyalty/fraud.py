"""What looks like fraud, and what is done about it at once: codes that are guessed, acts that are held for review."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.models import CodeAttempt, Review
from loyalty.operations.errors import LedgerRefusal
from members.crypto import keyed_hash

WRONG_CODES_MAX = 5
WRONG_CODES_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True)
class Limits:
    """Where ordinary behaviour ends. Chosen so that of honest purchases at most one in two hundred is held."""

    looks_back: timedelta = timedelta(days=4)  # a till that was offline for three days is looked at too
    burst_within: timedelta = timedelta(hours=1)
    burst_purchases_max: int = 6
    circles_within: timedelta = timedelta(days=14)
    circles_min: int = 4
    circles_share: float = 0.6
    goodwill_within: timedelta = timedelta(days=7)
    goodwill_to_one_max: int = 3
    ring_max: int = 6
    friends_within: timedelta = timedelta(days=1)
    friends_max: int = 8


LIMITS = Limits()


class TooManyAttempts(LedgerRefusal):
    """So many wrong codes lately that no code is looked at for a while, right or wrong."""


def check_code_attempts(*, actor: str, at: datetime):
    """Refuse who guessed wrong too often in the last quarter of an hour. Raises TooManyAttempts."""
    wrong = CodeAttempt.objects.filter(actor=actor, at__gt=at - WRONG_CODES_WINDOW, at__lte=at, was_right=False)
    if wrong.count() >= WRONG_CODES_MAX:
        raise TooManyAttempts(_("Too many wrong codes. Wait a quarter of an hour, then try again."))


def note_code_attempt(*, actor: str, code: str, was_right: bool, at: datetime):
    """Remember a try of a voucher or gift card code. Call it outside a transaction that a wrong code rolls back."""
    CodeAttempt.objects.create(actor=actor, code_hash=keyed_hash(code, kind="code"), was_right=was_right, at=at)


@dataclass(frozen=True)
class Guesser:
    """Who tried codes that do not exist, how often lately, and when last."""

    actor: str
    wrong: int
    last_at: datetime


def guessers(*, at: datetime) -> list[Guesser]:
    """Who guessed codes beyond the limit in the last day, the busiest first."""
    tried = CodeAttempt.objects.filter(at__gt=at - timedelta(days=1), at__lte=at, was_right=False).order_by()
    found = tried.values("actor").annotate(wrong=Count("pk"), last_at=Max("at")).filter(wrong__gte=WRONG_CODES_MAX)
    return [Guesser(**row) for row in found.order_by("-wrong", "actor")]


def waiting() -> QuerySet[Review]:
    """Acts held for review that nobody has decided on, the oldest first, with whose they are."""
    return Review.objects.filter(state=Review.State.OPEN).select_related("wallet__member").order_by("opened_at", "pk")


def reason(review: Review) -> str:
    """What was seen, in words for whoever decides."""
    facts = review.facts
    if review.pattern == Review.Pattern.VELOCITY:
        return _("%(count)s purchases with one card within an hour") % {"count": facts.get("purchases", "?")}
    if review.pattern == Review.Pattern.REFUND_CYCLING:
        return _("%(back)s of %(bought)s purchases within two weeks were returned") % {
            "back": facts.get("refunded", "?"), "bought": facts.get("purchases", "?"),
        }  # fmt: skip
    if review.pattern == Review.Pattern.SELF_AWARD:
        if facts.get("is_own"):
            return _("Goodwill given by staff to a card with their own e-mail address")
        return _("Goodwill given %(times)s times within a week by the same colleague") % {
            "times": facts.get("times", "?")
        }
    if facts.get("ring"):
        return ngettext(
            "A ring of %(count)s member who refer each other",
            "A ring of %(count)s members who refer each other",
            facts["ring"],
        ) % {"count": facts["ring"]}
    return _("%(count)s friends referred within a day") % {"count": facts.get("friends", "?")}
