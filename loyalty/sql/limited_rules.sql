-- Rules that a basket alone decides, but that only the posting function can grant: with a budget, a trial, tiers or an occasion.

-- Use an occasion of the year for a purchase that a limited rule multiplies: true, and it is written down, if the day is near
-- and was not used up. `is_asking`: only say whether it could be used.
CREATE FUNCTION loyalty_use_occasion(w loyalty_wallet, holder bigint, term jsonb, context jsonb, at timestamptz, is_asking boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    begins date;
    yearly jsonb;
    used bigint;
BEGIN
    SELECT o.kept, o.yearly INTO begins, yearly
      FROM loyalty_occasion(w.id, holder, term, (context ->> 'day')::date, context ->> 'zone') o;
    SELECT s.units INTO used FROM loyalty_rulestate s
     WHERE s.wallet_id = w.id AND s.term = (term ->> 'code') || '#occasion' AND s.period = begins;
    IF begins IS NULL OR (coalesce((term ->> 'times')::bigint, 0) > 0 AND used >= (term ->> 'times')::bigint) THEN
        RETURN false;
    END IF;
    IF is_asking THEN
        RETURN true;
    END IF;
    INSERT INTO loyalty_rulestate (wallet_id, term, period, ends, rule, rule_set_id, terms, measure, units, shift, locked, changed_at)
    VALUES (w.id, (term ->> 'code') || '#occasion', begins, begins + coalesce((term ->> 'after')::integer, 0), term ->> 'rule',
            (context ->> 'rule_set')::integer, term, 0, 1, 0, yearly, at)
        ON CONFLICT ON CONSTRAINT loyalty_rulestate_pkey DO UPDATE
       SET units = loyalty_rulestate.units + 1, terms = excluded.terms, changed_at = excluded.changed_at;
    RETURN true;
END $$;

-- Grant rules that a basket matches but that have a budget, a trial, tiers or an occasion: each whole or not at all. What is granted stands with
-- the entitlements used, so that the award recomputes.
CREATE FUNCTION loyalty_use_limited_rules(
    w loyalty_wallet, holder bigint, terms jsonb, wanted jsonb, lines integer, context jsonb, at timestamptz,
    INOUT line_extra bigint[], INOUT used jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    asked record;
    term jsonb;
BEGIN
    FOR asked IN
        SELECT c.said, a.near, a.member_period, a.lines, a.micropoints,
               (SELECT ceil(sum(m) / 1000000)::bigint FROM unnest(a.micropoints) m) AS points
          FROM jsonb_array_elements(wanted) WITH ORDINALITY AS c (said, place)
         CROSS JOIN LATERAL jsonb_to_record(c.said) AS a (near integer[], member_period date, lines integer[], micropoints bigint[])
         ORDER BY c.place
    LOOP
        term := terms -> (asked.said ->> 'rule');
        CONTINUE WHEN term ?| '{tiers,holdout}' AND NOT loyalty_is_for(w, holder, term, NULL);
        CONTINUE WHEN asked.near IS NOT NULL
                      AND NOT loyalty_is_near(w.id, holder, term ->> 'code', term ->> 'begins', asked.near, context ->> 'zone');
        CONTINUE WHEN term ? 'begins' AND NOT loyalty_use_occasion(w, holder, term, context, at, true);
        CONTINUE WHEN asked.points <= 0;
        CONTINUE WHEN NOT loyalty_take_budgets(w, term, asked.points, coalesce((term ->> 'cost')::bigint, 0),
            coalesce(asked.member_period, date '0001-01-01'), (context ->> 'rule_set')::integer, at);
        CONTINUE WHEN term ? 'begins' AND NOT loyalty_use_occasion(w, holder, term, context, at, false);
        line_extra := coalesce(line_extra, array_fill(0::bigint, ARRAY[lines]));
        FOR i IN 1 .. cardinality(asked.lines) LOOP
            line_extra[asked.lines[i]] := line_extra[asked.lines[i]] + asked.micropoints[i];
        END LOOP;
        used := coalesce(used, '[]') || (asked.said - 'near' || jsonb_build_object('points', asked.points));
    END LOOP;
END $$;
