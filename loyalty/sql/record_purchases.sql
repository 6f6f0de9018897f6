-- THE posting function: purchases in, points and tiers out, in one round trip.
--
-- A checkout calls it with arrays of one element, an import with thousands; purchases of one wallet are posted in the order
-- given. The rules were asked before (loyalty/earning): every line arrives with its micropoints (millionths of a point).
-- Here they meet the wallet's state under its lock: tier, carried remainder, debt, entitlements, lots, window. Every input
-- used is written to loyalty_award, so that the award recomputes. What is as in most awards stands there as NULL: no debt paid, the same
-- tier after it, the balance of its one transfer, nothing else looked at.
--
-- Answers one row per purchase. outcome 0: recorded now · 1: recorded before, the same answer again · 2: the key was used
-- for another body · 3: no such member · 4: the key names another kind of act. A single row of outcome 9: a newer rule set
-- was published than the caller knows. With any 3, 4 or 9 only those rows are answered and nothing at all was written: the
-- caller asks again without those purchases, or by the new rules.
--
-- `in_state` is NULL unless the rule set has rules that the wallet's history decides, budgets, trials or points that wait
-- (loyalty/sql/state_rules.sql): {"terms": {code: term}, "context": {…}, "of": [per purchase: calls, limited, context]}.
--
-- `stored_id` and `stored_public_id` name the one purchase of a checkout that its short way has stored in this transaction
-- (record_purchase.sql): then everything was looked up, and only the points are left to post.
--
-- Lock order, always: wallets opened (by member), keys claimed (in the order given), wallets locked (by id).
CREATE FUNCTION loyalty_record_purchases(
    in_currency smallint, latest_rule_set integer, rule_set integer, ladder smallint[], ladder_from bigint[],
    tier_percents integer[],
    sources bigint[], client_keys text[], body_hashes bytea[], members bigint[],
    reference_kinds text[], reference_hashes bytea[],
    stores bigint[], times timestamptz[], currencies text[], totals bigint[],
    line_places integer[], line_numbers smallint[], line_products bigint[], line_quantities numeric[], line_units text[],
    line_totals bigint[],
    days date[], expiries date[], base_micropoints bigint[], extra_micropoints bigint[],
    line_category_ids text[], line_micropoints text[], line_extras text[], inputs jsonb[], in_state jsonb DEFAULT NULL,
    stored_id bigint DEFAULT NULL, stored_public_id uuid DEFAULT NULL
) RETURNS TABLE (
    place integer, outcome smallint, purchase_id bigint, public_id uuid, member_id bigint, rule_set_id integer,
    points bigint, debt_paid bigint, available bigint, tier_id smallint, tier_percent integer, tier_after_id smallint,
    carry_before integer, carry_after integer, entitlements jsonb, award_inputs jsonb, bonuses jsonb
)
-- One plan for ever, and by index, row for row: a plan made while the tables were empty would read them whole as they grow,
-- and a hash or merge join reads a whole index.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off AS $$
#variable_conflict use_variable
DECLARE
    purchases integer := cardinality(client_keys);
    newest_rule_set integer;
    holder bigint;
    wallet bigint;
    holders bigint[];
    wallets bigint[];
    newcomers bigint[] := '{}';
    unknown integer[] := '{}';
    purchase_ids bigint[];
    public_ids uuid[];
    outcomes smallint[];
    posting_order integer[];
    w loyalty_wallet;
    i integer;
    qualifying bigint;
    of_month bigint;
    is_late boolean;
    extra bigint[];
    used jsonb;
    micropoints bigint;
    to_available bigint;
    seq smallint;
    lot integer;
    told jsonb;  -- what in_state says of this purchase
    context jsonb;
    at_once boolean := purchases = 1 OR in_state IS NOT NULL;
    -- What the loop makes: written row by row for a checkout, and for an import all at once at its end.
    moved loyalty_transfer;
    award loyalty_award;
    moves loyalty_transfer[] := '{}';
    awards loyalty_award[] := '{}';
    shared bigint[] := '{}';  -- purchases of which a household gets its part
BEGIN
    SELECT max(r.id) INTO newest_rule_set FROM loyalty_ruleset r;
    IF newest_rule_set <> latest_rule_set AND stored_id IS NULL THEN
        outcome := 9;
        RETURN NEXT;
        RETURN;
    END IF;

    -- Who: by id, or by the keyed hash of a card, phone, e-mail or external id. Purchase by purchase, because a join that is
    -- planned while the tables are small may read them whole when they have grown; a look-up by key never does.
    holders := members;
    wallets := array_fill(NULL::bigint, ARRAY[purchases]);
    FOR i IN 1 .. purchases LOOP
        holder := members[i];
        IF holder IS NULL AND reference_kinds[i] IS NOT NULL THEN
            SELECT known.member_id INTO holder FROM members_identifier known
             WHERE known.kind = reference_kinds[i] AND known.value_hash = reference_hashes[i];
            holders[i] := holder;
        END IF;
        IF holder IS NOT NULL THEN
            SELECT v.id INTO wallet FROM loyalty_wallet v WHERE v.member_id = holder AND v.currency_id = in_currency;
            wallets[i] := wallet;
            IF wallet IS NULL THEN
                newcomers := newcomers || holder;
            END IF;
        ELSIF reference_kinds[i] IS NOT NULL THEN
            unknown := unknown || i;
        END IF;
    END LOOP;
    IF newcomers <> '{}' AND unknown = '{}' THEN
        PERFORM loyalty_open_wallets(in_currency, newcomers);
        FOR i IN 1 .. purchases LOOP
            CONTINUE WHEN wallets[i] IS NOT NULL OR holders[i] IS NULL;
            SELECT v.id INTO wallet FROM loyalty_wallet v WHERE v.member_id = holders[i] AND v.currency_id = in_currency;
            wallets[i] := wallet;
            IF wallet IS NULL THEN
                unknown := unknown || i;
            END IF;
        END LOOP;
    END IF;
    FOREACH place IN ARRAY unknown LOOP
        outcome := 3;
        RETURN NEXT;
    END LOOP;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    -- A key that named goodwill or a redemption before names no purchase.
    FOR i IN 1 .. purchases LOOP
        EXIT WHEN stored_id IS NOT NULL;
        PERFORM FROM loyalty_transfer t
          WHERE t.source_id = sources[i] AND t.client_key = client_keys[i] AND t.seq = 0::smallint AND t.purchase_id IS NULL;
        IF FOUND THEN
            place := i;
            outcome := 4;
            RETURN NEXT;
        END IF;
    END LOOP;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    moved.debit_account := 1;
    moved.reason := 'purchase';
    moved.note := '';
    moved.body_hash := '';  -- the purchase has it
    moved.posted_at := statement_timestamp();
    award.rule_set_id := rule_set;

    posting_order := '{1}';
    IF stored_id IS NOT NULL THEN
        purchase_ids := ARRAY[stored_id];
        public_ids := ARRAY[stored_public_id];
        outcomes := '{0}';
    ELSIF purchases = 1 THEN
        SELECT ARRAY[s.purchase_id], ARRAY[s.public_id], ARRAY[s.outcome] INTO purchase_ids, public_ids, outcomes
          FROM sales_store_purchase(
                   sources[1], client_keys[1], body_hashes[1], 1::smallint, NULL, holders[1], stores[1], times[1], currencies[1],
                   totals[1], line_products, line_quantities, line_units, line_totals, NULL, NULL) s;
    ELSE
        SELECT array_agg(s.purchase_id), array_agg(s.public_id), array_agg(s.outcome)  -- answered in the order given
          INTO purchase_ids, public_ids, outcomes
          FROM sales_store_purchases(
                   sources, client_keys, body_hashes, array_fill(1::smallint, ARRAY[purchases]),
                   array_fill(NULL::bigint, ARRAY[purchases]), holders, stores, times, currencies, totals,
                   line_places, line_numbers, line_products, line_quantities, line_units, line_totals,
                   array_fill(NULL::smallint, ARRAY[cardinality(line_places)])) s;
        SELECT array_agg(o.place ORDER BY o.wallet, o.place) INTO posting_order
          FROM unnest(wallets) WITH ORDINALITY AS o (wallet, place);
    END IF;

    FOREACH i IN ARRAY posting_order LOOP
        place := i;
        outcome := outcomes[i];
        purchase_id := purchase_ids[i];
        public_id := public_ids[i];
        member_id := holders[i];
        rule_set_id := rule_set;
        entitlements := NULL;
        award_inputs := NULL;
        bonuses := NULL;

        IF outcome <> 0 OR wallets[i] IS NULL THEN
            points := 0; debt_paid := 0; available := NULL; tier_id := NULL; tier_percent := NULL; tier_after_id := NULL;
            carry_before := NULL; carry_after := NULL;
            IF outcome = 1 THEN
                IF cardinality(awards) > 0 THEN  -- the first of two equal receipts may stand in this very batch
                    PERFORM loyalty_write_posted(moves, awards);
                    moves := '{}';
                    awards := '{}';
                END IF;
                SELECT a.rule_set_id, a.points, a.debt_paid,
                       coalesce(a.available_after, (SELECT t.available_after FROM loyalty_transfer t
                                                     WHERE t.source_id = sources[i] AND t.client_key = client_keys[i] AND t.seq = 0)),
                       a.tier_id, a.tier_percent, coalesce(a.tier_after_id, a.tier_id), a.carry_before, a.carry_after,
                       a.entitlements, a.inputs
                  INTO rule_set_id, points, debt_paid, available, tier_id, tier_percent, tier_after_id,
                       carry_before, carry_after, entitlements, award_inputs
                  FROM loyalty_award a WHERE a.purchase_id = purchase_ids[i];
                points := coalesce(points, 0);
                debt_paid := coalesce(debt_paid, 0);
                bonuses := loyalty_bonuses_of(purchase_ids[i]);
            ELSIF outcome = 2 THEN
                purchase_id := NULL;
                public_id := NULL;
            END IF;
            RETURN NEXT;
            CONTINUE;
        END IF;

        IF w.id IS DISTINCT FROM wallets[i] THEN
            IF w.id IS NOT NULL THEN
                PERFORM loyalty_save_wallet(w);
            END IF;
            SELECT * INTO w FROM loyalty_wallet v WHERE v.id = wallets[i] FOR UPDATE;
            WHILE w.merged_into_id IS NOT NULL LOOP  -- an absorbed member's purchases are the survivor's
                SELECT * INTO w FROM loyalty_wallet v WHERE v.id = w.merged_into_id FOR UPDATE;
            END LOOP;
        END IF;
        IF w.lot_expires_on[1] < days[i] OR w.pending > 0 THEN
            w := loyalty_expire_lots(w, days[i], times[i]);
        END IF;
        IF in_state -> 'context' ? 'idle' THEN  -- points left alone too long are gone before this purchase wakes the wallet
            w := loyalty_expire_idle(w, times[i] - loyalty_idle_time_at(times[i]), times[i]);
        END IF;

        -- The tier before this purchase: that of the window as it stands in the purchase's month. A receipt that comes late,
        -- for a month before the wallet's newest, is paid at the tier the member holds now.
        is_late := days[i] < w.qualifying_month;
        IF NOT coalesce(is_late, false) AND (w.qualifying_month IS NULL OR days[i] >= w.qualifying_month + 28) THEN
            w := loyalty_age_tier(w, days[i], times[i]);
        END IF;
        tier_id := w.tier_id;
        tier_percent := loyalty_percent_of(array_position(ladder, w.tier_id), tier_percents);

        carry_before := w.carry_micropoints;
        extra := CASE WHEN line_extras IS NULL THEN NULL ELSE line_extras[i]::bigint[] END;
        micropoints := coalesce(extra_micropoints[i], 0);
        IF w.entitled_until >= times[i] THEN
            SELECT u.line_extra, u.used INTO extra, used
              FROM loyalty_use_entitlements(w.member_id, times[i], line_category_ids[i]::integer[],
                                            line_micropoints[i]::bigint[], extra) u;
            entitlements := used;
            micropoints := coalesce((SELECT sum(x) FROM unnest(extra) x), 0);
        END IF;
        IF in_state IS NOT NULL THEN
            told := in_state -> 'of' -> (i - 1);
            context := in_state -> 'context' || (told -> 'context')
                || jsonb_build_object('expires', expiries[i], 'had_bought', w.last_purchase_at IS NOT NULL);
            IF told ? 'limited' THEN
                SELECT u.line_extra, u.used INTO extra, entitlements
                  FROM loyalty_use_limited_rules(w, holders[i], in_state -> 'terms', told -> 'limited',
                                                 cardinality(line_micropoints[i]::bigint[]), context, times[i], extra, entitlements) u;
                micropoints := coalesce((SELECT sum(x) FROM unnest(extra) x), 0);
            END IF;
        END IF;
        micropoints := loyalty_earned(base_micropoints[i], tier_percent, micropoints, carry_before);
        points := micropoints / 1000000;
        carry_after := micropoints % 1000000;
        w.carry_micropoints := carry_after;

        -- A debt is paid first; the rest goes into the lot of its expiry.
        debt_paid := least(points, w.debt);
        to_available := points - debt_paid;
        seq := 0;
        moved.wallet_id := w.id;
        moved.source_id := sources[i];
        moved.client_key := client_keys[i];
        moved.purchase_id := purchase_id;
        moved.occurred_at := times[i];
        IF points > 0 AND context IS NOT NULL AND (context ->> 'matures' IS NOT NULL OR context ->> 'waits' <> '') THEN
            debt_paid := 0;
            to_available := 0;
            moved.seq := 0;
            w := loyalty_credit(w, moved, points, expiries[i], (context ->> 'matures')::date, coalesce(context ->> 'waits', ''), '');
        END IF;
        IF to_available > 0 THEN
            lot := loyalty_newest_lot(w.lot_expires_on, expiries[i]);
            IF lot IS NULL THEN
                w := loyalty_add_to_lot(w, expiries[i], to_available);
            ELSE
                w.lot_points[lot] := to_available + coalesce(w.lot_points[lot], 0);
                w.lot_expires_on[lot] := expiries[i];
                w.available := w.available + to_available;
            END IF;
            w.version := w.version + 1;
            moved.version := w.version;
            moved.seq := 0;
            moved.credit_account := 10;
            moved.points := to_available;
            moved.available_after := w.available;
            moved.expires_on := expiries[i];
            IF at_once THEN
                INSERT INTO loyalty_transfer VALUES (moved.*);
            ELSE
                moves := array_append(moves, moved);
            END IF;
            seq := 1;
        END IF;
        IF debt_paid > 0 THEN
            w.debt := w.debt - debt_paid;
            w.version := w.version + 1;
            moved.version := w.version;
            moved.seq := seq;
            moved.credit_account := 13;
            moved.points := debt_paid;
            moved.available_after := w.available;
            moved.expires_on := NULL;
            IF at_once THEN
                INSERT INTO loyalty_transfer VALUES (moved.*);
            ELSE
                moves := array_append(moves, moved);
            END IF;
        END IF;
        IF w.pool_id IS NOT NULL AND to_available * w.pool_percent >= 100 THEN
            w := loyalty_share_award(w, purchase_id, to_available, expiries[i], times[i]);
            shared := shared || purchase_id;
        END IF;
        available := w.available;

        -- The window grows by what the lines earn under the rules, so that a tier does not feed on its own multiplier.
        IF ladder_from IS NULL OR w.lifetime_qualifying IS NOT NULL THEN  -- a tier asks for more than points of twelve months
            w := loyalty_count_purchase(w, purchase_id, line_micropoints[i]::bigint[], days[i], base_micropoints[i], times[i]);
        ELSIF base_micropoints[i] > 0 THEN
            IF is_late THEN
                w := loyalty_add_qualifying(w, days[i], base_micropoints[i]);
            ELSE
                w.qualifying_micropoints[1] := w.qualifying_micropoints[1] + base_micropoints[i];
            END IF;
            qualifying := 0;
            FOREACH of_month IN ARRAY w.qualifying_micropoints LOOP
                qualifying := qualifying + of_month;
            END LOOP;
            IF loyalty_plain_tier(qualifying, ladder, ladder_from) <> w.tier_id THEN
                w := loyalty_settle_tier(w, purchase_id, times[i]);
            END IF;
        END IF;
        IF told ? 'calls' THEN
            w := loyalty_apply_terms(w, holders[i], moved, in_state -> 'terms', told -> 'calls', context, NULL);
            bonuses := loyalty_bonuses_of(purchase_id);
            available := w.available;
        END IF;
        tier_after_id := w.tier_id;
        IF w.last_purchase_at IS NULL OR w.last_purchase_at < times[i] THEN
            w.last_purchase_at := times[i];
        END IF;

        IF at_once THEN  -- from the variables: a record would be filled field by field first
            INSERT INTO loyalty_award (purchase_id, wallet_id, rule_set_id, tier_id, tier_percent, earned_on, carry_before,
                                       carry_after, points, debt_paid, available_after, tier_after_id, line_category_ids,
                                       line_micropoints, line_extra_micropoints, inputs, entitlements)
            VALUES (purchase_id, w.id, rule_set, tier_id, tier_percent, days[i], carry_before, carry_after, points,
                    nullif(debt_paid, 0),
                    CASE WHEN to_available > 0 AND debt_paid = 0 THEN nullif(available, moved.available_after) ELSE available END,
                    nullif(tier_after_id, tier_id), line_category_ids[i]::integer[], line_micropoints[i]::bigint[], extra, inputs[i],
                    entitlements);
        ELSE
            award.purchase_id := purchase_id;
            award.wallet_id := w.id;
            award.tier_id := tier_id;
            award.tier_percent := tier_percent;
            award.earned_on := days[i];
            award.carry_before := carry_before;
            award.carry_after := carry_after;
            award.points := points;
            award.debt_paid := nullif(debt_paid, 0);
            award.available_after := available;
            IF to_available > 0 AND debt_paid = 0 THEN
                award.available_after := nullif(available, moved.available_after);
            END IF;
            award.tier_after_id := nullif(tier_after_id, tier_id);
            award.line_category_ids := line_category_ids[i]::integer[];
            award.line_micropoints := line_micropoints[i]::bigint[];
            award.line_extra_micropoints := extra;
            award.inputs := inputs[i];
            award.entitlements := entitlements;
            awards := array_append(awards, award);
        END IF;
        RETURN NEXT;
    END LOOP;
    IF w.id IS NOT NULL THEN
        PERFORM loyalty_save_wallet(w);
    END IF;
    IF NOT at_once THEN
        PERFORM loyalty_write_posted(moves, awards);
    END IF;
    IF shared <> '{}' THEN
        PERFORM loyalty_fill_pools(shared, (SELECT max(d) FROM unnest(days) d));
    END IF;
END $$;

-- Write what a batch has made, each kind in one statement: setting one up costs as much as several of its rows.
CREATE FUNCTION loyalty_write_posted(moves loyalty_transfer[], awards loyalty_award[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loyalty_transfer SELECT * FROM unnest(moves);
    INSERT INTO loyalty_award SELECT * FROM unnest(awards);
END $$;
