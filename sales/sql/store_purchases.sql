-- Store purchases with their lines, many in one call; called by the posting functions of loyalty, in their transaction.
--
-- One array element per purchase; the line arrays name the purchase they belong to by its place (1 …) in those arrays.
-- A refund has kind 2, negative totals and, where it is known, the id of the purchase it takes back in `refunded`.
-- Answers one row per purchase, in the order given:
--   outcome 0: stored now · 1: the same key with the same body was stored before · 2: the same key with another body.
-- A key that another transaction is storing at this moment is waited for. Nothing is written for outcomes 1 and 2.
CREATE FUNCTION sales_store_purchases(
    sources bigint[], client_keys text[], body_hashes bytea[], kinds smallint[], refunded bigint[], members bigint[],
    stores bigint[], times timestamptz[], currencies text[], totals bigint[],
    line_places integer[], line_numbers smallint[], line_products bigint[], line_quantities numeric[],
    line_units text[], line_totals bigint[], line_refunds smallint[]
) RETURNS TABLE (place integer, purchase_id bigint, public_id uuid, outcome smallint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    purchases integer := cardinality(client_keys);
    ids bigint[];
    uuids uuid[];
    new_ids bigint[];
BEGIN
    -- These references have no constraint (see docs/decisions/0020-references-without-row-locks.md): they are looked up here.
    IF EXISTS (SELECT FROM unnest(line_products) said (id) WHERE NOT EXISTS (SELECT FROM sales_product p WHERE p.id = said.id))
       OR EXISTS (SELECT FROM unnest(stores) said (id) WHERE NOT EXISTS (SELECT FROM sales_store s WHERE s.id = said.id))
       OR EXISTS (SELECT FROM unnest(sources) said (id) WHERE NOT EXISTS (SELECT FROM sales_source s WHERE s.id = said.id))
       OR EXISTS (SELECT FROM unnest(members) said (id)
                   WHERE said.id IS NOT NULL AND NOT EXISTS (SELECT FROM members_member m WHERE m.id = said.id))
    THEN
        RAISE foreign_key_violation USING MESSAGE = 'A purchase names a product, store, source or member that does not exist.';
    END IF;

    SELECT array_agg(nextval('sales_purchase_id_seq')), array_agg(gen_random_uuid()) INTO ids, uuids
      FROM generate_series(1, purchases);

    WITH stored AS (
        INSERT INTO sales_purchase (id, public_id, source_id, client_key, body_hash, kind, refunds_id, member_id, store_id,
                                    purchased_at, recorded_at, currency, total_minor)
        SELECT said.*
          FROM unnest(ids, uuids, sources, client_keys, body_hashes, kinds, refunded, members, stores, times,
                      array_fill(statement_timestamp(), ARRAY[purchases]), currencies, totals) AS said
            ON CONFLICT (source_id, client_key) DO NOTHING
        RETURNING id
    )
    SELECT array_agg(id) INTO new_ids FROM stored;

    INSERT INTO sales_purchaseline (purchase_id, line_no, product_id, quantity, unit, total_minor, refunds_line_no)
    SELECT ids[l.place], l.line_no, l.product_id, l.quantity, l.unit, l.total_minor, l.refunds_line_no
      FROM unnest(line_places, line_numbers, line_products, line_quantities, line_units, line_totals, line_refunds)
           AS l (place, line_no, product_id, quantity, unit, total_minor, refunds_line_no)
     WHERE cardinality(new_ids) = purchases OR ids[l.place] = ANY (new_ids);

    IF cardinality(new_ids) = purchases THEN
        RETURN QUERY
        SELECT said.place::integer, said.id, said.uuid, 0::smallint
          FROM unnest(ids, uuids) WITH ORDINALITY AS said (id, uuid, place);
    ELSE
        -- A statement of its own, so that it sees what another transaction has committed meanwhile.
        RETURN QUERY
        SELECT said.place::integer, p.id, p.public_id,
               (CASE WHEN p.id = said.id THEN 0 WHEN p.body_hash = said.body_hash THEN 1 ELSE 2 END)::smallint
          FROM unnest(ids, sources, client_keys, body_hashes) WITH ORDINALITY
               AS said (id, source_id, client_key, body_hash, place)
          JOIN sales_purchase p ON p.source_id = said.source_id AND p.client_key = said.client_key
         ORDER BY said.place;
    END IF;
END $$;

-- Store one purchase, as sales_store_purchases stores many: what a checkout and a refund call, with nothing to unpack.
-- The lines are numbered from 1 in the order given. `new_public_id` is for callers that have made one (from the same kind of chance:
-- PostgreSQL opens a file of the system for each, which is a few per cent of a checkout); NULL makes it here.
CREATE FUNCTION sales_store_purchase(
    in_source bigint, in_key text, in_hash bytea, in_kind smallint, refunded bigint, member bigint, store bigint,
    at timestamptz, in_currency text, total bigint,
    line_products bigint[], line_quantities numeric[], line_units text[], line_totals bigint[], line_refunds smallint[],
    new_public_id uuid DEFAULT NULL,
    OUT purchase_id bigint, OUT public_id uuid, OUT outcome smallint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    lines integer;
BEGIN
    INSERT INTO sales_purchase (public_id, source_id, client_key, body_hash, kind, refunds_id, member_id, store_id,
                                purchased_at, recorded_at, currency, total_minor)
    SELECT coalesce(new_public_id, gen_random_uuid()), c.id, in_key, in_hash, in_kind, refunded, member, s.id, at, statement_timestamp(), in_currency,
           total
      FROM sales_source c, sales_store s
     WHERE c.id = in_source AND s.id = store AND (member IS NULL OR EXISTS (SELECT FROM members_member m WHERE m.id = member))
        ON CONFLICT (source_id, client_key) DO NOTHING
    RETURNING id, sales_purchase.public_id INTO sales_store_purchase.purchase_id, sales_store_purchase.public_id;
    IF NOT FOUND THEN
        -- A statement of its own, so that it sees what another transaction has committed meanwhile.
        SELECT p.id, p.public_id, CASE WHEN p.body_hash = in_hash THEN 1 ELSE 2 END
          INTO purchase_id, public_id, outcome
          FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key;
        IF NOT FOUND THEN
            RAISE foreign_key_violation USING MESSAGE = 'A purchase names a store, source or member that does not exist.';
        END IF;
        RETURN;
    END IF;

    INSERT INTO sales_purchaseline (purchase_id, line_no, product_id, quantity, unit, total_minor, refunds_line_no)
    SELECT sales_store_purchase.purchase_id, l.line_no, p.id, l.quantity, l.unit, l.total_minor, l.refunds_line_no
      FROM unnest(line_products, line_quantities, line_units, line_totals, line_refunds) WITH ORDINALITY
           AS l (product_id, quantity, unit, total_minor, refunds_line_no, line_no)
      JOIN sales_product p ON p.id = l.product_id;
    GET DIAGNOSTICS lines = ROW_COUNT;
    IF lines <> cardinality(line_products) THEN
        RAISE foreign_key_violation USING MESSAGE = 'A purchase names a product that does not exist.';
    END IF;
    outcome := 0;
END $$;
