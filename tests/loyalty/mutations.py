"""Bugs to plant: each replaces a text that stands exactly once in a file of the posting functions. For tests and drills."""

import re
from pathlib import Path

from tests.loyalty.machine import PLAIN, WAITING, WITH_VISITS

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
    "review dropped in silence": ("reviews.sql", "left_over := r.held_points - cancelled - bonus;", "left_over := 0;"),
    "cancelled and refunded again": ("reviews.sql", "WHERE r.purchase_id = purchase AND r.state = 'cancelled'", "WHERE r.purchase_id = purchase AND r.state = 'never'"),
    "hold never ends": ("holds.sql", "h.wallet_id = w.id AND h.state = 'open' AND h.expires_at <= at ORDER", "h.wallet_id = w.id AND h.state = 'open' AND h.expires_at <= at AND false ORDER"),
    "a gift arrives twice": ("sharing.sql", "taker := loyalty_receive(taker, 5::smallint, part, coalesce(as_lot, day), act);", "taker := loyalty_receive(taker, 5::smallint, 2 * part, coalesce(as_lot, day), act);"),
    "a gift of more than there is": ("sharing.sql", "WHEN loyalty_spendable(giver) < amount THEN 'too_few'", "WHEN loyalty_spendable(giver) < amount - 50 THEN 'too_few'"),
    "a gift to oneself creates": ("sharing.sql", "IF giver.id = taker.id THEN", "IF false THEN"),
    "a gift lives longer": ("sharing.sql", "part, coalesce(as_lot, day), act);", "part, coalesce(as_lot, day + 31), act);"),
    "a merge loses what was owed": ("merging.sql", "IF a.debt > 0 THEN", "IF false THEN"),
    "a merge loses the tier": ("merging.sql", "        s := loyalty_with_counts(s, a, 1);", "        s := s;"),
    "a merge keeps the points twice": ("merging.sql", "        PERFORM loyalty_save_wallet(s);\n        PERFORM loyalty_save_wallet(a);\n        UPDATE loyalty_wallet v SET entitled_until", "        PERFORM loyalty_save_wallet(s);\n        UPDATE loyalty_wallet v SET entitled_until"),
    "unmerged without its points": ("merging.sql", "WHERE g.lot >= today AND g.points > 0 LOOP", "WHERE g.lot >= today AND g.points > 0 AND false LOOP"),
    "unmerged with the debt of nobody": ("merging.sql", "part := least(missing, s.debt);", "part := 0;"),
    "merged points are not fetched back": ("sharing.sql", "    IF w.merged_into_id IS NOT NULL THEN\n        SELECT t.expires_on INTO lot", "    IF false THEN\n        SELECT t.expires_on INTO lot"),
    "a bonus kept after a refund": ("state_rules.sql", 'CONTINUE WHEN rest = told."left";', "CONTINUE WHEN true;"),
    "a bonus paid with every visit": ("state_rules.sql", "units bigint := stands - state.units;", "units bigint := stands;"),
    "waiting points come early": ("pending.sql", "WHERE p.wallet_id = w.id AND p.points_left > 0 AND p.matures_on <= today ORDER", "WHERE p.wallet_id = w.id AND p.points_left > 0 AND p.matures_on - 14 <= today ORDER"),
    "waiting points taken back twice": ("refund.sql", "waiting := waiting - w.pending;", "waiting := 0;"),
    "maturity pays no debt": ("pending.sql", "paid := least(row.points_left, w.debt);", "paid := 0;"),
    "expiry a day early": ("wallets.sql", "WHILE w.lot_expires_on[1] < today LOOP", "WHILE w.lot_expires_on[1] - 40 < today LOOP"),
}  # fmt: skip


# The rules under which a bug can show; all others show under the plain ones.
UNDER = {
    "a bonus kept after a refund": WITH_VISITS,
    "a bonus paid with every visit": WITH_VISITS,
    "waiting points come early": WAITING,
    "waiting points taken back twice": WAITING,
    "maturity pays no debt": WAITING,
}


def rules_for(bug: str):
    return UNDER.get(bug, PLAIN)


def mutated(file: str, old: str, new: str) -> str:
    """The file's functions with the bug in them, as a statement that replaces those that are installed."""
    text = (SQL / file).read_text()
    assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
    return re.sub(r"^CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", text.replace(old, new), flags=re.MULTILINE)
