-- What most purchases are to rules with a memory: one more visit, one more coffee, and nothing given. Asked about all rules at once and
-- without a lock, so that a checkout learns in one statement whether it may go on without one, and which rules it has to settle if
-- not (record_purchase.sql).

-- What a purchase tells each rule, in the sense of loyalty_apply_terms (state_rules.sql), which says the same one by one: `places` are the
-- calls whose contributions are to be written, `terms_met` stand in `periods` at `measures` by them. `outcomes`: 0, the rule only counts;
-- 1, it gives, takes or is met for the first time; 2, it must be looked at by itself, because it was met under other rules, is for some
-- members only, may be near its day of the year, or pays a referrer. `outcome` is the highest of them; with 2, only the places hold.
CREATE FUNCTION loyalty_ask_rules(
    wallet bigint, holder bigint, had_bought boolean, in_rule_set integer, in_calls loyalty_call[], today date, zone text
) RETURNS TABLE (outcome integer, places integer[], terms_met text[], periods date[], measures bigint[], outcomes integer[])
LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(y.outcome), 0), coalesce(array_agg(y.place), '{}'), array_agg(y.term), array_agg(y.period), array_agg(y.measure),
           array_agg(y.outcome)
      FROM (
    SELECT x.place, x.term, x.period, x.measure,
           CASE WHEN NOT x.is_known THEN 2
                WHEN x.units = greatest(0, least(CASE WHEN x.kind = 'streaks' THEN x.measure ELSE x.measure / x.every END,
                                                 nullif(x.times, 0)) + x.shift) THEN 0
                WHEN x.is_referral THEN 2
                ELSE 1 END AS outcome
      FROM (
        SELECT c.place::integer AS place, c.term, c.period, c.measure AS kind, c.every, c.times, s.units, coalesce(s.shift, 0) AS shift,
               c.is_referral, coalesce(s.rule_set_id = in_rule_set, true) AND c.begins IS NULL AND NOT c.is_for_some AS is_known,
               coalesce(s.measure, 0)
               + CASE WHEN c.measure = 'visits' THEN (c.total >= c.minimum)::integer
                      WHEN c.measure IN ('spend', 'items') THEN c.total
                      WHEN c.measure IN ('days', 'streaks') AND (c.total < c.minimum OR EXISTS (
                           SELECT FROM loyalty_contribution o
                            WHERE o.wallet_id = wallet AND o.term = c.term AND o.period = c.period AND o.total_left >= c.minimum
                              AND CASE c.measure WHEN 'days' THEN o.day = today ELSE o.step = c.step END)) THEN 0
                      WHEN c.measure = 'days' THEN 1
                      WHEN c.measure = 'streaks'
                      THEN loyalty_streaks_with(wallet, c.term, c.period, c.every, c.minimum, c.step) - coalesce(s.measure, 0)
                      ELSE loyalty_new_keys(wallet, c.term, c.period, c.keys) END AS measure
          FROM unnest(in_calls) WITH ORDINALITY
               AS c (term, period, ends, lines, amounts, total, keys, step, near, member_period, referrer_period, measure, every, times,
                     minimum, begins, is_first, is_for_some, is_referral, place)
          LEFT JOIN loyalty_rulestate s ON s.wallet_id = wallet AND s.term = c.term AND s.period = c.period
         WHERE NOT (c.is_first AND coalesce(s.shift < 0, had_bought))
           AND (NOT c.is_referral OR EXISTS (SELECT FROM loyalty_referral r WHERE r.friend_id = holder))
           AND (c.near IS NULL
                OR (SELECT CASE WHEN c.begins = 'birthday' THEN m.birth_month * 100 + m.birth_day
                                ELSE to_char(m.joined_at AT TIME ZONE zone, 'MMDD')::integer END
                      FROM members_member m WHERE m.id = holder) = ANY (c.near)
                -- coalesce, so that it is looked up by its key: the index of days kept goes by rule, through all wallets
                OR EXISTS (SELECT FROM loyalty_rulestate l
                            WHERE l.wallet_id = wallet AND l.term IN (c.term, c.term || '#occasion')
                              AND (coalesce(l.locked, '{}') ->> 'month')::integer * 100
                                  + (coalesce(l.locked, '{}') ->> 'day')::integer = ANY (c.near)))
         OFFSET 0) x
    OFFSET 0) y
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

-- Write what a purchase adds to its rules: its contributions, in the order of the rules, and where those stand by it that only count it.
CREATE FUNCTION loyalty_write_counts(
    wallet bigint, sale bigint, today date, in_calls loyalty_call[], places integer[], terms_met text[], periods date[],
    measures bigint[], outcomes integer[], in_rule_set integer, at timestamptz
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
      FROM unnest(terms_met, periods, measures, outcomes) AS n (term, period, measure, outcome)
     WHERE s.wallet_id = wallet AND s.term = n.term AND s.period = n.period AND n.outcome = 0
       AND s.measure <> n.measure;  -- a second visit of the day
END $$;

-- Give what is due by those rules that loyalty_ask_rules found to give something, and to be sure of; their contributions are written.
CREATE FUNCTION loyalty_settle_asked(
    w loyalty_wallet, act loyalty_transfer, terms jsonb, in_calls loyalty_call[], places integer[], measures bigint[], outcomes integer[],
    context jsonb
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    told record;
    term jsonb;
    state loyalty_rulestate;
    gives_credits boolean := false;
BEGIN
    FOR told IN
        SELECT c.term, c.period, c.ends, n.measure, s AS state,
               jsonb_build_object('member_period', c.member_period, 'referrer_period', c.referrer_period) AS said
          FROM unnest(places, measures, outcomes) AS n (place, measure, outcome)
         CROSS JOIN LATERAL unnest(in_calls[n.place : n.place])
               AS c (term, period, ends, lines, amounts, total, keys, step, near, member_period, referrer_period, measure, every, times,
                     minimum, begins, is_first, is_for_some, is_referral)
          LEFT JOIN loyalty_rulestate s ON s.wallet_id = w.id AND s.term = c.term AND s.period = c.period
         WHERE n.outcome > 0 ORDER BY n.place
    LOOP
        term := terms -> told.term;
        state := told.state;
        IF state.wallet_id IS NULL THEN
            state.wallet_id := w.id;
            state.term := told.term;
            state.period := told.period;
            state.rule := term ->> 'rule';
            state.units := 0;
            state.shift := 0;
        END IF;
        state.measure := told.measure;
        state.ends := told.ends;
        state.rule_set_id := (context ->> 'rule_set')::integer;
        w := loyalty_settle_term(w, w.member_id, act, term, state, NULL, told.said, context);
        gives_credits := gives_credits OR term -> 'gives' ? 'tier_credits';
    END LOOP;
    IF gives_credits THEN
        w := loyalty_settle_credits(w, act.purchase_id, (context ->> 'day')::date, act.occurred_at);
    END IF;
    RETURN w;
END $$;

-- The ordinary award with rules with a memory that give something beside it. The wallet is locked, its months and its carried part of a
-- point are those after the purchase; `lot` is the place of the lot that the points of its lines go into. They come first, then what the
-- rules give. From `calls` on as loyalty_ask_rules answered, which still holds: it looked at this very row of the wallet.
CREATE FUNCTION loyalty_award_by_rules(
    w loyalty_wallet, purchase bigint, public_id uuid, rule_set integer, tier_percent integer, in_source bigint, in_key text,
    at timestamptz, day date, expiry date, lot integer, points bigint, carry_before integer,
    line_category_ids integer[], line_micropoints bigint[], line_extra bigint[], in_inputs jsonb, used jsonb, terms jsonb, context jsonb,
    calls loyalty_call[], outcome integer, places integer[], terms_met text[], periods date[], measures bigint[], outcomes integer[]
) RETURNS loyalty_recorded LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    moved loyalty_transfer;
    carry_after integer := w.carry_micropoints;
    tier_before smallint := w.tier_id;
BEGIN
    w.available := w.available + points;
    w.version := w.version + 1;
    w.lot_points[lot] := points + coalesce(w.lot_points[lot], 0);
    w.lot_expires_on[lot] := expiry;
    moved.wallet_id := w.id;
    moved.version := w.version;
    moved.source_id := in_source;
    moved.client_key := in_key;
    moved.seq := 0;
    moved.body_hash := '';  -- the purchase has it
    moved.debit_account := 1;
    moved.credit_account := 10;
    moved.points := points;
    moved.available_after := w.available;
    moved.expires_on := expiry;
    moved.purchase_id := purchase;
    moved.reason := 'purchase';
    moved.note := '';
    moved.occurred_at := at;
    moved.posted_at := statement_timestamp();
    INSERT INTO loyalty_transfer VALUES (moved.*);
    IF outcome = 2 THEN
        w := loyalty_apply_terms(w, w.member_id, moved, terms, loyalty_told_calls(calls), context, NULL);
    ELSE
        PERFORM loyalty_write_counts(w.id, purchase, (context ->> 'day')::date, calls, places, terms_met, periods, measures, outcomes,
                                     rule_set, at);
        w := loyalty_settle_asked(w, moved, terms, calls, places, measures, outcomes, context);
    END IF;
    w.last_purchase_at := greatest(w.last_purchase_at, at);
    PERFORM loyalty_save_wallet(w);
    INSERT INTO loyalty_award (purchase_id, wallet_id, rule_set_id, tier_id, tier_percent, earned_on, carry_before, carry_after, points,
                               debt_paid, available_after, tier_after_id, line_category_ids, line_micropoints, line_extra_micropoints,
                               inputs, entitlements)
    VALUES (purchase, w.id, rule_set, tier_before, tier_percent, day, carry_before, carry_after, points, NULL,
            nullif(w.available, moved.available_after), nullif(w.tier_id, tier_before), line_category_ids, line_micropoints, line_extra,
            in_inputs, used);
    RETURN (1, 0::smallint, purchase, public_id, w.member_id, rule_set, points, 0::bigint, w.available, tier_before, tier_percent,
            w.tier_id, carry_before, carry_after, used, NULL, loyalty_bonuses_of(purchase))::loyalty_recorded;
END $$;

-- The calls of a checkout as an import tells them (record_purchases.sql), for rules that are looked at one by one.
CREATE FUNCTION loyalty_told_calls(in_calls loyalty_call[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'code', c.term, 'period', c.period, 'ends', c.ends, 'lines', c.lines, 'amounts', c.amounts, 'keys', c.keys, 'step', c.step,
               'near', c.near, 'member_period', c.member_period, 'referrer_period', c.referrer_period)))
      FROM unnest(in_calls) c
$$;

-- All that an import would tell of a checkout.
CREATE FUNCTION loyalty_told(
    in_calls loyalty_call[], in_limited text, in_terms text, in_rule_set integer, today date, zone text
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'terms', in_terms::jsonb, 'context', jsonb_build_object('rule_set', in_rule_set, 'zone', zone),
        'of', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
            'context', jsonb_build_object('day', today, 'waits', ''), 'limited', in_limited::jsonb, 'calls', loyalty_told_calls(in_calls)))))
$$;
