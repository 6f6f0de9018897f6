"""Households that pool: who shares how much, who heads them, who may spend, and what happens when somebody leaves.

What was shared stays with the household. The head takes members in, hands over and dissolves; whoever is the last takes the
rest along.
"""

import hashlib
from datetime import datetime
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty.models import PoolShare
from loyalty.operations.errors import KeyReused, LedgerRefusal, NotEnoughPoints
from loyalty.operations.points import Moved
from loyalty.operations.purchases import POINTS, _again_after_races, _programme_zone
from members.models import Household, Member
from sales import catalogue

MEMBERS_MAX = 12


class CannotPool(LedgerRefusal):
    """A household cannot be formed, joined, left or changed so."""


@transaction.atomic
def found_household(*, name: str, head_id: int, percent: int, at: datetime) -> Household:
    """A new household with its head, who shares `percent` of every award. Raises CannotPool."""
    _lock_members(head_id)
    household = Household.objects.create(name=name.strip()[:100])
    _share(household, head_id, percent, at=at, is_head=True)
    return household


@transaction.atomic
def join_household(
    *, household: Household, member_id: int, percent: int, at: datetime, by_member_id: int, may_spend: bool = True
) -> PoolShare:
    """Take a member in; only the head does. Raises CannotPool."""
    _lock_members(member_id)
    _lock_household(household)
    _head_only(household, by_member_id)
    if household.pool_shares.filter(until=None).count() >= MEMBERS_MAX:
        raise CannotPool(_("A household has at most %(n)d members.") % {"n": MEMBERS_MAX})
    return _share(household, member_id, percent, at=at, may_spend=may_spend)


@transaction.atomic
def change_share(
    *, household: Household, member_id: int, at: datetime, by_member_id: int, percent: int, may_spend: bool
) -> PoolShare:
    """Members change their own part; who may spend is the head's to say. Raises CannotPool."""
    _lock_household(household)
    share = _standing(household, member_id)
    if by_member_id != member_id or may_spend != share.may_spend:
        _head_only(household, by_member_id)
    share.until = at
    share.save(update_fields=["until"])
    return _share(household, member_id, percent, at=at, may_spend=may_spend, is_head=share.is_head)


@transaction.atomic
def hand_over_household(*, household: Household, to_member_id: int, by_member_id: int) -> None:
    """Make another member the head. Raises CannotPool."""
    _lock_household(household)
    _head_only(household, by_member_id)
    heir = _standing(household, to_member_id)
    household.pool_shares.filter(until=None, is_head=True).update(is_head=False)
    PoolShare.objects.filter(pk=heir.pk).update(is_head=True)


@transaction.atomic
def leave_household(*, household: Household, member_id: int, at: datetime, by_member_id: int) -> None:
    """Leave, or be shown out by the head. What was shared stays; the last one to leave takes it along. Raises CannotPool."""
    _lock_household(household)
    share = _standing(household, member_id)
    if by_member_id != member_id:
        _head_only(household, by_member_id)
    others = household.pool_shares.filter(until=None).exclude(pk=share.pk)
    if share.is_head and others.exists():
        raise CannotPool(_("Hand the household over before you leave it."))
    if not others.exists():
        left = pool_balance(household, at=at)
        if left:
            draw_from_pool(
                household=household, member_id=member_id, points=left, source="ledger",
                client_key=f"pool-end:{share.pk}", at=at,
            )  # fmt: skip
    share.until = at
    share.save(update_fields=["until"])
    Member.objects.filter(pk=member_id).update(household=None)
    _set_pool(member_id, None, None)


def draw_from_pool(
    *, household: Household, member_id: int, points: int, source: str, client_key: str, at: datetime
) -> Moved:
    """Bring points from the household into the member's own, to spend them. Raises CannotPool, NotEnoughPoints, KeyReused."""
    if points <= 0:
        raise CannotPool(_("Take at least one point."))
    if not _standing(household, member_id).may_spend:
        raise CannotPool(_("The head of the household has not allowed this member to spend its points."))
    said = repr((household.pk, member_id, points)).encode()
    arguments = [
        POINTS, catalogue.source_id(source), client_key, hashlib.blake2b(said, digest_size=16).digest(), household.pk,
        member_id, points, at, at.astimezone(_programme_zone()).date(),
    ]  # fmt: skip
    outcome, wallet_id, version, available = _again_after_races(partial(_draw, arguments))
    if outcome == "conflict":
        raise KeyReused(client_key)
    if outcome == "too_few":
        raise NotEnoughPoints(available)
    return Moved(wallet_id, version, points, available, is_replay=outcome == "replay")


def pool_balance(household: Household, *, at: datetime) -> int:
    """What the household can spend at a time."""
    wallet = household.wallets.filter(currency=POINTS).first()
    if wallet is None:
        return 0
    day = at.astimezone(_programme_zone()).date()
    return sum(points for last, points in zip(wallet.lot_expires_on, wallet.lot_points, strict=True) if last >= day)


def _draw(arguments):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_draw_from_pool(%s::smallint, %s::bigint, %s::text, %s::bytea, %s::bigint, %s::bigint,
                      %s::bigint, %s::timestamptz, %s::date)""",
            arguments,
        )
        return cursor.fetchone()


def _lock_members(*member_ids: int):
    active = Member.objects.select_for_update().filter(pk__in=member_ids, status=Member.Status.ACTIVE)
    if len(active) < len(member_ids):
        raise CannotPool(_("There is no such active member."))


def _lock_household(household: Household):
    Household.objects.select_for_update().get(pk=household.pk)


def _head_only(household: Household, member_id: int):
    if not household.pool_shares.filter(until=None, is_head=True, member=member_id).exists():
        raise CannotPool(_("Only the head of the household may do this."))


def _standing(household: Household, member_id: int) -> PoolShare:
    share = household.pool_shares.filter(until=None, member=member_id).first()
    if share is None:
        raise CannotPool(_("This member does not belong to the household."))
    return share


def _share(household: Household, member_id: int, percent: int, *, at, may_spend=True, is_head=False) -> PoolShare:
    if not 0 <= percent <= 100:
        raise CannotPool(_("A share is between 0 and 100 percent."))
    if PoolShare.objects.filter(member=member_id, until=None).exists():
        raise CannotPool(_("This member belongs to a household already. Leave that one first."))
    made = PoolShare.objects.create(
        household=household, member_id=member_id, percent=percent, may_spend=may_spend, is_head=is_head, since=at
    )
    Member.objects.filter(pk=member_id).update(household=household)
    _set_pool(member_id, household.pk, percent)
    return made


def _set_pool(member_id: int, household_id: int | None, percent: int | None):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_set_pool(%s::smallint, %s::bigint, %s::bigint, %s::smallint)",
            [POINTS, member_id, household_id, percent],
        )
