"""What the programme owes its members: points by the month they were earned in, and in money, from the ledger alone.

Every figure is a sum of transfers, so it equals the ledger to the point. Within a lot the points earned first are the
first to go. Points held or pending are owed like available ones; what members owe stands apart and is not netted.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from loyalty import breakage
from loyalty.breakage import GROUPS, Estimate, Flow
from loyalty.earning import NEVER
from loyalty.models import Currency, PointValue, Wallet

BUCKETS = {10: "available", 11: "pending", 12: "held"}
BREAKAGE_UNKNOWN = {
    breakage.NOTHING_OWED: _("nothing is owed"),
    breakage.TOO_YOUNG: _("less than two months of history"),
    breakage.NOTHING_SPENT: _("no points were spent in any month that is over, so nothing says how many never will be"),
    breakage.NONE_ENDED: _("no points have reached their last day yet, so nobody knows how many are left over by then"),
}


@dataclass(frozen=True)
class Value:
    """What a point is worth: minor units of `money` per thousand points."""

    money: str
    minor_per_1000: int

    def minor(self, points: int) -> int:
        """The worth of points in minor units, half a unit rounded up."""
        return (points * self.minor_per_1000 + 500) // 1000


@dataclass(frozen=True)
class Cohort:
    """Points earned in one month that are still owed, in a currency; `expired_not_posted` of the available are past their day."""

    month: date
    available: int
    pending: int
    held: int
    expired_not_posted: int
    breakage: Estimate
    value: Value | None

    @property
    def points(self) -> int:
        """Points owed: all that is there and has not expired."""
        return self.available + self.pending + self.held - self.expired_not_posted

    @property
    def minor(self) -> int | None:
        """What they are worth, before breakage."""
        return self.value.minor(self.points) if self.value else None

    @property
    def breakage_minor(self) -> int | None:
        """What of it nobody is expected to claim."""
        if self.value is None or self.breakage.share is None:
            return None
        return self.value.minor(round(self.points * self.breakage.share))

    @property
    def net_minor(self) -> int | None:
        """What is expected to be claimed: the liability after breakage, or all of it where breakage is unknown."""
        return None if self.minor is None else self.minor - (self.breakage_minor or 0)


@dataclass(frozen=True)
class Liability:
    """All cohorts of a currency at a moment, with the control totals they must add up to."""

    currency: str
    at: datetime
    value: Value | None
    cohorts: list[Cohort]
    ledger_points: int
    debt: int
    breakage: Estimate

    @property
    def counted_points(self) -> int:
        """Available, pending and held points of all cohorts, the expired ones that are not posted included."""
        return sum(cohort.points + cohort.expired_not_posted for cohort in self.cohorts)

    @property
    def difference(self) -> int:
        """Zero, or the report is wrong."""
        return self.counted_points - self.ledger_points

    @property
    def points(self) -> int:
        return sum(cohort.points for cohort in self.cohorts)

    @property
    def minor(self) -> int | None:
        return sum(cohort.minor or 0 for cohort in self.cohorts) if self.value else None

    @property
    def breakage_minor(self) -> int | None:
        if self.value is None or self.breakage.share is None:
            return None
        return sum(cohort.breakage_minor or 0 for cohort in self.cohorts)

    @property
    def why_unknown(self) -> str:
        """Why breakage is unknown, in words; empty when it is known. The liability is then shown in full."""
        return str(BREAKAGE_UNKNOWN[self.breakage.why]) if self.breakage.share is None else ""

    @property
    def net_minor(self) -> int | None:
        return sum(cohort.net_minor or 0 for cohort in self.cohorts) if self.value else None


@dataclass(frozen=True)
class Month:
    """One month's movements. closing = opening + issued − redeemed − expired − cancelled + owed_more."""

    month: date
    opening: int
    issued: int
    redeemed: int
    expired: int
    cancelled: int
    owed_more: int
    closing: int


def value_at(day: date, currency: str) -> Value | None:
    """What a point of a currency is worth on a day; cashback is money already. None where nobody has said it."""
    if currency.startswith("cashback:"):
        return Value(currency.removeprefix("cashback:"), 1000)
    found = (
        PointValue.objects.filter(currency__code=currency, effective_from__lte=day)
        .order_by("-effective_from", "-pk")
        .first()
    )
    return Value(found.money, found.minor_per_1000) if found else None


def currencies() -> list[Currency]:
    """Points, and the other currencies that somebody has a wallet of."""
    used = Exists(
        Wallet.objects.filter(currency=OuterRef("pk"))
    )  # the first wallet is enough: a join would read a million
    return list(Currency.objects.filter(used | Q(code="points")).order_by("pk"))


# The buckets of a wallet hold layers: what came in, oldest first. What went out took the oldest; what came back (points
# restored, released, reinstated) had gone out before and is put back under them, or, where it had not, is a layer of its own.
_LAYERS = """
WITH moves AS (
    SELECT t.wallet_id, side.account, CASE side.account WHEN 10 THEN t.expires_on END AS lot, t.expires_on, t.version, side.points,
           date_trunc('month', coalesce(p.purchased_at, t.occurred_at) AT TIME ZONE %(zone)s)::date AS month,
           side.points > 0 AND side.account = 10
               AND (side.other IN (2, 3, 4, 12) OR (side.other = 11 AND t.reason = 'review')) AS is_back
      FROM loyalty_transfer t
      JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(currency)s
      LEFT JOIN sales_purchase p ON p.id = t.purchase_id AND t.debit_account IN (10, 11)
     CROSS JOIN LATERAL (VALUES (t.credit_account, t.points, t.debit_account), (t.debit_account, -t.points, t.credit_account))
                        AS side (account, points, other)
     WHERE side.account IN (10, 11, 12) AND t.occurred_at <= %(at)s
), gone AS (
    SELECT wallet_id, account, lot, -sum(points) AS points, min(month) FILTER (WHERE is_back) AS month
      FROM moves WHERE points < 0 OR is_back GROUP BY 1, 2, 3
), born AS (
    SELECT wallet_id, lot, min(month) AS month FROM moves WHERE account = 10 AND points > 0 AND NOT is_back GROUP BY 1, 2
), layers AS (
    SELECT m.wallet_id, m.account, m.lot, CASE WHEN m.account = 12 THEN coalesce(b.month, m.month) ELSE m.month END AS month,
           m.points, sum(m.points) OVER (PARTITION BY m.wallet_id, m.account, m.lot ORDER BY m.version) AS until
      FROM moves m LEFT JOIN born b ON m.account = 12 AND b.wallet_id = m.wallet_id AND b.lot = m.expires_on
     WHERE m.points > 0 AND NOT m.is_back
)
"""

_LEFT_OVER = f"""{_LAYERS}, left_over AS (
    SELECT l.wallet_id, l.month, l.account, l.lot, greatest(0, least(l.points, l.until - greatest(0, coalesce(g.points, 0)))) AS points
      FROM layers l LEFT JOIN gone g ON g.wallet_id = l.wallet_id AND g.account = l.account AND g.lot IS NOT DISTINCT FROM l.lot
     UNION ALL
    SELECT wallet_id, month, account, lot, -points FROM gone WHERE points < 0
)
"""  # noqa: S608 (its parts are constants of this file)

_COHORTS = f"""{_LEFT_OVER}
SELECT month, account, lot, sum(points)::bigint FROM left_over WHERE points > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 (its parts are constants of this file)

_HOLDERS = f"""{_LEFT_OVER}
SELECT w.member_id FROM left_over o JOIN loyalty_wallet w ON w.id = o.wallet_id
 WHERE o.points > 0 AND o.month = %(month)s AND (o.lot IS NULL OR o.lot >= %(today)s) AND w.member_id IS NOT NULL
"""  # noqa: S608 (its parts are constants of this file)

_LEDGER = """
SELECT coalesce(sum(CASE WHEN t.credit_account IN (10, 11, 12) THEN t.points ELSE 0 END), 0)::bigint
       - coalesce(sum(CASE WHEN t.debit_account IN (10, 11, 12) THEN t.points ELSE 0 END), 0)::bigint,
       coalesce(sum(CASE WHEN t.debit_account = 13 THEN t.points WHEN t.credit_account = 13 THEN -t.points ELSE 0 END), 0)::bigint
  FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(currency)s
 WHERE t.occurred_at <= %(at)s
"""


@dataclass(frozen=True)
class Counted:
    """What the ledger says of a currency at a moment, before anything is estimated: all that takes long to find out.

    `lots`: month, account, last day, points; `flows`: as `breakage.Flow` has them; `months`: as `_MOVEMENTS` has them.
    """

    at: datetime
    lots: list[tuple]
    ledger_points: int
    debt: int
    flows: list[tuple]
    has_ended: bool
    months: list[tuple]


def count(*, currency: Currency, at: datetime) -> Counted:
    """Ask the ledger: four statements, each over every transfer of the currency."""
    asked = {"currency": currency.pk, "at": at, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:

        def rows(statement: str) -> list[tuple]:
            cursor.execute(statement, asked)
            return cursor.fetchall()

        lots, [(ledger_points, debt)] = rows(_COHORTS), rows(_LEDGER)
        return Counted(at, lots, ledger_points, debt, *_lived(cursor, currency, at), rows(_MOVEMENTS))


def holders(*, currency: Currency, month: date, at: datetime) -> tuple[str, dict]:
    """A statement of the member ids, some repeated, who are owed points earned in a month, and its parameters; pools of others are none."""
    today = at.astimezone(_zone()).date()
    return _HOLDERS, {"currency": currency.pk, "month": month, "at": at, "today": today, "zone": settings.TIME_ZONE}


def liability(*, currency: Currency, at: datetime) -> Liability:
    """What is owed in a currency at a moment, by the month it was earned in, with expected breakage."""
    return owed(count(currency=currency, at=at), currency=currency.code)


def owed(counted: Counted, *, currency: str) -> Liability:
    """What is owed by what the ledger said: in money as a point is worth on that day, with breakage and its doubt."""
    today = counted.at.astimezone(_zone()).date()
    value = value_at(today, currency)
    flows = [Flow(*row) for row in counted.flows]
    table = breakage.life_table(flows, this_month=_months(today), has_ended=counted.has_ended)
    by_month = defaultdict(list)
    for month, account, lot, points in counted.lots:
        by_month[month].append((account, lot, points))
    cohorts = [_cohort(month, lots, table, (today, value)) for month, lots in sorted(by_month.items())]
    whole = breakage.pooled((cohort.points, cohort.breakage) for cohort in cohorts)
    return Liability(currency, counted.at, value, cohorts, counted.ledger_points, counted.debt, whole)


def _cohort(month: date, lots: list[tuple], table: breakage.LifeTable, valued: tuple[date, Value | None]) -> Cohort:
    today, value = valued
    totals = defaultdict(int)
    expired, parts = 0, []
    for account, lot, points in lots:
        totals[account] += points
        if lot is not None and lot < today:
            expired += points
            continue
        parts.append((points, _estimate(table, month, today, lot)))
    return Cohort(
        month, totals[10], totals[11], totals[12], expired, breakage.pooled(parts) if parts else breakage.UNKNOWN, value
    )


def _estimate(table: breakage.LifeTable, month: date, today: date, lot: date | None) -> Estimate:
    """Breakage of points earned in a month that may be spent until the lot's day; points that never expire have none."""
    if lot is None or lot >= NEVER:
        return breakage.NEVER_SPENT if lot is not None else table.unspent(_months(today) - _months(month), 12)
    return table.unspent(_months(today) - _months(month), _months(lot) - _months(month) + 1)


_FLOWS = """
WITH born AS (
    SELECT t.wallet_id, t.expires_on AS lot, min(date_trunc('month', t.occurred_at AT TIME ZONE %(zone)s))::date AS month
      FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(currency)s
     WHERE t.credit_account = 10 AND t.occurred_at <= %(at)s GROUP BY 1, 2
)
SELECT t.wallet_id %% %(groups)s AS part,
       (extract(year FROM b.month) * 12 + extract(month FROM b.month))::integer AS cohort,
       greatest(0, extract(year FROM m.month) * 12 + extract(month FROM m.month)
                   - extract(year FROM b.month) * 12 - extract(month FROM b.month))::integer AS age,
       coalesce(sum(t.points) FILTER (WHERE t.credit_account = 10 AND t.debit_account NOT IN (2, 12)), 0)::bigint AS came,
       coalesce(sum(CASE WHEN t.debit_account = 10 THEN t.points ELSE -t.points END)
                FILTER (WHERE 2 IN (t.credit_account, t.debit_account) OR 12 IN (t.credit_account, t.debit_account)), 0)::bigint AS spent,
       coalesce(sum(t.points) FILTER (WHERE t.debit_account = 10 AND t.credit_account NOT IN (2, 12)), 0)::bigint AS gone
  FROM loyalty_transfer t
  JOIN born b ON b.wallet_id = t.wallet_id AND b.lot = t.expires_on
 CROSS JOIN LATERAL (SELECT date_trunc('month', t.occurred_at AT TIME ZONE %(zone)s)::date AS month) m
 WHERE 10 IN (t.credit_account, t.debit_account) AND t.occurred_at <= %(at)s
 GROUP BY 1, 2, 3
"""

_ENDED = """
SELECT EXISTS (SELECT FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(currency)s
                WHERE t.credit_account = 10 AND t.expires_on < %(today)s AND t.occurred_at <= %(at)s)
"""


def _lived(cursor, currency: Currency, at: datetime) -> tuple[list[tuple], bool]:
    """What became of the points of all lots so far, by age in months (points on hold count as spent), and whether a lot has ended."""
    today = at.astimezone(_zone()).date()
    cursor.execute(_FLOWS, {"currency": currency.pk, "at": at, "zone": settings.TIME_ZONE, "groups": GROUPS})
    flows = cursor.fetchall()
    cursor.execute(_ENDED, {"currency": currency.pk, "at": at, "today": today})
    return flows, cursor.fetchone()[0]


_MOVEMENTS = """
SELECT date_trunc('month', t.occurred_at AT TIME ZONE %(zone)s)::date AS month,
       coalesce(sum(t.points) FILTER (WHERE t.debit_account IN (1, 6, 7, 8)), 0)::bigint,
       coalesce(sum(CASE WHEN t.credit_account IN (2, 8) THEN t.points WHEN t.debit_account = 2 THEN -t.points END), 0)::bigint,
       coalesce(sum(CASE WHEN t.credit_account = 3 THEN t.points WHEN t.debit_account = 3 THEN -t.points END), 0)::bigint,
       coalesce(sum(CASE WHEN t.credit_account IN (1, 4, 6, 7) THEN t.points WHEN t.debit_account = 4 THEN -t.points END), 0)::bigint,
       coalesce(sum(CASE WHEN t.debit_account = 13 THEN t.points WHEN t.credit_account = 13 THEN -t.points END), 0)::bigint
  FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = %(currency)s
 WHERE t.occurred_at <= %(at)s
 GROUP BY 1 ORDER BY 1
"""


def movements(*, currency: Currency, at: datetime) -> list[Month]:
    """Issued, redeemed, expired and cancelled per month, oldest first; each month opens where the one before closed."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVEMENTS, {"currency": currency.pk, "at": at, "zone": settings.TIME_ZONE})
        return months_of(cursor.fetchall())


def months_of(rows: list[tuple]) -> list[Month]:
    """The months of `Counted.months`, each opening where the one before closed."""
    months, opening = [], 0
    for month, issued, redeemed, expired, cancelled, owed_more in rows:
        closing = opening + issued - redeemed - expired - cancelled + owed_more
        months.append(Month(month, opening, issued, redeemed, expired, cancelled, owed_more, closing))
        opening = closing
    return months


def _months(day: date) -> int:
    return day.year * 12 + day.month


def _zone():
    from loyalty.operations.purchases import (
        _programme_zone,  # late: operations import the rules, which import nothing of this
    )

    return _programme_zone()
