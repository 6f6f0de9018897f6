-- What a checkout calls: one purchase in, points and tier out.
--
-- The ordinary award walks a short way: nothing is owed, nothing waits, no lot has expired, no entitlement, pool or merger, no
-- tier but by points, and none that changes. The wallet is read without a lock and written only if it is still the row that was
-- read; whatever else is found, or another till was quicker, goes the general way (record_purchases.sql), which locks first.
-- Both decide the numbers by the functions of deciding.sql. docs/decisions/0140-the-ordinary-award-walks-a-short-way.md
--
-- Rules with a memory (`in_calls`) are counted on the same way, all in one statement, as long as none of them gives anything
-- (counting.sql). Where one does, or a rule has a budget, the wallet is locked once the purchase is stored; then budgets are taken, and
-- those that give are settled one by one.
--
-- Parameters and answer are those of loyalty_record_purchases, for one purchase; beside them `month`, the first day of the month of
-- `day`, and `in_public_id`, a new one. In place of `in_state` come its parts, NULL where the purchase meets no such rule: the calls (as
-- text of loyalty_call[]), what limited rules would give and the rules named (both as JSON, read only if they are needed), the store's day and the time zone.
-- Waiting points and idle wallets go the general way. `is_within`: the caller's transaction holds other acts, which an error would take
-- along; then a key that another kind of act has is looked for first. Otherwise writing the transfer meets it, and nothing is written.
CREATE FUNCTION loyalty_record_purchase(
    in_currency smallint, latest_rule_set integer, rule_set integer, ladder smallint[], ladder_from bigint[],
    tier_percents integer[],
    in_source bigint, in_key text, in_hash bytea, in_member bigint, reference_kind text, reference_hash bytea,
    in_store bigint, at timestamptz, currency text, total bigint,
    line_products bigint[], line_quantities numeric[], line_units text[], line_totals bigint[],
    day date, expiry date, base_micropoints bigint, extra_micropoints bigint,
    line_category_ids integer[], line_micropoints bigint[], line_extra bigint[], in_inputs jsonb,
    in_public_id uuid, month date,
    in_calls text DEFAULT NULL, in_limited text DEFAULT NULL, in_terms text DEFAULT NULL, store_day date DEFAULT NULL,
    zone text DEFAULT NULL, is_within boolean DEFAULT false
) RETURNS loyalty_recorded LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
    wallet bigint;
    spot tid;   -- where the wallet's row was read …
    mark xid;   -- … and by whom it had been written
    is_ordinary boolean;
    version bigint;
    answer loyalty_recorded;
    available bigint;
    tier_id smallint;
    step integer;  -- the tier's place on the ladder
    tier_percent integer;
    carry_before integer;
    carry_after integer;
    points bigint;
    lot integer;  -- the place of the lot that the points go into
    counted_in date;
    counted bigint[];
    of_month bigint;
    qualifying bigint := 0;
    earned bigint;
    had_bought boolean;
    stored record;
    w loyalty_wallet;
    kept_id bigint;  -- a purchase stored before the general way was found to be needed
    kept_public_id uuid;
    is_ours boolean;  -- the purchase is stored, and the wallet still the one that was read
    used jsonb;       -- what limited rules gave
    of_line bigint;
    context jsonb;
    -- What rules with a memory count by this purchase; NULL without such rules.
    calls loyalty_call[];
    outcome integer := 0;
    places integer[];
    terms_met text[];
    periods date[];
    measures bigint[];
    outcomes integer[];
BEGIN
    IF in_member IS NULL THEN
        SELECT known.member_id INTO in_member FROM members_identifier known
         WHERE known.kind = reference_kind AND known.value_hash = reference_hash;
    END IF;
    SELECT v.id, v.ctid, v.xmin, v.version + 1, v.available, v.tier_id, v.carry_micropoints, v.last_purchase_at IS NOT NULL,
           v.qualifying_month, v.qualifying_micropoints, loyalty_newest_lot(v.lot_expires_on, expiry)
      INTO wallet, spot, mark, version, available, tier_id, carry_before, had_bought, counted_in, counted, lot
      FROM loyalty_wallet v
     WHERE v.member_id = in_member AND v.currency_id = in_currency
       AND v.debt = 0 AND v.pending = 0 AND v.lifetime_qualifying IS NULL AND v.pool_id IS NULL AND v.merged_into_id IS NULL
       AND v.tier_granted_id IS NULL AND v.tier_keeps_until IS NULL
       AND (v.entitled_until >= at) IS NOT TRUE AND (v.qualifying_month > month) IS NOT TRUE AND (v.lot_expires_on[1] < day) IS NOT TRUE;
    is_ordinary := FOUND AND lot IS NOT NULL;
    IF pg_sequence_last_value('loyalty_ruleset_id_seq') IS DISTINCT FROM latest_rule_set THEN  -- one may have been published since
        PERFORM FROM loyalty_ruleset r WHERE r.id > latest_rule_set;
        is_ordinary := is_ordinary AND NOT FOUND;
    END IF;
    IF is_within THEN
        PERFORM FROM loyalty_transfer t
          WHERE t.source_id = in_source AND t.client_key = in_key AND t.seq = 0::smallint AND t.purchase_id IS NULL;
        is_ordinary := is_ordinary AND NOT FOUND;
    END IF;
    IF is_ordinary THEN
        IF counted_in IS DISTINCT FROM month THEN
            counted := loyalty_window_in(counted_in, counted, month);
        END IF;
        FOREACH of_month IN ARRAY counted LOOP
            qualifying := qualifying + of_month;
        END LOOP;
        step := array_position(ladder, tier_id);
        tier_percent := loyalty_percent_of(step, tier_percents);
        earned := loyalty_earned(base_micropoints, tier_percent, extra_micropoints, carry_before);
        IF earned >= 1000000 AND loyalty_stays_on(step, qualifying, qualifying + base_micropoints, ladder_from) THEN
            stored := sales_store_purchase(in_source, in_key, in_hash, 1::smallint, NULL, in_member, in_store, at, currency, total,
                                           line_products, line_quantities, line_units, line_totals, NULL, in_public_id);
            is_ours := stored.outcome = 0;
            IF is_ours AND in_calls IS NOT NULL THEN
                calls := in_calls::loyalty_call[];
                SELECT c.outcome, c.places, c.terms_met, c.periods, c.measures, c.outcomes
                  INTO outcome, places, terms_met, periods, measures, outcomes
                  FROM loyalty_ask_rules(wallet, in_member, had_bought, rule_set, calls, store_day, zone) c;
            END IF;
            IF is_ours AND (outcome > 0 OR in_limited IS NOT NULL) THEN
                SELECT v.* INTO w FROM loyalty_wallet v WHERE v.ctid = spot AND v.xmin = mark AND v.id = wallet FOR UPDATE;
                is_ours := FOUND;
                context := jsonb_build_object('rule_set', rule_set, 'zone', zone, 'day', store_day, 'waits', '', 'expires', expiry,
                                              'had_bought', had_bought);
            END IF;
            IF is_ours AND in_limited IS NOT NULL THEN
                SELECT u.line_extra, u.used INTO line_extra, used
                  FROM loyalty_use_limited_rules(w, in_member, in_terms::jsonb, in_limited::jsonb, cardinality(line_micropoints), context,
                                                 at, line_extra, NULL) u;
                extra_micropoints := 0;
                FOREACH of_line IN ARRAY coalesce(line_extra, '{}') LOOP
                    extra_micropoints := extra_micropoints + of_line;
                END LOOP;
                earned := loyalty_earned(base_micropoints, tier_percent, extra_micropoints, carry_before);
            END IF;
            points := earned / 1000000;
            carry_after := earned % 1000000;
            available := available + points;
            counted[1] := counted[1] + base_micropoints;
            IF is_ours AND outcome > 0 THEN
                w.qualifying_month := month;
                w.qualifying_micropoints := counted;
                w.carry_micropoints := carry_after;
                RETURN loyalty_award_by_rules(
                    w, stored.purchase_id, stored.public_id, rule_set, tier_percent, in_source, in_key, at, day, expiry, lot, points,
                    carry_before, line_category_ids, line_micropoints, line_extra, in_inputs, used, in_terms::jsonb, context,
                    calls, outcome, places, terms_met, periods, measures, outcomes);
            ELSIF is_ours THEN
                UPDATE loyalty_wallet v
                   SET available = available, carry_micropoints = carry_after, version = version,
                       lot_points[lot] = points + coalesce(v.lot_points[lot], 0), lot_expires_on[lot] = expiry,
                       qualifying_month = month, qualifying_micropoints = counted,
                       last_purchase_at = greatest(v.last_purchase_at, at), room = NULL
                 WHERE v.ctid = spot AND v.xmin = mark AND v.id = wallet;
                IF FOUND THEN
                    WITH moved AS (
                        INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account,
                                                      credit_account, points, available_after, expires_on, purchase_id, reason,
                                                      note, occurred_at, posted_at)
                        VALUES (wallet, version, in_source, in_key, 0, '', 1, 10, points, available, expiry,
                                stored.purchase_id, 'purchase', '', at, statement_timestamp())
                    )
                    INSERT INTO loyalty_award (purchase_id, wallet_id, rule_set_id, tier_id, tier_percent, earned_on, carry_before,
                                               carry_after, points, line_category_ids, line_micropoints, line_extra_micropoints, inputs,
                                               entitlements)
                    VALUES (stored.purchase_id, wallet, rule_set, tier_id, tier_percent, day, carry_before,
                            carry_after, points, line_category_ids, line_micropoints, line_extra, in_inputs, used);
                    IF places <> '{}' THEN
                        PERFORM loyalty_write_counts(wallet, stored.purchase_id, store_day, calls, places, terms_met, periods, measures,
                                                     outcomes, rule_set, at);
                    END IF;
                    RETURN (1, 0::smallint, stored.purchase_id, stored.public_id, in_member, rule_set, points, 0::bigint, available,
                            tier_id, tier_percent, tier_id, carry_before, carry_after, used, NULL,
                            NULL)::loyalty_recorded;
                END IF;
            END IF;
            IF stored.outcome = 0 THEN
                kept_id := stored.purchase_id;
                kept_public_id := stored.public_id;
            END IF;
        END IF;
    END IF;
    SELECT r.* INTO answer
      FROM loyalty_record_purchases(
               in_currency, latest_rule_set, rule_set, ladder, ladder_from, tier_percents, ARRAY[in_source], ARRAY[in_key],
               ARRAY[in_hash], ARRAY[in_member], ARRAY[reference_kind], ARRAY[reference_hash], ARRAY[in_store], ARRAY[at],
               ARRAY[currency], ARRAY[total], NULL, NULL, line_products, line_quantities, line_units, line_totals, ARRAY[day],
               ARRAY[expiry], ARRAY[base_micropoints], ARRAY[extra_micropoints], ARRAY[line_category_ids::text],
               ARRAY[line_micropoints::text], ARRAY[line_extra::text], ARRAY[in_inputs],
               CASE WHEN in_terms IS NOT NULL THEN loyalty_told(in_calls::loyalty_call[], in_limited, in_terms, rule_set, store_day, zone) END,
               kept_id, kept_public_id) r;
    RETURN answer;
END $$;
