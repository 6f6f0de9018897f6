"""Members with wallets as they stand after a year, made set by set, and one purchase to ask for marks."""

from datetime import UTC, datetime
from decimal import Decimal

from loyalty import operations
from sales import catalogue
from sales.lines import Line
from sales.operations import ensure_products, ensure_stores

AT = datetime(2026, 3, 10, 17, tzinfo=UTC)
MARKED_MEMBER, KEY = 4_242_424_242, "KEY4242424242KEY"
LINES = [Line("p1", Decimal(1), 1290), Line("p2", Decimal(2), 718), Line("p3", Decimal("1.5"), 452, "kg")]
GROWN_IN = 8
# In steady state a wallet has a lot of last month and a window of several months.
_YEAR = """
UPDATE loyalty_wallet
   SET available = 42, lot_expires_on = '{2027-02-28,2027-03-31}', lot_points = '{30,12}', qualifying_month = '2026-03-01',
       qualifying_micropoints = '{12000000,30000000,0,9000000}', room = NULL
 WHERE id %% %s = %s
"""


def fill(db, members: int):
    """This many members (ids from 1) with wallets, and the marked one; a store and three products.

    Wallets are opened as the application opens them and grow where they are, so that their pages are as full as in life.
    """
    db.execute("ALTER TABLE loyalty_wallet DISABLE TRIGGER USER")
    db.execute(
        "INSERT INTO members_member (id, public_id, status, language, time_zone, country, lifecycle_stage, joined_at, custom_fields)"
        " SELECT id, gen_random_uuid(), 'active', 'en', 'America/New_York', '', 'new', now(), '{}'"
        " FROM (SELECT generate_series(1, %s) AS id UNION ALL SELECT %s) ids",
        [members, MARKED_MEMBER],
    )
    db.execute(
        "INSERT INTO loyalty_wallet (public_id, currency_id, member_id, available, pending, held, debt, carry_micropoints, version,"
        " lot_expires_on, lot_points, tier_id, qualifying_micropoints)"
        " SELECT gen_random_uuid(), 1, id, 0, 0, 0, 0, 0, 0, '{}', '{}', (SELECT id FROM loyalty_tier ORDER BY rank LIMIT 1), '{}'"
        "   FROM members_member"
    )
    for part in range(GROWN_IN):  # a few of a page at a time, as awards come: what one leaves is tidied before the next
        db.execute(_YEAR, [GROWN_IN, part])
        db.execute("VACUUM loyalty_wallet")
    db.execute("ALTER TABLE loyalty_wallet ENABLE TRIGGER USER")


def shop():
    ensure_stores([("S1", "Main Street")])
    ensure_products([(f"p{n}", f"Product {n}", "Grocery > Dairy > Milk") for n in range(1, 4)])
    catalogue.forget()


def record(key: str = KEY, member_id: int = MARKED_MEMBER):
    """A purchase of three lines, as a till records it."""
    return operations.record_purchase(
        source="till",
        client_key=key,
        store_code="S1",
        purchased_at=AT,
        currency="USD",
        lines=LINES,
        member_id=member_id,
    )
