"""Whether the member stands at the till, and has agreed to spending.

A phone number is known to many, a card is in one pocket, and a rotating code or a code just received is in one hand. So what
somebody has is spent only beside their card, and from the programme's limit on only with a code of their own. Real time,
never the business clock.
"""

import time
from dataclasses import dataclass

import loyalty.rewards
import members.operations
import members.queries
from members import card_tokens, cards, normalise

SHOWN, CONFIRMED, ASKED = "till_shown", "till_confirmed", "till_asked"
LASTS = 300  # seconds: a queue is longer than a minute, a till is left after two


@dataclass(frozen=True)
class Presence:
    """`has_card`: their card was scanned here. `has_agreed`: they gave a code of their own."""

    has_card: bool = False
    has_agreed: bool = False

    def missing(self, points: int, *, limit: int) -> str:
        """What spending so many points still asks for: "" nothing, "card" their card or a code, "code" a code."""
        if self.has_agreed:
            return ""
        if points >= limit:
            return "code"
        return "" if self.has_card else "card"


def note_shown(request, member):
    """Their card was scanned."""
    request.session[SHOWN] = _mark(member)


def note_agreed(request, member):
    """They gave a code of their own: written down once for each time."""
    request.session[CONFIRMED] = _mark(member)
    members.operations.note_access(user=request.user, member_id=member.pk, act="confirmed", door="pos")


def of(request, member) -> Presence:
    return Presence(_holds(request, SHOWN, member), _holds(request, CONFIRMED, member))


def end(request):
    """The act is done: the next one asks again."""
    for name in (CONFIRMED, ASKED):
        request.session.pop(name, None)


def limit() -> int:
    """From so many points at once a code is asked for."""
    return loyalty.rewards.pay_rate().confirm_points


def recognise(request, text: str):
    """The member whose card or rotating code this is, noted as present; None for other texts and unknown cards.

    Raises BadCardToken, whose text says what to do.
    """
    digits = normalise.digits(text)
    if card_tokens.is_card_token(digits):
        member = members.operations.accept_card_token(token=digits)
        note_shown(request, member)
        note_agreed(request, member)
        return member
    member = members.queries.by_identifier("card", digits) if cards.is_card_number(digits) else None
    if member:
        note_shown(request, member)
    return member


def _mark(member) -> list:
    return [str(member.public_id), int(time.time())]


def _holds(request, name: str, member) -> bool:
    public_id, at = request.session.get(name, ["", 0])
    return public_id == str(member.public_id) and time.time() - at < LASTS
