"""Proof that the ledger is right: each promise in words, and the query or recomputation that finds who breaks it.

Set-based and streaming: a year of 150,000 purchases takes seconds and little memory. Nothing here repairs anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from loyalty import explaining, rules
from loyalty.earning import MICRO

NAMED_MAX = 20
APPEND_ONLY = ("loyalty_ruleset", "loyalty_transfer", "loyalty_award", "loyalty_tierchange")


@dataclass(frozen=True)
class Promise:
    """One invariant. `breaches` yields who breaks it, in words; `of_sample` says whether a part of the wallets can show it."""

    code: str
    words: str
    breaches: Callable[[list[int] | None], Iterator[str]]
    of_sample: bool = True


@dataclass(frozen=True)
class Finding:
    promise: Promise
    breaches: list[str]
    more: bool


def verify(*, wallet_ids: list[int] | None = None) -> Iterator[Finding]:
    """Check promise after promise; of each at most twenty breaches are named. `wallet_ids` None: every wallet."""
    rules.forget()
    for promise in PROMISES:
        if wallet_ids is not None and not promise.of_sample:
            continue
        named = []
        for breach in promise.breaches(wallet_ids):
            named.append(breach)
            if len(named) > NAMED_MAX:
                break
        yield Finding(promise, named[:NAMED_MAX], more=len(named) > NAMED_MAX)


def sample(size: int) -> list[int]:
    """Ids of wallets, drawn anew each time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM loyalty_wallet ORDER BY random() LIMIT %s", [size])
        return [row[0] for row in cursor.fetchall()]


def _rows(query: str, words: str) -> Callable[[list[int] | None], Iterator[str]]:
    """Breaches found by a query whose columns the words name; `{chosen}` in it limits a wallet id to the sample."""

    def breaches(wallet_ids):
        chosen = "= ANY (%(wallets)s)" if wallet_ids is not None else "IS NOT NULL"
        with connection.cursor() as cursor:
            cursor.execute(query.replace("{chosen}", chosen), {"wallets": wallet_ids})
            names = [column.name for column in cursor.description]
            for row in cursor:
                yield words.format(**dict(zip(names, row, strict=True)))

    return breaches


_BALANCES = """
SELECT w.id AS wallet, bucket.name, bucket.stored, bucket.moved
  FROM loyalty_wallet w
  LEFT JOIN (SELECT wallet_id,
                    sum(CASE WHEN credit_account = 10 THEN points WHEN debit_account = 10 THEN -points ELSE 0 END) AS available,
                    sum(CASE WHEN credit_account = 11 THEN points WHEN debit_account = 11 THEN -points ELSE 0 END) AS pending,
                    sum(CASE WHEN credit_account = 12 THEN points WHEN debit_account = 12 THEN -points ELSE 0 END) AS held,
                    sum(CASE WHEN debit_account = 13 THEN points WHEN credit_account = 13 THEN -points ELSE 0 END) AS debt
               FROM loyalty_transfer WHERE wallet_id {chosen} GROUP BY wallet_id) t ON t.wallet_id = w.id
 CROSS JOIN LATERAL (VALUES ('available', w.available, coalesce(t.available, 0)), ('pending', w.pending, coalesce(t.pending, 0)),
                            ('held', w.held, coalesce(t.held, 0)), ('debt', w.debt, coalesce(t.debt, 0)))
                    AS bucket (name, stored, moved)
 WHERE w.id {chosen} AND bucket.stored <> bucket.moved
"""

_LOTS = """
SELECT wallet, lot, sum(stored) AS stored, sum(moved) AS moved
  FROM (SELECT w.id AS wallet, l.expires_on AS lot, l.points AS stored, 0 AS moved
          FROM loyalty_wallet w CROSS JOIN unnest(w.lot_expires_on, w.lot_points) AS l (expires_on, points)
         WHERE w.id {chosen}
         UNION ALL
        SELECT wallet_id, expires_on, 0, CASE WHEN credit_account = 10 THEN points ELSE -points END
          FROM loyalty_transfer WHERE wallet_id {chosen} AND 10 IN (credit_account, debit_account)) both_sides
 GROUP BY wallet, lot HAVING sum(stored) <> sum(moved)
"""

_LOT_SUMS = """
SELECT id AS wallet, available, (SELECT coalesce(sum(p), 0) FROM unnest(lot_points) p) AS lots
  FROM loyalty_wallet
 WHERE id {chosen} AND (available <> (SELECT coalesce(sum(p), 0) FROM unnest(lot_points) p)
    OR cardinality(lot_points) <> cardinality(lot_expires_on))
"""

_NEGATIVES = """
SELECT id AS wallet, available, pending, held, debt, lot_points AS lots FROM loyalty_wallet
 WHERE id {chosen} AND (least(available, pending, held, debt) < 0 OR 0 >= ANY (lot_points))
 UNION ALL
SELECT wallet_id, available_after, 0, 0, 0, NULL FROM loyalty_transfer
 WHERE wallet_id {chosen} AND (available_after < 0 OR points <= 0)
"""

_ORDER = """
SELECT wallet_id AS wallet, version, available_after AS said, previous + step AS expected
  FROM (SELECT wallet_id, version, available_after,
               lag(available_after, 1, 0::bigint) OVER by_version AS previous,
               lag(version, 1, 0::bigint) OVER by_version AS previous_version,
               CASE WHEN credit_account = 10 THEN points WHEN debit_account = 10 THEN -points ELSE 0 END AS step
          FROM loyalty_transfer WHERE wallet_id {chosen}
        WINDOW by_version AS (PARTITION BY wallet_id ORDER BY version)) t
 WHERE version <> previous_version + 1 OR available_after <> previous + step
"""

_NEWEST = """
SELECT w.id AS wallet, w.version, w.available, coalesce(t.version, 0) AS newest, coalesce(t.available_after, 0) AS said
  FROM loyalty_wallet w
  LEFT JOIN (SELECT DISTINCT ON (wallet_id) wallet_id, version, available_after FROM loyalty_transfer
              WHERE wallet_id {chosen} ORDER BY wallet_id, version DESC) t ON t.wallet_id = w.id
 WHERE w.id {chosen} AND (w.version <> coalesce(t.version, 0) OR w.available <> coalesce(t.available_after, 0))
"""

_PROGRAMME = """
SELECT coalesce(issued, 0) AS issued, coalesce(gone, 0) + held AS accounted
  FROM (SELECT sum(points) FILTER (WHERE debit_account < 10) AS issued, sum(points) FILTER (WHERE credit_account < 10) AS gone
          FROM loyalty_transfer) t,
       (SELECT coalesce(sum(available + pending + held - debt), 0) AS held FROM loyalty_wallet) w
 WHERE coalesce(issued, 0) <> coalesce(gone, 0) + held
"""

_CAUSES = """
SELECT t.wallet_id AS wallet, t.version,
       CASE WHEN t.wallet_missing THEN 'its wallet does not exist'
            WHEN t.purchase_missing THEN 'the purchase it names does not exist'
            WHEN p.client_key <> t.client_key OR p.source_id <> t.source_id OR p.body_hash <> t.body_hash
            THEN 'it names another key or body than its purchase'
            ELSE 'its key names a purchase too' END AS fault
  FROM (SELECT t.*, w.id IS NULL AS wallet_missing, t.purchase_id IS NOT NULL AND p.id IS NULL AS purchase_missing
          FROM loyalty_transfer t
          LEFT JOIN loyalty_wallet w ON w.id = t.wallet_id
          LEFT JOIN sales_purchase p ON p.id = t.purchase_id
         WHERE t.wallet_id {chosen}) t
  LEFT JOIN sales_purchase p ON p.id = t.purchase_id OR (t.purchase_id IS NULL AND p.source_id = t.source_id AND p.client_key = t.client_key)
 WHERE t.wallet_missing OR t.purchase_missing
    OR (t.purchase_id IS NOT NULL AND t.reason IN ('purchase', 'refund') AND (p.client_key, p.source_id, p.body_hash) IS DISTINCT FROM (t.client_key, t.source_id, t.body_hash))
    OR (t.purchase_id IS NULL AND p.id IS NOT NULL)
"""

_AWARDS = """
SELECT a.purchase_id AS purchase, a.wallet_id AS wallet, a.points AS said, coalesce(t.points, 0) AS moved
  FROM loyalty_award a
  LEFT JOIN (SELECT purchase_id, sum(points) AS points FROM loyalty_transfer
              WHERE wallet_id {chosen} AND reason = 'purchase' GROUP BY purchase_id) t USING (purchase_id)
 WHERE a.wallet_id {chosen} AND a.points <> coalesce(t.points, 0)
 UNION ALL
SELECT t.purchase_id, t.wallet_id, 0, sum(t.points) FROM loyalty_transfer t
 WHERE t.wallet_id {chosen} AND t.reason = 'purchase'
   AND NOT EXISTS (SELECT FROM loyalty_award a WHERE a.purchase_id = t.purchase_id)
 GROUP BY 1, 2
"""

_GRANTS = """
SELECT tables.name AS table, privilege FROM unnest(%(tables)s::text[]) AS tables (name), unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
 WHERE has_table_privilege(%(role)s, tables.name, privilege)
"""

_GUARDS = """
SELECT tables.name AS table FROM unnest(%(tables)s::text[]) AS tables (name)
 WHERE NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
                    WHERE g.tgrelid = tables.name::regclass AND f.proname = 'loyalty_refuse_change' AND g.tgenabled IN ('O', 'A'))
"""

_TAKEN_BACK = """
refunds AS (
    SELECT a.purchase_id, (loyalty_taken_back(a, l.totals, l.refunded)).*
      FROM loyalty_award a
      JOIN (SELECT DISTINCT refunds_id FROM sales_purchase WHERE refunds_id IS NOT NULL) r ON r.refunds_id = a.purchase_id
      CROSS JOIN LATERAL (
          SELECT array_agg(s.total_minor ORDER BY s.line_no) AS totals,
                 array_agg(coalesce(b.refunded, 0)::bigint ORDER BY s.line_no) AS refunded
            FROM sales_purchaseline s
            LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor) AS refunded
                         FROM sales_purchase p JOIN sales_purchaseline x ON x.purchase_id = p.id
                        WHERE p.refunds_id = a.purchase_id GROUP BY 1) b ON b.refunds_line_no = s.line_no
           WHERE s.purchase_id = a.purchase_id) l
     WHERE a.wallet_id {chosen})
"""

_EARNED = f"""
WITH {_TAKEN_BACK},
earned AS (
    SELECT a.wallet_id, sum(a.points * 1000000 + a.carry_after - a.carry_before) AS micropoints
      FROM loyalty_award a WHERE a.wallet_id {{chosen}} GROUP BY 1),
taken AS (
    SELECT wallet_id, sum(greatest(whole, cancelled)) AS micropoints
      FROM (SELECT a.wallet_id, r.whole, 0 AS cancelled FROM refunds r JOIN loyalty_award a USING (purchase_id)
             WHERE NOT EXISTS (SELECT FROM loyalty_review v WHERE v.purchase_id = a.purchase_id AND v.state = 'cancelled')
             UNION ALL
            SELECT v.wallet_id, coalesce(r.whole, 0), v.held_points * 1000000
              FROM loyalty_review v LEFT JOIN refunds r USING (purchase_id)
             WHERE v.wallet_id {{chosen}} AND v.state = 'cancelled' AND v.purchase_id IS NOT NULL) x GROUP BY 1),
moved AS (
    SELECT wallet_id, sum(CASE WHEN reason = 'purchase' THEN points WHEN reason = 'refund' THEN -points
                               WHEN reason = 'review' AND debit_account = 11 AND credit_account = 4 AND purchase_id IS NOT NULL
                               THEN -points ELSE 0 END) AS points
      FROM loyalty_transfer WHERE wallet_id {{chosen}} GROUP BY 1)
SELECT w.id AS wallet, coalesce(m.points, 0) * 1000000 + w.carry_micropoints AS has,
       coalesce(e.micropoints, 0) - coalesce(t.micropoints, 0) AS earned
  FROM loyalty_wallet w
  LEFT JOIN earned e ON e.wallet_id = w.id
  LEFT JOIN taken t ON t.wallet_id = w.id
  LEFT JOIN moved m ON m.wallet_id = w.id
 WHERE w.id {{chosen}}
   AND coalesce(m.points, 0) * 1000000 + w.carry_micropoints <> coalesce(e.micropoints, 0) - coalesce(t.micropoints, 0)
"""  # noqa: S608 (its parts are constants of this file)

_WINDOWS = f"""
WITH {_TAKEN_BACK},
months AS (
    SELECT a.wallet_id, date_trunc('month', a.earned_on)::date AS month,
           sum((SELECT sum(x) FROM unnest(a.line_micropoints) x) - coalesce(r.base, 0)) AS micropoints
      FROM loyalty_award a LEFT JOIN refunds r USING (purchase_id) WHERE a.wallet_id {{chosen}} GROUP BY 1, 2),
windows AS (
    SELECT w.id AS wallet, w.tier_id, coalesce(sum(m.micropoints), 0) AS micropoints,
           (SELECT coalesce(sum(q), 0) FROM unnest(w.qualifying_micropoints) q) AS stored
      FROM loyalty_wallet w
      LEFT JOIN months m ON m.wallet_id = w.id AND m.month > w.qualifying_month - interval '12 months'
     WHERE w.id {{chosen}} GROUP BY w.id)
SELECT wallet, tier_id AS tier, stored / 1000000 AS stored, (micropoints / 1000000)::bigint AS recomputed
  FROM windows
 WHERE micropoints <> stored
    OR tier_id <> (SELECT id FROM loyalty_tier WHERE points_from <= micropoints / 1000000 ORDER BY points_from DESC LIMIT 1)
"""  # noqa: S608 (its parts are constants of this file)

_TO_RECOMPUTE = """
SELECT a.purchase_id, a.wallet_id, a.rule_set_id, p.currency, p.purchased_at, a.tier_id, a.tier_percent, a.carry_before,
       a.carry_after, a.points, a.line_category_ids, a.line_micropoints, a.line_extra_micropoints, a.inputs, a.entitlements,
       l.products, l.totals
  FROM loyalty_award a
  LEFT JOIN sales_purchase p ON p.id = a.purchase_id
  LEFT JOIN LATERAL (SELECT array_agg(product_id ORDER BY line_no) AS products, array_agg(total_minor ORDER BY line_no) AS totals
                       FROM sales_purchaseline WHERE purchase_id = a.purchase_id) l ON true
 WHERE a.wallet_id {chosen}
"""


def _recompute(wallet_ids: list[int] | None) -> Iterator[str]:
    """Ask the rules of then about every basket again, and do the wallet's arithmetic again."""
    import json  # psycopg hands jsonb of raw SQL as text where Django's cursor does

    chosen = "= ANY (%(wallets)s)" if wallet_ids is not None else "IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(_TO_RECOMPUTE.replace("{chosen}", chosen), {"wallets": wallet_ids})
        while rows := cursor.fetchmany(2000):
            for row in rows:
                *head, inputs, used, products, totals = row
                inputs, used = (json.loads(x) if isinstance(x, str) else x for x in (inputs, used))
                if fault := _fault(head, inputs, used, products, totals):
                    yield f"award of purchase {row[0]}, wallet {row[1]}: {fault}"


def _fault(head: list, inputs: dict, used: list | None, products: list | None, totals: list | None) -> str:  # noqa: PLR0911 (the first fault is named)
    (_, _, rule_set_id, currency, at, tier_id, percent, before, after, points, types, micropoints, extra) = head
    if not products:
        return "its purchase has no lines"
    if len(products) != len(micropoints):
        return f"{len(micropoints)} lines were awarded, the purchase has {len(products)}"
    rule_set, plan = explaining.plan_again(
        rule_set_id,
        currency=currency,
        at=at,
        lines=list(zip(products, totals, strict=True)),
        type_ids=types,
        inputs=inputs,
    )
    if plan.line_micropoints != micropoints:
        return f"the lines earn {plan.line_micropoints} micropoints under rule set {rule_set.version}, stored {micropoints}"
    expected = _extra(plan, used)
    if expected != (extra or [0] * len(micropoints)):
        return f"bonuses and offers give {expected} micropoints, stored {extra}"
    tier = rules.known().tiers.get(tier_id)
    if tier is None or percent != rule_set.tier_percents.get(tier.code, 100):
        return f"tier {tier_id} does not multiply by {percent} % under rule set {rule_set.version}"
    whole = before + plan.base_micropoints * percent // 100 + sum(expected)
    if (points, after) != divmod(whole, MICRO):
        return (
            f"{whole} micropoints make {whole // MICRO} points and carry {whole % MICRO}, stored {points} and {after}"
        )
    return ""


def _extra(plan, used: list | None) -> list[int]:
    """What fixed bonuses of the rules and the entitlements used give per line."""
    extra = list(plan.line_extra_micropoints or [0] * len(plan.line_micropoints))
    for benefit in used or ():
        for line in benefit["lines"]:
            base = plan.line_micropoints[line - 1]
            times = benefit["benefit"] == "multiply"
            extra[line - 1] += base * (benefit["amount"] - 100) // 100 if times else benefit["amount"] * MICRO
    return extra


def _unguarded(_wallet_ids) -> Iterator[str]:
    with connection.cursor() as cursor:
        given = {"tables": list(APPEND_ONLY), "role": settings.DATABASE_APP_ROLE}
        if settings.DATABASE_OWNER["USER"] != settings.DATABASE_APP_ROLE:
            cursor.execute(_GRANTS, given)
            yield from (f"the serving role may {privilege} {table}" for table, privilege in cursor.fetchall())
        cursor.execute(_GUARDS, given)
        yield from (f"{table} has no active trigger that refuses changes" for (table,) in cursor.fetchall())


PROMISES = [
    Promise("I1", "Every balance is the sum of its transfers", _rows(_BALANCES, "wallet {wallet}: {name} is {stored}, transfers make {moved}")),
    Promise("I2", "Lots add up to the available points", _rows(_LOT_SUMS, "wallet {wallet}: {available} available, lots hold {lots}")),
    Promise("I2", "Every lot is the sum of the transfers that name it", _rows(_LOTS, "wallet {wallet}, lot {lot}: holds {stored}, transfers make {moved}")),
    Promise("I3", "Nothing is below zero", _rows(_NEGATIVES, "wallet {wallet}: available {available}, pending {pending}, held {held}, debt {debt}, lots {lots}")),
    Promise("I4", "Versions have no gap and each balance follows from the one before", _rows(_ORDER, "wallet {wallet}, version {version}: says {said} after it, expected {expected}")),
    Promise("I5", "What was issued is held, spent, expired or taken back", _rows(_PROGRAMME, "programme: {issued} issued, {accounted} accounted for"), of_sample=False),
    Promise("I6", "One act has one effect, under one key and body", _rows(_CAUSES, "wallet {wallet}, version {version}: {fault}")),
    Promise("I6", "An award moved exactly the points it says", _rows(_AWARDS, "award of purchase {purchase}, wallet {wallet}: says {said}, moved {moved}")),
    Promise("I7", "What is written cannot be changed", _unguarded),
    Promise("I8", "Points and remainder are what purchases earned less what refunds took back", _rows(_EARNED, "wallet {wallet}: has {has} micropoints, earned and kept {earned}")),
    Promise("I15", "The tier follows from the months of the window", _rows(_WINDOWS, "wallet {wallet}, tier {tier}: window holds {stored}, recomputed {recomputed}")),
    Promise("I16", "Every award recomputes from its rule set and stored inputs", _recompute),
    Promise("I17", "The newest event carries the wallet's version and balance", _rows(_NEWEST, "wallet {wallet}: version {version} with {available}, newest event {newest} with {said}")),
]  # fmt: skip
