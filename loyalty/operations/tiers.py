"""What the calendar does to tiers, what is given by invitation, and the ladder itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from loyalty import rules, signals
from loyalty.models import RuleSet, Tier, TierBenefit, TierGrant, TierPolicy
from loyalty.operations.errors import LedgerRefusal, UnknownMember
from loyalty.operations.purchases import POINTS, TierMove, _programme_zone
from loyalty.tiers import WINDOW_MONTHS_MAX

CODE_FIELDS = (
    "name_en", "name_zh", "rank", "how", "points_from", "spend_minor_from", "visits_from", "credits_from", "must_meet_all", "counted_over",
    "window_months", "grace_months",
)  # fmt: skip


class CannotChangeTiers(LedgerRefusal):
    """A ladder that cannot stand, or a tier that cannot be given."""


@dataclass(frozen=True)
class Evaluated:
    """Wallets whose window moved on, and how many of them changed tier."""

    wallets: int
    changes: int


def evaluate_tiers(*, at: datetime) -> Evaluated:
    """Move every window on to the month of `at`; who stopped buying loses the tier. Any number of runs do it once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM loyalty_evaluate_tiers(%s::timestamptz, %s::date)",
            [at, at.astimezone(_programme_zone()).date()],
        )
        return Evaluated(*cursor.fetchone())


def give_tier(
    *,
    member_id: int,
    tier_code: str,
    kind: str,
    cause: str,
    until: datetime | None,
    by_user_id: int | None,
    at: datetime,
    note: str = "",
) -> str:
    """Give a tier by invitation, membership or as an opening; the same cause again changes it. Returns the tier held then.

    Raises CannotChangeTiers, UnknownMember.
    """
    known = {tier.code: tier for tier in rules.known().tiers.values()}
    tier = known.get(tier_code)
    if tier is None:
        raise CannotChangeTiers(_("There is no tier %(tier)s.") % {"tier": tier_code})
    if kind == TierGrant.Kind.INVITATION and tier.how != Tier.How.INVITED:
        raise CannotChangeTiers(_("The tier %(tier)s is not given by invitation.") % {"tier": tier.name})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT * FROM loyalty_give_tier(%s::smallint, %s::bigint, %s::smallint, %s::text, %s::text, %s::timestamptz, %s::text,
                      %s::bigint, %s::timestamptz, %s::date)""",
            [
                POINTS, member_id, tier.pk, kind, cause, until, note[:200], by_user_id, at,
                at.astimezone(_programme_zone()).date(),
            ],
        )  # fmt: skip
        before, after = cursor.fetchone()
    if after is None:
        raise UnknownMember(member_id)
    tiers = rules.known().tiers
    if before != after:
        move = TierMove(member_id, tiers[before].code, tiers[after].code, None)
        transaction.on_commit(partial(signals.tier_changed.send, sender=Evaluated, changes=[move]), robust=True)
    return tiers[after].code


def end_tier(*, member_id: int, cause: str, at: datetime) -> str:
    """End a tier that was given for a cause; the one the member has earned is left. Raises CannotChangeTiers."""
    grant = TierGrant.objects.select_related("tier").filter(wallet__member=member_id, cause=cause).first()
    if grant is None:
        raise CannotChangeTiers(_("Nothing was given for this."))
    return give_tier(
        member_id=member_id, tier_code=grant.tier.code, kind="", cause=cause, until=at - timedelta(seconds=1),
        by_user_id=grant.by_user_id, at=at, note=grant.note,
    )  # fmt: skip


@transaction.atomic
def change_tier(*, code: str, benefits: Sequence[tuple[str, str]] | None = None, **facts) -> Tier:
    """Make a tier or change it; `benefits` are (English, Chinese). Counts from the next purchase, and at the next evaluation.

    Raises CannotChangeTiers. Every process learns of it: the newest rule set is published once more.
    """
    if unknown := set(facts) - set(CODE_FIELDS):
        raise CannotChangeTiers(", ".join(sorted(unknown)))
    tier = Tier.objects.filter(code=code).first() or Tier(code=code)
    for name, value in facts.items():
        setattr(tier, name, value)
    tier.save()
    if benefits is not None:
        tier.benefits.all().delete()
        TierBenefit.objects.bulk_create(
            [TierBenefit(tier=tier, place=n, words_en=en, words_zh=zh) for n, (en, zh) in enumerate(benefits)]
        )
    _check_ladder(list(Tier.objects.order_by("rank")))
    _tell_processes()
    return tier


@transaction.atomic
def set_tier_policy(*, currency: str, falls_one_step: bool) -> TierPolicy:
    """What holds for the whole ladder."""
    policy, _is_new = TierPolicy.objects.update_or_create(
        pk=1, defaults={"currency": currency, "falls_one_step": falls_one_step}
    )
    _tell_processes()
    return policy


def _check_ladder(ladder: list[Tier]):
    lowest = ladder[0]
    if lowest.how != Tier.How.EARNED or rules.step_of(lowest).asks:
        raise CannotChangeTiers(_("The lowest tier is everybody's: it asks for nothing."))
    for tier in ladder[1:]:
        if tier.how == Tier.How.EARNED and not rules.step_of(tier).asks:
            raise CannotChangeTiers(
                _("The tier %(tier)s asks for nothing, so everybody would have it.") % {"tier": tier.name}
            )
        if not 1 <= tier.window_months <= WINDOW_MONTHS_MAX:
            raise CannotChangeTiers(_("A window holds 1 to 60 months."))


def _tell_processes():
    """Publish the newest rules once more: whoever knows an older version reads rules and ladder anew before it posts."""
    newest = RuleSet.objects.order_by("-live_from", "-version").first()
    if newest is not None:
        version = RuleSet.objects.order_by("-version").first().version + 1
        RuleSet.objects.create(
            version=version, name=newest.name, definition=newest.definition, live_from=newest.live_from
        )
    rules.forget()
    transaction.on_commit(rules.forget)
