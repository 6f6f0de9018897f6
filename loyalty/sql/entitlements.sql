-- Use the entitlements of a member on the lines of one purchase.
--
-- A line is multiplied at most once, by the largest multiplier; bonuses add up. Lines that earn nothing under the rules earn
-- nothing here. What was used is written down with its effect per line, so that the award recomputes.
CREATE FUNCTION loyalty_use_entitlements(
    holder bigint, at timestamptz, line_category_ids integer[], line_micropoints bigint[],
    INOUT line_extra bigint[], OUT used jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    benefit record;
    lines integer[];
    taken integer[] := '{}';
    parts bigint[];
    line integer;
BEGIN
    FOR benefit IN
        SELECT e.* FROM loyalty_entitlement e
         WHERE e.member_id = holder AND e.valid_from <= at AND e.valid_until >= at AND e.uses_left > 0
           AND e.benefit IN ('multiply', 'bonus') AND NOT e.needs_code
         ORDER BY e.benefit DESC, e.amount DESC, e.id
           FOR UPDATE
    LOOP
        SELECT array_agg(l.no::integer ORDER BY l.no) INTO lines
          FROM unnest(line_category_ids, line_micropoints) WITH ORDINALITY AS l (category_id, micropoints, no)
          LEFT JOIN sales_category t ON t.id = l.category_id
          LEFT JOIN sales_category c ON c.id = t.parent_id
         WHERE l.micropoints > 0
           AND (benefit.category_id IS NULL OR benefit.category_id IN (t.id, t.parent_id, c.parent_id))
           AND NOT (benefit.benefit = 'multiply' AND l.no = ANY (taken));
        CONTINUE WHEN lines IS NULL OR (benefit.benefit = 'multiply' AND benefit.amount <= 100);

        parts := '{}';
        line_extra := coalesce(line_extra, array_fill(0::bigint, ARRAY[cardinality(line_micropoints)]));
        IF benefit.benefit = 'multiply' THEN
            taken := taken || lines;
            FOREACH line IN ARRAY lines LOOP
                parts := parts || (line_micropoints[line] * (benefit.amount - 100) / 100);
            END LOOP;
        ELSE  -- a fixed bonus stands on the line that earns most, and goes back with it
            SELECT ARRAY[no] INTO lines FROM unnest(lines) no ORDER BY line_micropoints[no] DESC, no LIMIT 1;
            parts := ARRAY[benefit.amount * 1000000::bigint];
        END IF;
        FOR i IN 1 .. cardinality(lines) LOOP
            line_extra[lines[i]] := line_extra[lines[i]] + parts[i];
        END LOOP;
        used := coalesce(used, '[]') || jsonb_build_object(
            'id', benefit.id, 'cause', benefit.cause, 'benefit', benefit.benefit, 'amount', benefit.amount,
            'lines', to_jsonb(lines), 'micropoints', to_jsonb(parts));
        UPDATE loyalty_entitlement SET uses_left = uses_left - 1, used_at = at WHERE id = benefit.id;
    END LOOP;
END $$;
