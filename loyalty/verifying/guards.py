"""What is written stays as written: grants, triggers, and the chain of sealed days."""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from loyalty import sealing
from loyalty.verifying.promises import Breach, Promise

APPEND_ONLY = (
    "loyalty_ruleset", "loyalty_transfer", "loyalty_award", "loyalty_tierchange", "loyalty_daydigest", "loyalty_pointvalue",
    "loyalty_tender", "loyalty_reinstatement", "loyalty_funding", "loyalty_partnerterms",
)  # fmt: skip

_GRANTS = """
SELECT tables.name AS table, privilege FROM unnest(%(tables)s::text[]) AS tables (name), unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
 WHERE has_table_privilege(%(role)s, tables.name, privilege)
"""

_GUARDS = """
SELECT tables.name AS table FROM unnest(%(tables)s::text[]) AS tables (name)
 WHERE NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid
                    WHERE g.tgrelid = tables.name::regclass AND f.proname = 'loyalty_refuse_change' AND g.tgenabled IN ('O', 'A'))
"""


def _unguarded(_wallet_ids) -> Iterator[Breach]:
    with connection.cursor() as cursor:
        given = {"tables": list(APPEND_ONLY), "role": settings.DATABASE_APP_ROLE}
        if settings.DATABASE_OWNER["USER"] != settings.DATABASE_APP_ROLE:
            cursor.execute(_GRANTS, given)
            yield from (Breach(f"the serving role may {privilege} {table}") for table, privilege in cursor.fetchall())
        cursor.execute(_GUARDS, given)
        yield from (Breach(f"{table} has no active trigger that refuses changes") for (table,) in cursor.fetchall())


def _tampered(_wallet_ids) -> Iterator[Breach]:
    yield from (Breach(str(found)) for found in sealing.check_chain())


PROMISES = [
    Promise("I7", "What is written cannot be changed", _unguarded),
    Promise("I7", "Sealed days hold what they held when they were sealed", _tampered, of_sample=False),
]  # fmt: skip
