"""Bugs to plant: each replaces a text that stands exactly once in a file of the posting functions. For tests and drills."""

import re
from pathlib import Path

SQL = Path(__file__).resolve().parents[2] / "loyalty" / "sql"

MUTATIONS = {
    "double post": ("move.sql", "w := loyalty_add_to_lot(w, until, amount);", "w := loyalty_add_to_lot(w, until, 2 * amount);"),
    "overspend": ("move.sql", "amount < 0 AND loyalty_spendable(w) < -amount", "amount < 0 AND loyalty_spendable(w) + 50 < -amount"),
    "refund keeps points": ("refund.sql", "points := greatest(0, (999999 - remainder) / 1000000);", "points := 0;"),
    "expired lot spent": ("acts.sql", "    w := loyalty_expire_lots(w, today, at);\n    RETURN loyalty_expire_idle", "    RETURN loyalty_expire_idle"),
    "hold captured twice": ("holds.sql", "SET captured = captured + amount, lot_expires_on = lots.days, lot_points = lots.parts,", "SET captured = captured + amount,"),
    "refund taken by today's refunds only": ("refund.sql", "after := sold.refunded;", "after := array_fill(0::bigint, ARRAY[cardinality(sold.refunded)]);"),
    "latest lot spent first": ("acts.sql", "part := least(amount, parts[1]);\n        ASSERT part > 0", "part := least(amount, parts[1]) - CASE WHEN amount > 1 THEN 1 ELSE 0 END;\n        ASSERT part > 0"),
    "debt forgotten": ("refund.sql", "w := loyalty_post(w, act, 13, 4, points, NULL);", "points := points;"),
    "remainder lost": ("refund.sql", "w.carry_micropoints := remainder + points * 1000000;", "w.carry_micropoints := 0;"),
    "released into another lot": ("acts.sql", "w := loyalty_post_lots(w, act, debit, 10, days, parts);", "w := loyalty_post_lots(w, act, debit, 10, (SELECT array_agg(d + 31) FROM unnest(days) d), parts);"),
    "review dropped in silence": ("reviews.sql", "left_over := r.held_points - cancelled;", "left_over := 0;"),
    "cancelled and refunded again": ("reviews.sql", "WHERE r.purchase_id = purchase AND r.state = 'cancelled'", "WHERE r.purchase_id = purchase AND r.state = 'never'"),
    "hold never ends": ("holds.sql", "h.wallet_id = w.id AND h.state = 'open' AND h.expires_at <= at ORDER", "h.wallet_id = w.id AND h.state = 'open' AND h.expires_at <= at AND false ORDER"),
    "expiry a day early": ("wallets.sql", "WHILE w.lot_expires_on[1] < today LOOP", "WHILE w.lot_expires_on[1] - 40 < today LOOP"),
}  # fmt: skip


def mutated(file: str, old: str, new: str) -> str:
    """The file's functions with the bug in them, as a statement that replaces those that are installed."""
    text = (SQL / file).read_text()
    assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
    return re.sub(r"^CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", text.replace(old, new), flags=re.MULTILINE)
