"""Questions to the ledger."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.formats import date_format

from loyalty import bonuses, explaining, remarks, rules, sentences, sharing_wording
from loyalty.belonging import household_of  # noqa: F401 -- asked for through this module
from loyalty.climbing import TierProgress, progress_of
from loyalty.earning import NEVER
from loyalty.models import (
    Account,
    Award,
    Entitlement,
    Grant,
    Hold,
    PendingPoints,
    Redemption,
    RuleSet,
    Tier,
    Transfer,
    Wallet,
)
from loyalty.operations.purchases import POINTS, _programme_zone
from loyalty.spending import wording
from sales.models import Purchase, PurchaseLine


@dataclass(frozen=True)
class Balance:
    """What a member has. `available` leaves out what expired by `at`, whether or not the job has posted it."""

    available: int
    pending: int
    held: int
    debt: int
    carry_micropoints: int
    next_expiry: tuple[date, int] | None


@dataclass(frozen=True)
class Entry:
    """One act in a member's ledger. `points` has a sign; `version` is the cursor for the next page."""

    version: int
    points: int
    available_after: int
    debt_change: int
    reason: str
    sentence: str
    note: str
    purchase_id: int | None
    occurred_at: datetime
    expires_on: date | None
    by_user_id: int | None


@dataclass(frozen=True)
class ProgrammeTotals:
    """One currency by what became of it, and who holds it. issued = redeemed + expired + taken_back + outstanding − debt."""

    members: int
    issued: int
    redeemed: int
    expired: int
    taken_back: int
    outstanding: int
    debt: int
    expired_not_posted: int
    members_by_tier: dict[str, int]


def day_of(at: datetime) -> date:
    """The programme's calendar day at a moment."""
    return at.astimezone(_programme_zone()).date()


def wallets() -> QuerySet[Wallet]:
    """All members' wallets of points, for audiences: `member_id`, `available`, `tier_id`, `last_purchase_at`, …"""
    return Wallet.objects.filter(currency_id=POINTS, member__isnull=False)


def wallet_of(member_id: int) -> Wallet | None:
    """A member's wallet of points; None before the first purchase."""
    return wallets().filter(member_id=member_id).first()


# Points that wait or are set aside in wallets merged into this one: they come over when they are free.
_STILL_THERE = """(SELECT ARRAY[coalesce(sum(v.pending), 0), coalesce(sum(v.held), 0)]::bigint[] FROM loyalty_wallet v
                    WHERE v.id = ANY (loyalty_kin(loyalty_wallet.id)) AND v.id <> loyalty_wallet.id)"""


def balance(member_id: int, *, at: datetime) -> Balance:
    """What the member has at a time, whether or not a job has run: one query, and one more while points are held or wait.

    What waits or is held in records merged into this one is counted with it.
    """
    counts = ArrayField(models.BigIntegerField())
    wallet = wallets().filter(member_id=member_id).annotate(still_there=RawSQL(_STILL_THERE, [], counts)).first()  # noqa: S611
    if wallet is None:
        return Balance(0, 0, 0, 0, 0, None)
    matured = _matured(wallet, at)
    lots, returning, paid = _lots_at(wallet, at, matured)
    expiring = [lot for lot in lots if lot[0] < NEVER]
    return Balance(
        available=sum(points for _, points in lots),
        pending=wallet.pending - sum(points for _, points in matured) + wallet.still_there[0],
        held=wallet.held - returning + wallet.still_there[1],
        debt=wallet.debt - paid,
        carry_micropoints=wallet.carry_micropoints,
        next_expiry=expiring[0] if expiring else None,
    )


def spendable(member_id: int, *, at: datetime) -> int:
    """What the member may spend at a time: a debt that counts against the balance leaves less."""
    wallet, found = wallet_of(member_id), balance(member_id, at=at)
    return max(0, found.available - found.debt) if wallet and wallet.is_debt_netted else found.available


def _lots_at(wallet: Wallet, at: datetime, matured: list[tuple[date, int]]) -> tuple[list[tuple[date, int]], int, int]:
    """What the jobs would leave: the lots (last day, points), earliest first; points of holds that ran out; debt they pay."""
    lots = Counter(dict(zip(wallet.lot_expires_on, wallet.lot_points, strict=True)))
    ended = Hold.objects.filter(wallet=wallet, state=Hold.State.OPEN, expires_at__lte=at) if wallet.held else ()
    returning = [lot for one in ended for lot in zip(one.lot_expires_on, one.lot_points, strict=True)]
    for last_day, points in (*returning, *matured):
        lots[last_day] += points
    today = day_of(at)
    unexpired = [] if is_idle(wallet, at=at) else sorted(lot for lot in lots.items() if lot[0] >= today)
    paid = min(wallet.debt, sum(points for last_day, points in (*returning, *matured) if last_day >= today))
    return _without_first(unexpired, paid), sum(points for _, points in returning), paid


def is_idle(wallet: Wallet, *, at: datetime) -> bool:
    """Whether the holder has done nothing for so long that the points have expired."""
    active_from = rules.known().live_at(at).expiry.active_from(at)
    done = [moment for moment in (wallet.last_purchase_at, wallet.active_at) if moment]
    return bool(active_from and done) and max(done) < active_from


def _without_first(lots: list[tuple[date, int]], points: int) -> list[tuple[date, int]]:
    left = []
    for last_day, there in lots:
        taken = min(points, there)
        points -= taken
        if there > taken:
            left.append((last_day, there - taken))
    return left


def _matured(wallet: Wallet, at: datetime) -> list[tuple[date, int]]:
    """Points whose day has come by `at`, with their last day, whether or not the job has posted it."""
    if not wallet.pending:
        return []
    rows = wallet.pending_points.filter(points_left__gt=0, matures_on__lte=day_of(at)).order_by("expires_on", "pk")
    return list(rows.values_list("expires_on", "points_left"))


def next_maturity(member_id: int) -> date | None:
    """The first day on which some of the pending points can be spent; None when all of them wait for somebody."""
    waiting = PendingPoints.objects.filter(wallet__member=member_id, points_left__gt=0, matures_on__isnull=False)
    return waiting.order_by("matures_on").values_list("matures_on", flat=True).first()


def tier_progress(member_id: int, *, at: datetime) -> TierProgress:
    """The tier of the window that `at` ends, and the way to the next. One query once the ladder is known."""
    return progress_of(wallet_of(member_id), today=day_of(at))


def ladder() -> list[tuple[Tier, int]]:
    """The tiers from the lowest, each with the percent that the newest rule set multiplies by."""
    known = rules.known()
    percents = known.rule_sets[-1].tier_percents if known.rule_sets else {}
    return [(tier, percents.get(tier.code, 100)) for tier in known.tiers.values()]


def live_rule_set(*, at: datetime) -> RuleSet | None:
    """The published version in force at a time; None before the first. Of two from the same moment the later counts."""
    return RuleSet.objects.filter(live_from__lte=at).order_by("-live_from", "-version").first()


def active_entitlements(member_id: int, *, at: datetime) -> QuerySet[Entitlement]:
    """Benefits the member could use at a time, the soonest to end first."""
    return (
        Entitlement.objects.filter(member_id=member_id, valid_from__lte=at, valid_until__gte=at, uses_left__gt=0)
        .select_related("category")
        .order_by("valid_until", "pk")
    )


def explanation(purchase_id: int) -> dict:
    """Why a purchase earned what it earned, made anew from the award's stored inputs. Empty if it earned for nobody."""
    return explaining.of_purchase(purchase_id)


# -- entries -----------------------------------------------------------------------------------------------------------

_ACTS = """
SELECT max(version), sum(CASE WHEN credit_account = %(available)s THEN points WHEN debit_account = %(available)s THEN -points ELSE 0 END),
       (array_agg(available_after ORDER BY version DESC))[1],
       sum(CASE WHEN debit_account = %(debt)s THEN points WHEN credit_account = %(debt)s THEN -points ELSE 0 END),
       array_agg(ARRAY[reason, debit_account::text, credit_account::text, points::text] ORDER BY version),
       max(note), max(purchase_id), max(occurred_at), max(expires_on), max(by_user_id), source_id, client_key
  FROM loyalty_transfer
 WHERE wallet_id = %(wallet)s AND version < %(before)s
 GROUP BY source_id, client_key ORDER BY 1 DESC LIMIT %(limit)s
"""


def entries(member_id: int, *, limit: int = 50, before_version: int | None = None) -> list[Entry]:
    """A member's ledger, newest first, each act in words. The same few queries for one entry and for fifty."""
    wallet = wallet_of(member_id)
    if wallet is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _ACTS,
            {
                "available": Account.AVAILABLE, "debt": Account.DEBT, "wallet": wallet.pk, "limit": limit,
                "before": before_version or wallet.version + 1,
            },
        )  # fmt: skip
        acts = _with_rewards(wallet.pk, _with_words([_told(act) for act in cursor.fetchall()]))
    explained = explanations([act.purchase_id for act in acts if act.reason == Transfer.Reason.PURCHASE])
    refunds = Purchase.objects.in_bulk([act.purchase_id for act in acts if act.reason == Transfer.Reason.REFUND])
    given = _given(wallet.pk, acts)
    return [_entry(act, explained, refunds, given[act.source_id, act.client_key]) for act in acts]


def _with_rewards(wallet_id: int, acts: list["_Act"]) -> list["_Act"]:
    """Acts that handed out a reward carry its name in the reader's language. A query more where there are any."""
    keys = [act.client_key for act in acts if act.reason == Transfer.Reason.REDEMPTION]
    if not keys:
        return acts
    handed_out = Redemption.objects.filter(wallet=wallet_id, client_key__in=keys).select_related("reward")
    names = {(one.source_id, one.client_key): one.reward.name for one in handed_out}
    return [
        act._replace(note=names.get((act.source_id, act.client_key), act.note))  # noqa: SLF001 (a named tuple's own way)
        for act in acts
    ]


class _Act(NamedTuple):
    """One act as its transfers tell it; `moves` are points by reason, giving and taking account."""

    version: int
    points: int
    available_after: int
    debt_change: int
    moves: Mapping
    note: str
    purchase_id: int | None
    occurred_at: datetime
    expires_on: date | None
    by_user_id: int | None
    source_id: int
    client_key: str
    reason: str


def _told(row: tuple) -> _Act:
    moves = wording.moves_of(row[4])
    return _Act(row[0], int(row[1]), row[2], int(row[3]), moves, *row[5:], wording.main_reason(moves))


def _with_words(acts: list[_Act]) -> list[_Act]:
    """Notes are references to words that lie apart, so that they can be forgotten."""
    words = remarks.opened(act.note for act in acts)
    return [act._replace(note=words[act.note]) for act in acts]  # noqa: SLF001 (a named tuple's own way)


def _entry(act: _Act, explained: dict, refunds: dict, more: list[str]) -> Entry:
    sentence = _sentence(act, explained.get(act.purchase_id), refunds.get(act.purchase_id), more)
    return Entry(
        version=act.version,
        points=act.points,
        available_after=act.available_after,
        debt_change=act.debt_change,
        reason=act.reason,
        sentence=wording.with_rest(sentence, act.reason, act.moves),
        note=act.note,
        purchase_id=act.purchase_id,
        occurred_at=act.occurred_at,
        expires_on=act.expires_on,
        by_user_id=act.by_user_id,
    )


def _sentence(act: _Act, explained, refund, more: list[str]) -> str:  # noqa: PLR0911 (one for each kind of act)
    moved = wording.moved(act.moves, act.reason)
    if act.reason == Transfer.Reason.PURCHASE:
        return sentences.of_purchase(explained, wording.moved(act.moves, Transfer.Reason.BONUS), more)
    if act.reason == Transfer.Reason.REFUND:
        back = moved + wording.moved(act.moves, Transfer.Reason.BONUS_BACK)
        return sentences.of_refund(back, max(act.debt_change, 0), -refund.total_minor, refund.currency, more)
    if act.reason in {Transfer.Reason.BONUS, Transfer.Reason.BONUS_BACK}:
        return sentences.of_bonus(moved, more, is_back=act.reason == Transfer.Reason.BONUS_BACK)
    if act.reason == Transfer.Reason.MATURITY:
        return bonuses.of_maturity(moved)
    if act.reason == Transfer.Reason.EXPIRY:
        return sentences.of_expiry(moved, date_format(act.expires_on, "DATE_FORMAT"))
    if act.reason == Transfer.Reason.REVIEW:
        return sentences.of_review(moved, act.points)
    for words in (sharing_wording, wording):
        if said := words.of(act.reason, act.moves, note=act.note):
            return said
    return sentences.of_adjustment(moved, act.note, is_goodwill=act.reason == Transfer.Reason.GOODWILL)


def _given(wallet_id: int, acts: list[_Act]) -> dict[tuple[int, str], list[str]]:
    """What rules with a memory gave or took in each act, in any currency, and what of it still waits: two queries at most."""
    words = defaultdict(list)
    if not any(rule_set.needs_state for rule_set in rules.known().rule_sets):
        return words
    keys = [act.client_key for act in acts]
    purchases = [act.purchase_id for act in acts if act.purchase_id is not None]
    grants = Grant.objects.filter(Q(wallet_id=wallet_id, client_key__in=keys) | Q(purchase_id__in=purchases)).order_by(
        "pk"
    )
    fields = ("source_id", "client_key", "term", "rule_set_id", "wallet__currency__code", "amount", "units", "terms")
    for source_id, client_key, *said in grants.values_list(*fields):
        words[source_id, client_key] += bonuses.in_words([bonuses.Bonus(*said)])
    waiting = PendingPoints.objects.filter(wallet_id=wallet_id, client_key__in=keys, points_left__gt=0).order_by("pk")
    for row in waiting:
        words[row.source_id, row.client_key].append(bonuses.of_waiting(row.points_left, row.matures_on))
    return words


def explanations(purchase_ids: list[int]) -> dict[int, dict]:
    """The explanations of many purchases without what rules with a memory gave, by purchase; who earned for nobody is left out. Three queries."""
    if not purchase_ids:
        return {}
    awards = list(Award.objects.select_related("purchase").filter(pk__in=purchase_ids))
    lines = defaultdict(list)
    rows = PurchaseLine.objects.filter(purchase_id__in=purchase_ids).order_by("purchase_id", "line_no")
    for purchase_id, product_id, total_minor in rows.values_list("purchase_id", "product_id", "total_minor"):
        lines[purchase_id].append((product_id, total_minor))
    return {
        award.pk: explaining.of_award(
            award,
            *explaining.plan_again(
                award.rule_set_id, currency=award.purchase.currency, at=award.purchase.purchased_at, lines=lines[award.pk],
                type_ids=award.line_category_ids, inputs=award.inputs or {},
            ),
        )
        for award in awards
    }  # fmt: skip


# -- the whole programme -----------------------------------------------------------------------------------------------

# What came in and what became of it: the same figures as the sum of all months in loyalty/liability.py.
_TOTALS = """
WITH wallets AS MATERIALIZED (SELECT * FROM loyalty_wallet WHERE currency_id = %(currency)s),
moved AS (
    SELECT t.debit_account AS debit, t.credit_account AS credit, sum(t.points) AS points
      FROM loyalty_transfer t JOIN wallets w ON w.id = t.wallet_id GROUP BY 1, 2)
SELECT (SELECT count(*) FROM wallets WHERE member_id IS NOT NULL),
       coalesce(sum(points) FILTER (WHERE debit IN (1, 6, 7, 8)), 0),
       coalesce(sum(CASE WHEN credit IN (2, 8) THEN points WHEN debit = 2 THEN -points END), 0),
       coalesce(sum(CASE WHEN credit = 3 THEN points WHEN debit = 3 THEN -points END), 0),
       coalesce(sum(CASE WHEN credit IN (1, 4, 6, 7) THEN points WHEN debit = 4 THEN -points END), 0),
       (SELECT coalesce(sum(available + pending + held), 0) FROM wallets),
       (SELECT coalesce(sum(debt), 0) FROM wallets),
       (SELECT coalesce(sum(lot.points), 0) FROM wallets w
          CROSS JOIN unnest(w.lot_expires_on, w.lot_points) AS lot (last_day, points)
         WHERE w.lot_expires_on[1] < %(today)s AND lot.last_day < %(today)s)
  FROM moved
"""


def programme_totals(*, at: datetime, currency_id: int = POINTS) -> ProgrammeTotals:
    """What was issued in a currency and what became of it, to the unit. What came back (points restored, reinstated) is
    netted; `outstanding` counts what expired but is not posted yet; tiers are those of points.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"currency": currency_id, "today": day_of(at)})
        totals = [int(value) for value in cursor.fetchone()]
    return ProgrammeTotals(*totals, members_by_tier=members_by_tier())


def members_by_tier() -> dict[str, int]:
    """Members with a wallet of points by the code of the tier they hold, from the lowest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.code, count(w.id) FROM loyalty_tier t LEFT JOIN loyalty_wallet w"
            " ON w.tier_id = t.id AND w.currency_id = %s AND w.member_id IS NOT NULL"
            " GROUP BY t.code, t.rank ORDER BY t.rank",
            [POINTS],
        )
        return dict(cursor.fetchall())
