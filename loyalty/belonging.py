"""Questions about points that several people share: a member's household, and a partner's settlement by month."""

from dataclasses import dataclass
from datetime import datetime

from loyalty.models import PoolShare, Wallet
from loyalty.operations.households import pool_balance
from loyalty.operations.purchases import POINTS
from members.models import Household


@dataclass(frozen=True)
class HouseholdNow:
    """A household as one of its members sees it. `available`: what it can spend; `debt`: what it owes after refunds."""

    household: Household
    available: int
    debt: int
    percent: int
    is_head: bool
    may_spend: bool
    shares: list[PoolShare]


def household_of(member_id: int, *, at: datetime) -> HouseholdNow | None:
    """The household a member pools in now; None without one. Three queries."""
    mine = PoolShare.objects.select_related("household").filter(member=member_id, until=None).first()
    if mine is None:
        return None
    wallet = Wallet.objects.filter(household=mine.household, currency=POINTS).first()
    shares = mine.household.pool_shares.filter(until=None).select_related("member").order_by("-is_head", "pk")
    return HouseholdNow(
        household=mine.household,
        available=pool_balance(mine.household, at=at),
        debt=wallet.debt if wallet else 0,
        percent=mine.percent,
        is_head=mine.is_head,
        may_spend=mine.may_spend,
        shares=list(shares),
    )
