"""Two members who are one person: points, tiers, offers and identity become one in a transaction, and may be taken apart."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty import rules
from loyalty.models import Entitlement, PoolShare, RuleState, Wallet
from loyalty.operations.errors import LedgerRefusal
from loyalty.operations.purchases import POINTS, _programme_zone
from members import masking
from members import operations as people
from members.models import Member, MemberMerge
from sales.models import Purchase


class CannotMerge(LedgerRefusal):
    """The two members cannot become one, or can no longer be taken apart."""


@dataclass(frozen=True)
class MergePreview:
    """What a merge would do. `moves` says it in words, one line a subject; `available` and `tier` are the survivor's after it."""

    moves: list[str]
    available: int
    debt: int
    tier: str


@transaction.atomic
def merge_members(
    *, survivor_id: int, absorbed_id: int, by_user_id: int | None, reason: str, at: datetime
) -> MemberMerge:
    """Make one member of two. Cards of both work; points keep their last day; the stricter consent holds. Raises CannotMerge."""
    try:
        made = people.merge(
            survivor_id=survivor_id, absorbed_id=absorbed_id, by_user_id=by_user_id, reason=reason, at=at
        )
    except people.CannotMerge as refusal:
        raise CannotMerge(str(refusal)) from None
    share = PoolShare.objects.select_for_update().filter(member=absorbed_id, until=None).first()
    if share and share.is_head:
        raise CannotMerge(_("The member to be absorbed heads a household. Hand the household over first."))
    if share:
        share.until = at
        share.save(update_fields=["until"])
        made.moved["pool_share"] = share.pk
        made.save(update_fields=["moved"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_merge_wallets(%s::bigint, %s::bigint, %s::bigint, %s::timestamptz, %s::date)",
            [made.pk, survivor_id, absorbed_id, at, _day(at)],
        )
    return made


@transaction.atomic
def unmerge_members(*, merge: MemberMerge, by_user_id: int | None, at: datetime) -> MemberMerge:
    """Take a merge apart: both are as they were, and what came after it stays with the survivor. Raises CannotMerge."""
    try:
        undone = people.unmerge(merge=merge, by_user_id=by_user_id, at=at)
    except people.CannotMerge as refusal:
        raise CannotMerge(str(refusal)) from None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_unmerge_wallets(%s::bigint, %s::bigint, %s::date, %s::timestamptz, %s::date)",
            [undone.pk, undone.absorbed_id, rules.known().live_at(at).expires_on(_day(at)), at, _day(at)],
        )
        if not cursor.fetchone()[0]:
            raise CannotMerge(_("The member was merged again since. Take that merge apart first."))
    _rejoin_pool(undone)
    return undone


def _rejoin_pool(merge: MemberMerge):
    """Back into the household, if it still stands and the member has joined no other."""
    share = PoolShare.objects.filter(pk=merge.moved.get("pool_share")).first()
    if share is None or PoolShare.objects.filter(member=share.member_id, until=None).exists():
        return
    if not PoolShare.objects.filter(household=share.household_id, until=None).exists():
        return
    share.until = None
    share.save(update_fields=["until"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_set_pool(%s::smallint, %s::bigint, %s::bigint, %s::smallint)",
            [POINTS, share.member_id, share.household_id, share.percent],
        )


def preview_merge(*, survivor_id: int, absorbed_id: int, at: datetime) -> MergePreview:
    """What merging would move, in words, and what would come of it: found by doing it and taking it back. Raises CannotMerge."""
    moves = _moves(absorbed_id, at)
    with transaction.atomic():
        merge_members(survivor_id=survivor_id, absorbed_id=absorbed_id, by_user_id=None, reason="", at=at)
        after = Wallet.objects.select_related("tier").filter(member=survivor_id, currency=POINTS).first()
        stricter = Member.objects.get(pk=absorbed_id).merged_into.merges.latest("pk").moved["consents"]
        transaction.set_rollback(True)
    if stricter:
        moves.append(
            ngettext("%(n)d consent is withdrawn, because the other said no.", "%(n)d consents are withdrawn, because the other said no.", len(stricter))
            % {"n": len(stricter)}
        )  # fmt: skip
    if after is None:
        return MergePreview(moves, 0, 0, "")
    return MergePreview(moves, after.available, after.debt, after.tier.name if after.tier else "")


def _moves(absorbed_id: int, at: datetime) -> list[str]:
    """One line for each kind of thing that goes over."""
    wallet = Wallet.objects.select_related("tier").filter(member=absorbed_id, currency=POINTS).first()
    absorbed = Member.objects.prefetch_related("identifiers").get(pk=absorbed_id)
    lines = [
        _("%(kind)s %(masked)s works for the survivor from now on.")
        % {"kind": one.get_kind_display(), "masked": masking.identifier(one.kind, one.value)}
        for one in absorbed.identifiers.all()
    ]
    if wallet:
        lines += _of_wallet(wallet, at)
    bought = Purchase.objects.filter(member=absorbed_id).count()
    if bought:
        lines.append(
            ngettext("%(n)s purchase shows in the survivor's history.", "%(n)s purchases show in the survivor's history.", bought)
            % {"n": f"{bought:,}"}
        )  # fmt: skip
    offers = Entitlement.objects.filter(member=absorbed_id, uses_left__gt=0, valid_until__gte=at).count()
    if offers:
        lines.append(ngettext("%(n)d offer goes over.", "%(n)d offers go over.", offers) % {"n": offers})
    if PoolShare.objects.filter(member=absorbed_id, until=None).exists():
        lines.append(_("The absorbed member leaves their household; what they shared stays in it."))
    return lines


def _of_wallet(wallet: Wallet, at: datetime) -> list[str]:
    lots = [
        (last, points)
        for last, points in zip(wallet.lot_expires_on, wallet.lot_points, strict=True)
        if last >= _day(at)
    ]
    lines = [
        ngettext("%(n)s point goes over and keeps its last day, %(day)s.", "%(n)s points go over and keep their last day, %(day)s.", points)
        % {"n": f"{points:,}", "day": date_format(last, "DATE_FORMAT")}
        for last, points in lots
    ]  # fmt: skip
    if wallet.debt:
        lines.append(
            ngettext("%(n)s point owed goes over.", "%(n)s points owed go over.", wallet.debt)
            % {"n": f"{wallet.debt:,}"}
        )
    if wallet.held or wallet.pending:
        lines.append(_("Points on hold or on their way go over when they come free."))
    counted = RuleState.objects.filter(wallet=wallet).exclude(term__contains="#").values("rule").distinct().count()
    if counted:
        lines.append(
            ngettext("What %(n)d rule has counted goes over, such as visits and stamps.", "What %(n)d rules have counted goes over, such as visits and stamps.", counted)
            % {"n": counted}
        )  # fmt: skip
    if wallet.tier:
        lines.append(_("The purchases behind the tier %(tier)s count for the survivor.") % {"tier": wallet.tier.name})
    return lines


def _day(at: datetime):
    return at.astimezone(_programme_zone()).date()
