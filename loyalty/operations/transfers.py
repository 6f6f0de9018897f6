"""Points given by one member to another, within the limits of the programme."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import remarks
from loyalty.models import GiftPolicy, Tier
from loyalty.operations.errors import KeyReused, LedgerRefusal, NotEnoughPoints, UnknownMember
from loyalty.operations.purchases import POINTS, _again_after_races, _programme_zone
from sales import catalogue

NOTE_MAX = 100


class CannotGive(LedgerRefusal):
    """A gift outside the limits. `allowed`: how many points could be given now."""

    def __init__(self, message: str, *, allowed: int = 0):
        super().__init__(message)
        self.allowed = allowed


@dataclass(frozen=True)
class Given:
    """`available` is what the giver can spend right after it."""

    wallet_id: int
    version: int
    points: int
    available: int
    is_replay: bool


def give_points(
    *,
    from_member_id: int,
    to_member_id: int,
    points: int,
    source: str,
    client_key: str,
    at: datetime,
    note: str = "",
    by_user_id: int | None = None,
) -> Given:
    """Give points to another member. They keep their last day. Raises CannotGive, NotEnoughPoints, UnknownMember, KeyReused."""
    if points <= 0:
        raise CannotGive(_("Give at least one point."))
    if from_member_id == to_member_id:
        raise _to_oneself()
    said = remarks.keep(
        note.strip()[:NOTE_MAX], member_id=from_member_id, source=source, client_key=client_key, other_id=to_member_id
    )
    arguments = [
        POINTS, catalogue.source_id(source), client_key, _hash(from_member_id, to_member_id, points, note),
        from_member_id, to_member_id, points, said, by_user_id, at, *_calendar(at),
    ]  # fmt: skip
    outcome, allowed, wallet_id, version, available = _again_after_races(partial(_call, arguments))
    if outcome not in {"recorded", "replay"}:
        raise _refusal(outcome, int(allowed or 0), client_key, from_member_id)
    return Given(wallet_id, version, points, available, is_replay=outcome == "replay")


def _to_oneself() -> CannotGive:
    return CannotGive(_("These are your own points already. Choose somebody else."))


def _hash(*said) -> bytes:
    return hashlib.blake2b(repr(said).encode(), digest_size=16).digest()


def _calendar(at: datetime) -> tuple:
    """The programme's day, and the moments at which its day and its month began."""
    local = at.astimezone(_programme_zone())
    midnight = datetime.combine(local.date(), time(), tzinfo=_programme_zone())
    return local.date(), midnight, midnight.replace(day=1)


def _call(arguments):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_give_points(%s::smallint, %s::bigint, %s::text, %s::bytea, %s::bigint, %s::bigint, %s::bigint,
                      %s::text, %s::bigint, %s::timestamptz, %s::date, %s::timestamptz, %s::timestamptz)""",
            arguments,
        )
        return cursor.fetchone()


def _refusal(outcome: str, allowed: int, client_key: str, from_member_id: int) -> LedgerRefusal:
    if outcome == "no_member":
        return UnknownMember(from_member_id)
    if outcome == "conflict":
        return KeyReused(client_key)
    if outcome == "oneself":  # two records of one person
        return _to_oneself()
    if outcome == "too_few":
        return NotEnoughPoints(allowed)
    policy = GiftPolicy.objects.get()
    words = {
        "closed": lambda: _("Points cannot be given away in this programme."),
        "too_small": lambda: (
            ngettext("Give at least %(n)d point.", "Give at least %(n)d points.", policy.points_min)
            % {"n": policy.points_min}
        ),
        "day": lambda: (
            _("At most %(max)s points a day can be given; %(left)s are left today.")
            % {"max": f"{policy.points_per_day_max:,}", "left": f"{max(0, allowed):,}"}
        ),
        "month": lambda: (
            _("At most %(max)s points a month can be given; %(left)s are left this month.")
            % {"max": f"{policy.points_per_month_max:,}", "left": f"{max(0, allowed):,}"}
        ),
        "tier": lambda: _("Giving points begins with the tier %(tier)s.") % {"tier": policy.from_tier.name},
    }
    return CannotGive(words[outcome](), allowed=max(0, allowed))


@transaction.atomic
def set_gift_policy(
    *, is_open: bool, points_min: int, points_per_day_max: int, points_per_month_max: int, from_tier_code: str = ""
) -> GiftPolicy:
    """Say within which limits members may give points. Raises CannotGive when the limits contradict each other."""
    if not 0 < points_min <= points_per_day_max <= points_per_month_max:
        raise CannotGive(_("The least gift is at most a day's limit, and that at most a month's."))
    tier = Tier.objects.filter(code=from_tier_code).first()
    if from_tier_code and tier is None:
        raise CannotGive(_("There is no tier %(tier)s.") % {"tier": from_tier_code})
    policy = GiftPolicy.objects.select_for_update().get()
    policy.is_open, policy.points_min, policy.from_tier = is_open, points_min, tier
    policy.points_per_day_max, policy.points_per_month_max = points_per_day_max, points_per_month_max
    policy.save()
    return policy
