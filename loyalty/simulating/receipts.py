"""Receipts in the sandbox: what was sold stands there from the beginning, so that a sale replayed stores nothing.

The copies of the storing functions answer for a sale with the receipt that stands there under its name, and store a refund as ever: what
was taken back before a moment is what has been replayed by then. Lines are copied of sales that were refunded, because a refund looks
at them; where a tier counts more than points of the latest twelve months, of all.
"""

from datetime import datetime

from loyalty import rules
from loyalty.simulating.parts import Part

RENAMED = {"sales_store_purchase": "sales_store_refund"}
"""Functions whose copy bears another name, because a stand-in that calls it has theirs."""
REPLACED = {"sales_store_purchases"}
"""Functions that are not copied: a stand-in does their work."""

STAND_INS = """
CREATE FUNCTION pg_temp.sales_store_purchases(
    sources bigint[], client_keys text[], body_hashes bytea[], kinds smallint[], refunded bigint[], members bigint[],
    stores bigint[], times timestamptz[], currencies text[], totals bigint[],
    line_places integer[], line_numbers smallint[], line_products bigint[], line_quantities numeric[],
    line_units text[], line_totals bigint[], line_refunds smallint[]
) RETURNS TABLE (place integer, purchase_id bigint, public_id uuid, outcome smallint) LANGUAGE sql STABLE AS $$
    SELECT said.place::integer, p.id, p.public_id, 0::smallint
      FROM unnest(sources, client_keys) WITH ORDINALITY AS said (source_id, client_key, place)
      JOIN sales_purchase p ON p.source_id = said.source_id AND p.client_key = said.client_key
     ORDER BY said.place
$$;
CREATE FUNCTION pg_temp.sales_store_purchase(
    in_source bigint, in_key text, in_hash bytea, in_kind smallint, refunded bigint, member bigint, store bigint,
    at timestamptz, in_currency text, total bigint,
    line_products bigint[], line_quantities numeric[], line_units text[], line_totals bigint[], line_refunds smallint[],
    new_public_id uuid DEFAULT NULL,
    OUT purchase_id bigint, OUT public_id uuid, OUT outcome smallint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF in_kind = 1 THEN
        SELECT p.id, p.public_id, 0 INTO purchase_id, public_id, outcome
          FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key;
    ELSE
        SELECT s.* INTO purchase_id, public_id, outcome
          FROM pg_temp.sales_store_refund(in_source, in_key, in_hash, in_kind, refunded, member, store, at, in_currency, total, line_products,
                                          line_quantities, line_units, line_totals, line_refunds, new_public_id) s;
    END IF;
END $$;
"""

_SALES = """
INSERT INTO pg_temp.sales_purchase OVERRIDING SYSTEM VALUE
SELECT * FROM public.sales_purchase p WHERE p.kind = 1 AND p.member_id IS NOT NULL AND p.purchased_at < %(until)s AND {mine}
"""
_NEXT = """
SELECT setval(pg_get_serial_sequence('pg_temp.sales_purchase', 'id'), (SELECT coalesce(max(id), 1) FROM public.sales_purchase))
"""
_LINES = """
INSERT INTO pg_temp.sales_purchaseline
SELECT l.* FROM public.sales_purchaseline l JOIN pg_temp.sales_purchase p ON p.id = l.purchase_id {refunded}
"""
_REFUNDED = "WHERE p.id IN (SELECT r.refunds_id FROM public.sales_purchase r WHERE r.kind = 2)"


def lay_out(session, part: Part, *, until: datetime):
    """Put the part's receipts into the sandbox."""
    refunded = _REFUNDED if rules.known().has_plain_ladder else ""
    with session.cursor() as cursor:
        cursor.execute(_SALES.format(mine=part.holds("p.member_id")), {"until": until} | part.given)
        cursor.execute(_NEXT)
        cursor.execute(_LINES.format(refunded=refunded))
        cursor.execute("ANALYZE pg_temp.sales_purchase, pg_temp.sales_purchaseline")
