"""A world beside the real one: the ledger's tables, empty, and its functions, in the temporary schema of one session.

Names of tables are looked up in a session's temporary schema first, so the engine's SQL, its queries and its functions' bodies
meet the copies without knowing. Names of functions are never looked up there: the functions are made anew beside the copies,
bound to them, and whatever this session's statements call by name is sent to those. From then on PostgreSQL itself refuses
to write anything but temporary tables.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.db import DEFAULT_DB_ALIAS, connections

from loyalty import rules
from loyalty.simulating.receipts import RENAMED, REPLACED, STAND_INS

CLONED = ("sales_purchase", "sales_purchaseline")
"""What is copied besides the ledger's own tables: receipts, because a refund looks at what was refunded before it."""
KEPT = (
    "loyalty_currency", "loyalty_ruleset", "loyalty_pointvalue", "loyalty_tier", "loyalty_tierpolicy", "loyalty_tierbenefit",
    "loyalty_tiergrant", "loyalty_spendingpolicy", "loyalty_giftpolicy", "loyalty_partner", "loyalty_partnerterms",
    "loyalty_funder", "loyalty_poolshare", "loyalty_referralcode", "loyalty_referral", "loyalty_entitlement",
)  # fmt: skip
"""Tables of the ledger that say how things are and not what happened: copied with their rows. All others begin empty."""
FUNCTIONS = "^(loyalty_|sales_store_purchase)"

_TABLES = """
SELECT c.relname, coalesce(array_to_string(c.reloptions, ', '), '') FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND (starts_with(c.relname, 'loyalty_') OR c.relname = ANY (%s)) ORDER BY c.relname
"""
_FUNCTIONS = """
SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ %s AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
"""


# Benefits that members were given are theirs again, as often as they were before they were used.
_BENEFITS = """
UPDATE pg_temp.loyalty_entitlement e SET uses_left = e.uses_left + used.times, used_at = NULL
  FROM (SELECT (u ->> 'id')::bigint AS id, count(*) AS times
          FROM public.loyalty_award a CROSS JOIN jsonb_array_elements(a.entitlements) u GROUP BY 1) used
 WHERE used.id = e.id
"""
# Friends who came by a code wait for their first purchase again.
_REFERRALS = "UPDATE pg_temp.loyalty_referral SET state = 'open', settled_at = NULL"
_HOLDERS = """
SELECT pg_temp.loyalty_open_wallets(c.id, ARRAY(SELECT DISTINCT member_id FROM pg_temp.loyalty_entitlement))
  FROM loyalty_currency c WHERE c.code = 'points'
"""
_ENTITLED = """
UPDATE pg_temp.loyalty_wallet w SET entitled_until = e.until
  FROM (SELECT member_id, max(valid_until) AS until FROM pg_temp.loyalty_entitlement GROUP BY 1) e WHERE e.member_id = w.member_id
"""


@contextmanager
def sandbox() -> Iterator:
    """Inside, this thread's engine works on the copies; outside nothing has happened. Yields the session's connection.

    Nobody is told of what happens inside: there is no news, only temporary rows. The session needs a server process of its
    own for as long as it lasts (no transaction pooling).
    """
    real = connections[DEFAULT_DB_ALIAS]
    mine = real.copy()
    mine.inc_thread_sharing()
    try:
        mine.ensure_connection()
        functions = _furnish(mine)
        # From here the session is known by a name of its own, so that what this process remembers of rules stays apart.
        mine.settings_dict = mine.settings_dict | {"NAME": f"{real.settings_dict['NAME']} what-if {id(mine)}"}
        mine.on_commit = _unheard
        mine.real = real
        connections[DEFAULT_DB_ALIAS] = mine
        calls = re.compile(rf"(?<![.\w])({'|'.join(functions)})(?=\s*\()")
        with mine.execute_wrapper(partial(_to_the_copies, calls)):
            yield mine
    finally:
        connections[DEFAULT_DB_ALIAS] = real
        rules.forget(mine.settings_dict["NAME"])
        mine.close()
        mine.dec_thread_sharing()


def _unheard(func, robust=False):
    """News of what never happened."""


def _to_the_copies(calls, execute, sql, *rest):
    return execute(calls.sub(r"pg_temp.\1", sql), *rest)


def _furnish(mine) -> list[str]:
    """Make the copies, and make everything else read-only. Returns the names of the functions that were copied."""
    with mine.cursor() as cursor:
        cursor.execute("SET temp_buffers = '192MB'; SET jit = off; SET check_function_bodies = off")
        cursor.execute(_FUNCTIONS, [FUNCTIONS])  # before the copies exist, so that types are named without a schema
        functions = cursor.fetchall()
        cursor.execute(_TABLES, [list(CLONED)])
        tables = cursor.fetchall()
        for table, options in tables:
            stored = f"WITH ({options})" if options else ""
            cursor.execute(
                f'CREATE TEMPORARY TABLE "{table}" (LIKE public."{table}" INCLUDING ALL EXCLUDING STATISTICS) {stored}'
            )
            if table in KEPT:
                _keep_rows(cursor, table)
        names = sorted({name for name, _text in functions})
        called = re.compile(rf"(?<![.\w])({'|'.join(names)})(?=\s*\()")
        for name, text in functions:
            text_here = text.replace(f"FUNCTION public.{name}", f"FUNCTION pg_temp.{name}", 1)
            if name in RENAMED:
                cursor.execute(re.sub(rf"\b{name}\b", RENAMED[name], text_here))
            elif name not in REPLACED:
                cursor.execute(called.sub(r"pg_temp.\1", text_here))
        cursor.execute(STAND_INS)
        for statement in (_REFERRALS, _BENEFITS, _HOLDERS, _ENTITLED):
            cursor.execute(statement)
        cursor.execute("SET default_transaction_read_only = on")
    return names


def _keep_rows(cursor, table: str):
    cursor.execute(f'INSERT INTO pg_temp."{table}" OVERRIDING SYSTEM VALUE SELECT * FROM public."{table}"')  # noqa: S608
    cursor.execute(
        "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attidentity <> ''",
        [f"pg_temp.{table}"],
    )
    for (column,) in cursor.fetchall():
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('pg_temp.{table}', '{column}'), max({column})) FROM pg_temp.\"{table}\""  # noqa: S608
        )
