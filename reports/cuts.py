"""How purchases are cut: each dimension as a small number that a statement can group by, and the words that the numbers stand for.

Names compared five million times are slow, and the date of each purchase in the programme's zone as well. What says something of the
member is looked up once for each member.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loyalty import queries as loyalty
from members.models import Member
from reports import calendar
from sales.models import Source, Store

UNKNOWN = ""


@dataclass(frozen=True)
class Cut:
    """`key`: an expression over purchases `p` (or members `m` and wallets `w`), 0 or NULL where unknown; `words`: key → value."""

    key: str
    words: dict[int, str]
    given: dict = field(default_factory=dict)
    join: str = ""
    of_member: bool = False

    def word(self, key: int | None) -> str:
        return self.words.get(key or 0, UNKNOWN)


def _by_name(rows: list[tuple[int, str]], what: str) -> Cut:
    """Places with an id and a name; those of one name are one."""
    names = sorted({name for _pk, name in rows})
    key_of = {name: key for key, name in enumerate(names, 1)}
    return Cut(
        f"{what}.key", dict(enumerate(names, 1)),
        {f"{what}_ids": [pk for pk, _name in rows], f"{what}_keys": [key_of[name] for _pk, name in rows]},
        f"JOIN unnest(%({what}_ids)s::bigint[], %({what}_keys)s::int[]) AS {what} (id, key) ON {what}.id = p.{what}_id",
    )  # fmt: skip


def _store(_at, _months) -> Cut:
    return _by_name(list(Store.objects.order_by("pk").values_list("pk", "name")), "store")


def _channel(_at, _months) -> Cut:
    return _by_name([(one.pk, str(one)) for one in Source.objects.order_by("pk")], "source")


def _month(at, months) -> Cut:
    days = calendar.months_until(at, months + 2)
    given = {"month_begins": [calendar.midnight(day) for day in days]}
    words = {key: f"{day:%Y-%m}" for key, day in enumerate(days, 1)}
    return Cut("width_bucket(p.purchased_at, %(month_begins)s::timestamptz[])", words, given)


def _weekday(at, months) -> Cut:
    """Counted in days since a Sunday, so that the rest by seven is the weekday, and 7 where it is none."""
    first = calendar.month_before(calendar.today(at), months + 1)
    sunday = first - timedelta(days=first.isoweekday() % 7)
    days = [sunday + timedelta(days=n) for n in range((calendar.today(at) - sunday).days + 1)]
    given = {"day_begins": [calendar.midnight(day) for day in days]}
    return Cut(
        "(width_bucket(p.purchased_at, %(day_begins)s::timestamptz[]) + 5) %% 7 + 1", {n: str(n) for n in range(1, 8)}, given
    )  # fmt: skip


def _listed(values: list, of: str, words: list[str]) -> Cut:
    name = of.replace(".", "_")
    kind = "bigint" if values and isinstance(values[0], int) else "text"
    key = f"coalesce(array_position(%({name})s::{kind}[], {of}), 0)"
    return Cut(key, dict(enumerate(words, 1)), {name: values}, of_member=True)


def _tier(_at, _months) -> Cut:
    tiers = [tier for tier, _percent in loyalty.ladder()]
    return _listed([tier.pk for tier in tiers], "w.tier_id", [tier.code for tier in tiers])


def _stage(_at, _months) -> Cut:
    return _listed(list(Member.LifecycleStage.values), "m.lifecycle_stage", list(Member.LifecycleStage.values))


def _language(_at, _months) -> Cut:
    spoken = sorted(Member.objects.order_by().values_list("language", flat=True).distinct())
    return _listed(spoken, "m.language", spoken)


CUTS: dict[str, Callable[[datetime, int], Cut]] = {
    "store": _store, "tier": _tier, "channel": _channel, "month": _month, "weekday": _weekday, "stage": _stage, "language": _language,
}  # fmt: skip

_OF_MEMBERS = """
  LEFT JOIN members_member m ON m.id = g.member_id
  LEFT JOIN loyalty_wallet w ON w.member_id = g.member_id AND w.currency_id = 1"""


def statement(a: Cut, b: Cut) -> str:
    """Sums and different members of each cell; different members of each row, of each column and of all, each counted for itself.

    `bought` holds at most one line for each member and cell, so a cell's lines are its members.
    """
    per_purchase = ["0" if cut.of_member else cut.key for cut in (a, b)]
    per_member = [cut.key if cut.of_member else f"g.{name}" for name, cut in (("a", a), ("b", b))]
    joins = " ".join(dict.fromkeys(cut.join for cut in (a, b)))
    return f"""
        WITH bought AS (
            SELECT {per_purchase[0]} AS a, {per_purchase[1]} AS b, p.member_id, sum(p.total_minor)::bigint AS total,
                   count(*) FILTER (WHERE p.kind = 1) AS sales, coalesce(sum(p.total_minor) FILTER (WHERE p.kind = 1), 0)::bigint AS gross
              FROM sales_purchase p {joins}
             WHERE p.purchased_at > %(at)s - %(months)s * interval '1 month' AND p.purchased_at <= %(at)s GROUP BY 1, 2, 3
        ), held AS MATERIALIZED (
            SELECT {per_member[0]} AS a, {per_member[1]} AS b, g.member_id, g.total, g.sales, g.gross
              FROM bought g {_OF_MEMBERS if a.of_member or b.of_member else ""}
        )
        SELECT 'cell', a, b, sum(total)::bigint, sum(sales)::bigint, sum(gross)::bigint, count(member_id) FROM held GROUP BY a, b
         UNION ALL
        SELECT 'row', a, NULL, 0, 0, 0, count(*) FROM (SELECT DISTINCT a, member_id FROM held WHERE member_id IS NOT NULL) d GROUP BY a
         UNION ALL
        SELECT 'column', NULL, b, 0, 0, 0, count(*) FROM (SELECT DISTINCT b, member_id FROM held WHERE member_id IS NOT NULL) d GROUP BY b
         UNION ALL
        SELECT 'all', NULL, NULL, 0, 0, 0, count(*) FROM (SELECT DISTINCT member_id FROM held WHERE member_id IS NOT NULL) d
    """  # noqa: S608 - joined from constants of this file; every value is a parameter
