-- What most purchases are to rules with a memory: one more visit, one more coffee, and nothing given. Asked about all rules at once and
-- without a lock, so that a checkout learns in one statement whether it may go on without one (record_purchase.sql).

-- Which calls a purchase's rules only count, in the sense of loyalty_apply_terms (state_rules.sql), which says the same one by one for
-- those that give something. `is_all` is false when any rule may give, take, is met for the first time or under newer rules: then
-- nothing else counts of the answer. Else `places` are the calls whose contributions are to be written, and `terms_counted` stand in
-- `periods` at `measures`.
CREATE FUNCTION loyalty_only_counts(
    wallet bigint, holder bigint, had_bought boolean, in_rule_set integer, in_calls loyalty_call[], today date, zone text
) RETURNS TABLE (is_all boolean, places integer[], terms_counted text[], periods date[], measures bigint[]) LANGUAGE sql STABLE AS $$
    SELECT coalesce(bool_and(x.is_known AND greatest(
                        0, least(CASE WHEN x.kind = 'streaks' THEN x.measure ELSE x.measure / x.every END, nullif(x.times, 0)) + x.shift
                    ) IS NOT DISTINCT FROM x.units), true),
           coalesce(array_agg(x.place), '{}'), array_agg(x.term), array_agg(x.period), array_agg(x.measure)
      FROM (
        SELECT c.place::integer AS place, c.term, c.period, c.measure AS kind, c.every, c.times, s.units, s.shift,
               coalesce(s.rule_set_id = in_rule_set, false) AND c.begins IS NULL AND NOT c.is_for_some AS is_known,
               s.measure + CASE WHEN c.measure = 'visits' THEN (c.total >= c.minimum)::integer
                           WHEN c.measure IN ('spend', 'items') THEN c.total
                           WHEN c.measure IN ('days', 'streaks') AND (c.total < c.minimum OR EXISTS (
                                SELECT FROM loyalty_contribution o
                                 WHERE o.wallet_id = wallet AND o.term = c.term AND o.period = c.period AND o.total_left >= c.minimum
                                   AND CASE c.measure WHEN 'days' THEN o.day = today ELSE o.step = c.step END)) THEN 0
                           WHEN c.measure = 'days' THEN 1
                           WHEN c.measure = 'streaks'
                           THEN loyalty_streaks_with(wallet, c.term, c.period, c.every, c.minimum, c.step) - s.measure
                           ELSE loyalty_new_keys(wallet, c.term, c.period, c.keys) END AS measure
          FROM unnest(in_calls) WITH ORDINALITY
               AS c (term, period, ends, lines, amounts, total, keys, step, near, member_period, referrer_period, measure, every, times,
                     minimum, begins, is_first, is_for_some, is_referral, place)
          LEFT JOIN loyalty_rulestate s ON s.wallet_id = wallet AND s.term = c.term AND s.period = c.period
         WHERE NOT (c.is_first AND coalesce(s.shift < 0, had_bought))
           AND (NOT c.is_referral OR EXISTS (SELECT FROM loyalty_referral r WHERE r.friend_id = holder))
           AND (c.near IS NULL OR coalesce(coalesce(
                (SELECT (l.locked ->> 'month')::integer * 100 + (l.locked ->> 'day')::integer FROM loyalty_rulestate l
                  WHERE l.wallet_id = wallet AND l.term IN (c.term, c.term || '#occasion') AND l.locked IS NOT NULL
                  ORDER BY l.period LIMIT 1),
                (SELECT CASE WHEN c.begins = 'birthday' THEN m.birth_month * 100 + m.birth_day
                             ELSE to_char(m.joined_at AT TIME ZONE zone, 'MMDD')::integer END
                   FROM members_member m WHERE m.id = holder)) = ANY (c.near), false))
         OFFSET 0) x
$$;

-- How many of these categories, products or brands a rule counts for the first time.
CREATE FUNCTION loyalty_new_keys(wallet bigint, in_term text, in_period date, in_keys text[]) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(DISTINCT k) FROM unnest(in_keys) k
     WHERE NOT EXISTS (SELECT FROM loyalty_contribution c, unnest(c.keys, c."left") AS h (key, rest)
                        WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND h.key = k AND h.rest > 0)
$$;

-- Completed streaks once one more step is done.
CREATE FUNCTION loyalty_streaks_with(wallet bigint, in_term text, in_period date, every bigint, enough bigint, in_step integer)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(run.steps / every), 0)::bigint
      FROM (SELECT count(*) AS steps
              FROM (SELECT s.step - row_number() OVER (ORDER BY s.step) AS island
                      FROM (SELECT in_step AS step
                             UNION
                            SELECT c.step FROM loyalty_contribution c
                             WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND c.total_left >= enough) s) i
             GROUP BY i.island) run
$$;

-- Whether the yearly day of a term lies among `near`, days as month × 100 + day: that of the profile, or the one that was paid for
-- first. A precaution before loyalty_occasion, which knows the year as well.
CREATE FUNCTION loyalty_is_near(wallet bigint, holder bigint, in_term text, begins text, near integer[], zone text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        coalesce((SELECT (s.locked ->> 'month')::integer * 100 + (s.locked ->> 'day')::integer FROM loyalty_rulestate s
                   WHERE s.wallet_id = wallet AND s.term IN (in_term, in_term || '#occasion') AND s.locked IS NOT NULL
                   ORDER BY s.period LIMIT 1),
                 (SELECT CASE WHEN begins = 'birthday' THEN m.birth_month * 100 + m.birth_day
                              ELSE to_char(m.joined_at AT TIME ZONE zone, 'MMDD')::integer END
                    FROM members_member m WHERE m.id = holder)) = ANY (near), false)
$$;

-- Write what a purchase adds to rules that only count it: its contributions, and where the rules stand by it.
CREATE FUNCTION loyalty_write_counts(
    wallet bigint, sale bigint, today date, in_calls loyalty_call[], places integer[], terms_counted text[], periods date[],
    measures bigint[], in_rule_set integer, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH contributed AS (
        INSERT INTO loyalty_contribution (wallet_id, term, period, purchase_id, day, lines, amounts, "left", total_left, keys, step)
        SELECT wallet, c.term, c.period, sale, today, c.lines, c.amounts, c.amounts, c.total, c.keys, c.step
          FROM unnest(in_calls) WITH ORDINALITY
               AS c (term, period, ends, lines, amounts, total, keys, step, near, member_period, referrer_period, measure, every, times,
                     minimum, begins, is_first, is_for_some, is_referral, place)
         WHERE c.place = ANY (places) ORDER BY c.place)
    UPDATE loyalty_rulestate s
       SET measure = n.measure, rule_set_id = in_rule_set, changed_at = at
      FROM unnest(terms_counted, periods, measures) AS n (term, period, measure)
     WHERE s.wallet_id = wallet AND s.term = n.term AND s.period = n.period;
END $$;

-- The calls of a checkout as an import tells them (record_purchases.sql), for rules that are settled one by one.
CREATE FUNCTION loyalty_told(
    in_calls loyalty_call[], in_limited text, in_terms text, in_rule_set integer, today date, zone text
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'terms', in_terms::jsonb, 'context', jsonb_build_object('rule_set', in_rule_set, 'zone', zone),
        'of', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'context', jsonb_build_object('day', today, 'waits', ''), 'limited', in_limited::jsonb,
            'calls', (SELECT jsonb_agg(jsonb_build_object(
                                 'code', c.term, 'period', c.period, 'ends', c.ends, 'lines', c.lines, 'amounts', c.amounts,
                                 'keys', c.keys, 'step', c.step, 'near', c.near, 'member_period', c.member_period,
                                 'referrer_period', c.referrer_period))
                        FROM unnest(in_calls) c)))))
$$;
