-- Rules that a wallet's history decides (loyalty/earning/state.py says what each measure means).
--
-- A purchase or an event adds its contribution to each term it matches; what is due follows from what the contributions of
-- the period are now; what is due and was not granted yet is given. A refund lessens the contributions of its purchase and
-- takes back what was granted beyond what is due. So any split and any order end at the same.
--
-- Everything runs under the lock of the points wallet `w`; wallets of other currencies are locked after it.
-- `context`: rule_set, day (the store's), expires, matures (or null), waits, zone, had_bought.

-- Whether a trial keeps this member from a rule (the same figure as experiments/buckets.py).
CREATE FUNCTION loyalty_is_held_out(term jsonb, holder bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN term ? 'holdout'
       AND (SELECT mod(('x' || left(md5((term ->> 'salt') || ':' || m.public_id::text), 8))::bit(32)::bigint, 10000)
              FROM members_member m WHERE m.id = holder) < (term ->> 'holdout')::integer * 100;
END $$;

-- Whether a rule is for this member: no trial keeps it from them, and they hold one of its tiers. The tier is the one held
-- before the purchase, which may just have changed it.
CREATE FUNCTION loyalty_is_for(w loyalty_wallet, holder bigint, term jsonb, purchase bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF loyalty_is_held_out(term, holder) THEN
        RETURN false;
    END IF;
    RETURN NOT term ? 'tiers' OR term -> 'tiers' ? (
        SELECT t.code FROM loyalty_tier t
         WHERE t.id = coalesce((SELECT c.from_tier_id FROM loyalty_tierchange c
                                 WHERE c.wallet_id = w.id AND c.purchase_id = purchase ORDER BY c.id LIMIT 1), w.tier_id));
END $$;

-- What the contributions of a period come to.
CREATE FUNCTION loyalty_measure(wallet bigint, in_term text, in_period date, term jsonb) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    enough bigint := coalesce((term ->> 'minimum')::bigint, 1);
    every bigint := (term ->> 'every')::bigint;
BEGIN
    CASE term ->> 'measure'
    WHEN 'spend', 'items' THEN
        RETURN (SELECT coalesce(sum(c.total_left), 0) FROM loyalty_contribution c
                 WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period);
    WHEN 'visits' THEN
        RETURN (SELECT count(*) FROM loyalty_contribution c
                 WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND c.total_left >= enough);
    WHEN 'events' THEN
        RETURN (SELECT count(*) FROM loyalty_contribution c
                 WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period);
    WHEN 'days' THEN
        RETURN (SELECT count(DISTINCT c.day) FROM loyalty_contribution c
                 WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND c.total_left >= enough);
    WHEN 'streaks' THEN
        RETURN (SELECT coalesce(sum(run.steps / every), 0)
                  FROM (SELECT count(*) AS steps
                          FROM (SELECT s.step - row_number() OVER (ORDER BY s.step) AS island
                                  FROM (SELECT DISTINCT c.step FROM loyalty_contribution c
                                         WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period
                                           AND c.total_left >= enough) s) i
                         GROUP BY i.island) run);
    ELSE  -- categories, products, brands
        RETURN (SELECT count(DISTINCT k.key) FROM loyalty_contribution c, unnest(c.keys, c."left") AS k (key, rest)
                 WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND k.rest > 0);
    END CASE;
END $$;

CREATE FUNCTION loyalty_units_due(term jsonb, measure bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(CASE WHEN term ->> 'measure' = 'streaks' THEN measure ELSE measure / (term ->> 'every')::bigint END,
                 nullif((term ->> 'times')::bigint, 0))
$$;

-- The yearly day whose window holds `today`; NULL if none does. 29 February is kept on the 28th in common years. Once it
-- was paid for, the day stays the one that was paid for, whatever the profile says since.
CREATE FUNCTION loyalty_occasion(wallet bigint, holder bigint, term jsonb, today date, zone text, OUT kept date, OUT yearly jsonb)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    joined date;
BEGIN
    SELECT s.locked INTO yearly FROM loyalty_rulestate s
     WHERE s.wallet_id = wallet AND s.term IN (term ->> 'code', (term ->> 'code') || '#occasion') AND s.locked IS NOT NULL
     ORDER BY s.period LIMIT 1;
    SELECT (m.joined_at AT TIME ZONE zone)::date,
           CASE WHEN yearly IS NOT NULL THEN yearly
                WHEN term ->> 'begins' = 'birthday' THEN jsonb_build_object('month', m.birth_month, 'day', m.birth_day)
                ELSE jsonb_build_object('month', extract(month FROM m.joined_at AT TIME ZONE zone),
                                        'day', extract(day FROM m.joined_at AT TIME ZONE zone)) END
      INTO joined, yearly FROM members_member m WHERE m.id = holder;
    IF yearly ->> 'month' IS NULL OR yearly ->> 'day' IS NULL THEN
        RETURN;
    END IF;
    SELECT k.day INTO kept
      FROM (SELECT least(make_date(y, (yearly ->> 'month')::integer, 1) + (yearly ->> 'day')::integer - 1,
                         (make_date(y, (yearly ->> 'month')::integer, 1) + interval '1 month')::date - 1) AS day
              FROM generate_series(extract(year FROM today)::integer - 1, extract(year FROM today)::integer + 1) y) k
     WHERE today BETWEEN k.day - coalesce((term ->> 'before')::integer, 0) AND k.day + coalesce((term ->> 'after')::integer, 0)
       AND (term ->> 'begins' <> 'joining' OR k.day > joined)
     ORDER BY abs(k.day - today), k.day LIMIT 1;
END $$;

-- The next free place among the transfers of an act.
CREATE FUNCTION loyalty_next_seq(act loyalty_transfer) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(max(t.seq), -1) + 1 FROM loyalty_transfer t
             WHERE t.source_id = act.source_id AND t.client_key = act.client_key);
END $$;

-- The id of a currency, made when a rule names it for the first time.
CREATE FUNCTION loyalty_currency_id(in_code text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE
    found_id smallint;
BEGIN
    SELECT c.id INTO found_id FROM loyalty_currency c WHERE c.code = in_code;
    IF found_id IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('loyalty_currency', 0));
        INSERT INTO loyalty_currency (id, code, name) SELECT max(c.id) + 1, in_code, in_code FROM loyalty_currency c
            ON CONFLICT (code) DO NOTHING;
        SELECT c.id INTO found_id FROM loyalty_currency c WHERE c.code = in_code;
    END IF;
    RETURN found_id;
END $$;

-- The wallet of another currency of the same holder, opened when missing, locked.
CREATE FUNCTION loyalty_sibling_wallet(w loyalty_wallet, in_code text) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    wanted smallint := loyalty_currency_id(in_code);
    other loyalty_wallet;
BEGIN
    IF w.member_id IS NOT NULL THEN
        RETURN loyalty_lock_wallet(wanted, w.member_id);
    END IF;
    FOR attempt IN 1 .. 2 LOOP
        SELECT * INTO other FROM loyalty_wallet v WHERE v.household_id = w.household_id AND v.currency_id = wanted FOR UPDATE;
        EXIT WHEN other.id IS NOT NULL;
        INSERT INTO loyalty_wallet (public_id, currency_id, household_id, available, pending, held, debt, carry_micropoints, version,
                                    lot_expires_on, lot_points, tier_id, qualifying_micropoints)
        VALUES (gen_random_uuid(), wanted, w.household_id, 0, 0, 0, 0, 0, 0, '{}', '{}', w.tier_id, '{}') ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN other;
END $$;

-- Write down one change of what a term gave, with every input.
CREATE FUNCTION loyalty_note_grant(
    wallet bigint, act loyalty_transfer, term jsonb, state loyalty_rulestate, in_event bigint, due bigint, units bigint, amount bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loyalty_grant (wallet_id, source_id, client_key, rule_set_id, rule, term, period, purchase_id, event_id, terms,
                               measure, units_due, units_before, units, amount, at)
    VALUES (wallet, act.source_id, act.client_key, state.rule_set_id, state.rule, state.term, state.period, act.purchase_id,
            in_event, term, state.measure, due, state.units, units, amount, act.occurred_at);
END $$;

-- Give (units above zero) or take back (below zero) what a term gives per unit, in every currency it names.
CREATE FUNCTION loyalty_give(
    w loyalty_wallet, act loyalty_transfer, term jsonb, gives jsonb, state loyalty_rulestate, in_event bigint, due bigint,
    units bigint, context jsonb
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    currency text;
    per bigint;
    amount bigint;
    other loyalty_wallet;
    until date;
BEGIN
    act.reason := CASE WHEN units > 0 THEN 'bonus' ELSE 'bonus_back' END;
    act.note := '';
    IF gives IS NULL OR gives = '{}' THEN  -- a badge alone
        PERFORM loyalty_note_grant(w.id, act, term, state, in_event, due, units, 0);
        RETURN w;
    END IF;
    FOR currency, per IN SELECT g.key, g.value::bigint FROM jsonb_each_text(gives) g ORDER BY g.key = 'points' DESC, g.key LOOP
        amount := per * units;
        act.seq := loyalty_next_seq(act);
        IF currency = 'points' THEN
            w := loyalty_move_bonus(w, act, amount, per < 0, (context ->> 'expires')::date, (context ->> 'matures')::date,
                                    coalesce(context ->> 'waits', ''), state.term);
            PERFORM loyalty_note_grant(w.id, act, term, state, in_event, due, units, amount);
        ELSE
            other := loyalty_expire_lots(loyalty_sibling_wallet(w, currency), (context ->> 'day')::date, act.occurred_at);
            -- Stamps and credits last as long as the period they were counted in.
            until := CASE WHEN currency LIKE 'cashback:%' OR state.term LIKE '%#referrer' THEN date '9999-12-31' ELSE state.ends END;
            other := loyalty_move_bonus(other, act, amount, per < 0, until, NULL, '', state.term);
            PERFORM loyalty_save_wallet(other);
            PERFORM loyalty_note_grant(other.id, act, term, state, in_event, due, units, amount);
        END IF;
    END LOOP;
    RETURN w;
END $$;

-- Move an amount that a term gives or takes. What is taken back comes out of what is still pending of the term, then out of
-- lots; what they do not hold becomes a debt. `takes`: the term takes by its nature (a full card its stamps): as many as there
-- are, and they come back when it is undone.
CREATE FUNCTION loyalty_move_bonus(
    w loyalty_wallet, act loyalty_transfer, amount bigint, takes boolean, until date, matures date, waits text, in_term text
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    left_over bigint := -amount;
    before bigint;
    merged record;
BEGIN
    IF takes AND amount < 0 THEN
        RETURN loyalty_take_from_lots(w, least(-amount, w.available), NULL, 2::smallint, act);
    ELSIF takes THEN
        w := loyalty_add_to_lot(w, until, amount);
        w := loyalty_note_transfer(w, act, 2::smallint, 10::smallint, amount, until);
        RETURN loyalty_settle_debt(w, act, amount);
    ELSIF amount >= 0 THEN
        RETURN loyalty_credit(w, act, amount, until, matures, waits, in_term);
    END IF;
    before := w.pending;
    w := loyalty_cancel_pending(w, act, left_over, NULL, in_term);
    left_over := left_over - (before - w.pending);
    IF left_over > 0 THEN
        SELECT r.w, r.points INTO merged FROM loyalty_take_merged_pending(w, act, left_over, in_term) AS r (w, points);
        w := merged.w;
        left_over := left_over - merged.points;
    END IF;
    IF left_over > w.available THEN
        act.seq := loyalty_next_seq(act);
        w.debt := w.debt + left_over - w.available;
        w := loyalty_note_transfer(w, act, 13::smallint, 4::smallint, left_over - w.available, NULL);
        left_over := w.available;
    END IF;
    act.seq := loyalty_next_seq(act);
    RETURN loyalty_take_from_lots(w, left_over, until, 4::smallint, act);
END $$;

-- Bring what was granted of a term to what is due now. `state` is the row as it stands, with the new measure and terms.
CREATE FUNCTION loyalty_settle_term(
    w loyalty_wallet, holder bigint, act loyalty_transfer, term jsonb, state loyalty_rulestate, in_event bigint, said jsonb, context jsonb
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    due bigint := loyalty_units_due(term, state.measure);
    stands bigint := greatest(0, due + state.shift);
    points bigint := coalesce((term -> 'gives' ->> 'points')::bigint, 0);
    units bigint := stands - state.units;
    allowed bigint := 0;
    is_limited boolean := points > 0 AND term ?| ARRAY['points_max', 'money_max', 'member_max'];
    cost bigint := coalesce((term ->> 'cost')::bigint, 0);
    member_period date := coalesce((said ->> 'member_period')::date, date '0001-01-01');
BEGIN
    IF units > 0 AND is_limited THEN
        WHILE allowed < units AND loyalty_take_budgets(w, term, points, cost, member_period, state.rule_set_id, act.occurred_at) LOOP
            allowed := allowed + 1;
        END LOOP;
        units := allowed;
    ELSIF units < 0 AND is_limited THEN
        PERFORM loyalty_return_budgets(w, term, points * -units, cost);
    END IF;
    IF units <> 0 THEN
        w := loyalty_give(w, act, term, term -> 'gives', state, in_event, due, units, context);
        IF term ->> 'kind' = 'referral' THEN
            w := loyalty_settle_referrer(w, holder, act, term, units, said, context);
        END IF;
        state.units := state.units + units;
    END IF;
    INSERT INTO loyalty_rulestate (wallet_id, term, period, ends, rule, rule_set_id, terms, measure, units, shift, locked, changed_at)
    VALUES (w.id, state.term, state.period, state.ends, state.rule, state.rule_set_id, term, state.measure, state.units, state.shift,
            state.locked, act.occurred_at)
        ON CONFLICT ON CONSTRAINT loyalty_rulestate_pkey DO UPDATE
       SET ends = excluded.ends, rule_set_id = excluded.rule_set_id, terms = excluded.terms, measure = excluded.measure,
           units = excluded.units, shift = excluded.shift, locked = excluded.locked, changed_at = excluded.changed_at;
    RETURN w;
END $$;

-- The other side of a referral: the referrer gets theirs with the friend's, up to so many friends in a period, and gives it
-- back with the friend's. The friend's name stays out of the referrer's ledger: the act is the ledger's own. Two members who were
-- merged since have one wallet, which is `mine`, locked and not written yet; it is given back.
CREATE FUNCTION loyalty_settle_referrer(
    mine loyalty_wallet, friend bigint, cause loyalty_transfer, term jsonb, units bigint, said jsonb, context jsonb
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    r loyalty_referral;
    w loyalty_wallet;
    act loyalty_transfer;
    state loyalty_rulestate;
    times bigint := coalesce((term ->> 'referrer_times')::bigint, 0);
    paid_to bigint[];  -- where the referrer's bonus may have gone
BEGIN
    SELECT * INTO r FROM loyalty_referral v WHERE v.friend_id = friend FOR UPDATE;
    w := loyalty_lock_wallet(mine.currency_id, r.referrer_id);
    paid_to := loyalty_ever_of((SELECT v.id FROM loyalty_wallet v WHERE v.member_id = r.referrer_id AND v.currency_id = mine.currency_id));
    IF units < 0 THEN  -- out of the wallet that was paid, or that it has come to, whatever was merged or taken apart since
        SELECT v.* INTO w FROM loyalty_grant g JOIN loyalty_wallet h ON h.id = g.wallet_id
          JOIN loyalty_wallet p ON p.member_id = h.member_id AND p.currency_id = mine.currency_id
          JOIN loyalty_wallet v ON v.id = loyalty_root(p.id)
         WHERE p.id = ANY (paid_to) AND g.client_key LIKE format('referral:%s:%%', r.id) ORDER BY g.id DESC LIMIT 1 FOR UPDATE OF v;
        IF w.id IS NULL THEN
            w := loyalty_lock_wallet(mine.currency_id, r.referrer_id);
        END IF;
    END IF;
    IF w.id = mine.id THEN
        w := mine;
    END IF;
    w := loyalty_expire_lots(w, (context ->> 'day')::date, cause.occurred_at);
    state.term := (term ->> 'code') || '#referrer';
    SELECT g.period INTO state.period FROM loyalty_grant g
     WHERE g.wallet_id = ANY (paid_to) AND g.client_key LIKE format('referral:%s:%%', r.id) ORDER BY g.id DESC LIMIT 1;
    IF units > 0 OR state.period IS NULL THEN
        state.period := coalesce((said ->> 'referrer_period')::date, state.period, date '0001-01-01');
    END IF;
    SELECT * INTO state FROM loyalty_rulestate s
     WHERE s.wallet_id = w.id AND s.term = (term ->> 'code') || '#referrer' AND s.period = state.period;
    IF state.wallet_id IS NULL THEN
        state.wallet_id := w.id;
        state.term := (term ->> 'code') || '#referrer';
        state.period := coalesce((said ->> 'referrer_period')::date, date '0001-01-01');
        state.ends := date '9999-12-31';
        state.rule := term ->> 'rule';
        state.measure := 0;
        state.units := 0;
        state.shift := 0;
    END IF;
    state.rule_set_id := (context ->> 'rule_set')::integer;
    UPDATE loyalty_referral v SET state = CASE WHEN units > 0 THEN 'paid' ELSE 'taken_back' END, settled_at = cause.occurred_at
     WHERE v.id = r.id;
    IF (units > 0 AND times > 0 AND state.units >= times) OR (units < 0 AND NOT EXISTS (
            SELECT FROM loyalty_grant g WHERE g.wallet_id = ANY (paid_to) AND g.client_key LIKE format('referral:%s:%%', r.id)
            HAVING sum(g.units) > 0)) THEN
        RETURN loyalty_saved_beside(w, mine);
    END IF;
    SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
    act.client_key := format('referral:%s:%s', r.id, w.version);
    act.body_hash := decode(md5(act.client_key), 'hex');
    act.occurred_at := cause.occurred_at;
    state.measure := state.measure + units;
    w := loyalty_give(w, act, term, term -> 'gives_referrer', state, NULL, state.units + units, units, context);
    INSERT INTO loyalty_rulestate (wallet_id, term, period, ends, rule, rule_set_id, terms, measure, units, shift, changed_at)
    VALUES (w.id, state.term, state.period, state.ends, state.rule, state.rule_set_id, term, state.measure, state.units + units, 0,
            act.occurred_at)
        ON CONFLICT ON CONSTRAINT loyalty_rulestate_pkey DO UPDATE
       SET measure = excluded.measure, units = excluded.units, terms = excluded.terms, changed_at = excluded.changed_at;
    RETURN loyalty_saved_beside(w, mine);
END $$;

-- Write a wallet, unless it is the one that the caller holds and writes itself. Gives back the caller's.
CREATE FUNCTION loyalty_saved_beside(w loyalty_wallet, mine loyalty_wallet) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    IF w.id = mine.id THEN
        RETURN w;
    END IF;
    PERFORM loyalty_save_wallet(w);
    RETURN mine;
END $$;

-- Tell every term what a purchase or an event contributes, and give what is due by it.
--
-- Most terms only count on: no unit is due, none changes. Their contributions and their counts are written at the end, all in one
-- statement each; only a term that gives something, or that is met for the first time or in new words, is settled by itself.
CREATE FUNCTION loyalty_apply_terms(
    w loyalty_wallet, holder bigint, act loyalty_transfer, terms jsonb, calls jsonb, context jsonb, in_event bigint
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    sale bigint := CASE WHEN in_event IS NULL THEN act.purchase_id END;
    today date := (context ->> 'day')::date;
    told record;
    term jsonb;
    state loyalty_rulestate;
    begins date;
    ends date;
    yearly jsonb;
    is_changed boolean;
    gives_credits boolean := false;
    to_write integer[] := '{}';  -- places of the calls whose contributions are still to be written, in their order …
    write_in date[] := '{}';     -- … and their periods
    counted text[] := '{}';      -- terms that only count on
    counted_in date[] := '{}';
    counts bigint[] := '{}';
BEGIN
    FOR told IN
        SELECT c.*, coalesce((SELECT sum(x) FROM unnest(c.amounts) x), 0)::bigint AS total, s AS state
          FROM ROWS FROM (jsonb_to_recordset(calls) AS (code text, period date, ends date, amounts bigint[], step integer, near integer[]))
               WITH ORDINALITY AS c (code, period, ends, amounts, step, near, place)
          LEFT JOIN loyalty_rulestate s ON s.wallet_id = w.id AND s.term = c.code AND s.period = c.period
         ORDER BY c.place
    LOOP
        term := terms -> told.code;
        CONTINUE WHEN term ?| '{tiers,holdout}' AND NOT loyalty_is_for(w, holder, term, act.purchase_id);
        CONTINUE WHEN told.near IS NOT NULL
                      AND NOT loyalty_is_near(w.id, holder, told.code, term ->> 'begins', told.near, context ->> 'zone');
        CONTINUE WHEN term ->> 'kind' = 'referral'
                      AND NOT loyalty_was_referred(w, holder);
        begins := told.period;
        ends := told.ends;
        state := told.state;
        yearly := NULL;
        IF term ? 'begins' THEN
            SELECT o.kept, o.yearly INTO begins, yearly FROM loyalty_occasion(w.id, holder, term, today, context ->> 'zone') o;
            CONTINUE WHEN begins IS NULL;
            ends := begins + coalesce((term ->> 'after')::integer, 0);
            SELECT * INTO state FROM loyalty_rulestate s WHERE s.wallet_id = w.id AND s.term = told.code AND s.period = begins;
        END IF;

        -- Who had bought before the rule first looked has no first purchase to come: nothing of theirs is ever due by it.
        CONTINUE WHEN term ? 'is_first' AND coalesce(state.shift < 0, (context ->> 'had_bought')::boolean);
        to_write := to_write || told.place::integer;
        write_in := write_in || begins;
        is_changed := state.wallet_id IS NOT NULL AND state.terms <> term;
        IF state.wallet_id IS NULL THEN
            state.wallet_id := w.id;
            state.term := told.code;
            state.period := begins;
            state.rule := term ->> 'rule';
            state.measure := 0;
            state.units := 0;
            state.shift := 0;
        ELSIF is_changed AND NOT term ? 'is_first' THEN
            state.shift := state.units - loyalty_units_due(term, loyalty_measure(w.id, told.code, begins, term));
        END IF;
        IF NOT is_changed AND term ->> 'measure' IN ('spend', 'items', 'visits', 'events') THEN
            state.measure := state.measure + loyalty_counts_on(term, told.total);
        ELSIF is_changed OR loyalty_must_look(w.id, term, told.code, begins, today, told.step, told.total) THEN
            PERFORM loyalty_write_contributions(w.id, sale, in_event, today, calls, to_write, write_in);
            to_write := '{}';
            write_in := '{}';
            state.measure := loyalty_measure(w.id, told.code, begins, term);
        END IF;
        IF NOT is_changed AND state.terms IS NOT NULL AND greatest(0, loyalty_units_due(term, state.measure) + state.shift) = state.units THEN
            counted := counted || state.term;
            counted_in := counted_in || begins;
            counts := counts || state.measure;
            CONTINUE;
        END IF;
        state.ends := ends;
        state.rule_set_id := (context ->> 'rule_set')::integer;
        state.locked := coalesce(state.locked, yearly);
        w := loyalty_settle_term(w, holder, act, term, state, in_event, calls -> (told.place::integer - 1), context);
        gives_credits := gives_credits OR term -> 'gives' ? 'tier_credits';
    END LOOP;
    IF to_write <> '{}' THEN
        PERFORM loyalty_write_contributions(w.id, sale, in_event, today, calls, to_write, write_in);
    END IF;
    IF counted <> '{}' THEN
        UPDATE loyalty_rulestate s
           SET measure = n.measure, rule_set_id = (context ->> 'rule_set')::integer, changed_at = act.occurred_at
          FROM unnest(counted, counted_in, counts) AS n (term, period, measure)
         WHERE s.wallet_id = w.id AND s.term = n.term AND s.period = n.period
           AND (s.measure <> n.measure OR s.rule_set_id <> (context ->> 'rule_set')::integer);
    END IF;
    IF gives_credits THEN
        w := loyalty_settle_credits(w, sale, today, act.occurred_at);
    END IF;
    RETURN w;
END $$;

-- Whether somebody else referred this member: who was merged with their referrer since would have referred themselves.
CREATE FUNCTION loyalty_was_referred(w loyalty_wallet, holder bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM loyalty_referral r
         WHERE r.friend_id = holder
           AND (SELECT loyalty_root(v.id) FROM loyalty_wallet v WHERE v.member_id = r.referrer_id AND v.currency_id = w.currency_id)
               IS DISTINCT FROM w.id);
END $$;

-- What one purchase or event adds to a measure that only counts: money, items, visits, events, of which `total` is of its kind.
CREATE FUNCTION loyalty_counts_on(term jsonb, total bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE term ->> 'measure' WHEN 'events' THEN 1
           WHEN 'visits' THEN (total >= (term ->> 'minimum')::bigint)::integer ELSE total END
$$;

-- Whether a purchase may change a measure that does not just count. A second visit of the same day or week changes no streak.
CREATE FUNCTION loyalty_must_look(
    wallet bigint, term jsonb, in_term text, in_period date, today date, in_step integer, total bigint
) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
DECLARE
    enough bigint := coalesce((term ->> 'minimum')::bigint, 1);
BEGIN
    CASE term ->> 'measure'
    WHEN 'days' THEN
        RETURN total >= enough AND NOT EXISTS (
            SELECT FROM loyalty_contribution c
             WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND c.day = today AND c.total_left >= enough);
    WHEN 'streaks' THEN
        RETURN total >= enough AND NOT EXISTS (
            SELECT FROM loyalty_contribution c
             WHERE c.wallet_id = wallet AND c.term = in_term AND c.period = in_period AND c.step = in_step AND c.total_left >= enough);
    ELSE
        RETURN true;
    END CASE;
END $$;

-- Write down what a purchase or an event contributes to those of its calls that stand at `places`.
CREATE FUNCTION loyalty_write_contributions(
    wallet bigint, sale bigint, in_event bigint, today date, calls jsonb, places integer[], periods date[]
) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO loyalty_contribution (wallet_id, term, period, purchase_id, event_id, day, lines, amounts, "left", total_left, keys, step)
    SELECT wallet, c.code, n.period, sale, in_event, today, c.lines, c.amounts, c.amounts,
           coalesce((SELECT sum(x) FROM unnest(c.amounts) x), 0), c.keys, c.step
      FROM unnest(places, periods) AS n (place, period)
     CROSS JOIN LATERAL jsonb_to_record(calls -> (n.place - 1))
           AS c (code text, lines smallint[], amounts bigint[], keys text[], step integer)
     ORDER BY n.place;
END $$;

-- A refund: lessen what its purchase contributes, and take back what was granted beyond what is due now. The full cards come
-- before their stamps, so that the stamps are there to be taken.
CREATE FUNCTION loyalty_retract_terms(w loyalty_wallet, holder bigint, act loyalty_transfer, sale bigint, context jsonb)
RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    told loyalty_contribution;
    state loyalty_rulestate;
    rest bigint[];
    gives_credits boolean := false;
BEGIN
    FOR told IN SELECT * FROM loyalty_contribution c WHERE c.purchase_id = sale ORDER BY c.id DESC LOOP
        SELECT array_agg(CASE WHEN s.total_minor = 0 THEN t.amount
                              ELSE t.amount - div(t.amount::numeric * coalesce(b.back, 0), s.total_minor)::bigint END ORDER BY t.place)
          INTO rest
          FROM unnest(told.lines, told.amounts) WITH ORDINALITY AS t (line, amount, place)
          JOIN sales_purchaseline s ON s.purchase_id = sale AND s.line_no = t.line
          LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor) AS back
                       FROM sales_purchase p JOIN sales_purchaseline x ON x.purchase_id = p.id
                      WHERE p.refunds_id = sale GROUP BY 1) b ON b.refunds_line_no = s.line_no;
        CONTINUE WHEN rest = told."left";
        UPDATE loyalty_contribution c SET "left" = rest, total_left = (SELECT sum(x) FROM unnest(rest) x) WHERE c.id = told.id;
        SELECT * INTO state FROM loyalty_rulestate s WHERE s.wallet_id = told.wallet_id AND s.term = told.term AND s.period = told.period;
        state.measure := loyalty_measure(told.wallet_id, told.term, told.period, state.terms);
        IF state.units > greatest(0, loyalty_units_due(state.terms, state.measure) + state.shift) THEN
            w := loyalty_settle_term(w, holder, act, state.terms, state, NULL, '{}',
                                     context || jsonb_build_object('rule_set', state.rule_set_id));
            gives_credits := gives_credits OR state.terms -> 'gives' ? 'tier_credits';
        ELSE
            UPDATE loyalty_rulestate s SET measure = state.measure, changed_at = act.occurred_at
             WHERE s.wallet_id = state.wallet_id AND s.term = state.term AND s.period = state.period;
        END IF;
    END LOOP;
    IF gives_credits THEN
        w := loyalty_settle_credits(w, act.purchase_id, (context ->> 'day')::date, act.occurred_at);
    END IF;
    RETURN w;
END $$;

-- What the terms gave or took with one purchase or refund, in the order it happened: for the answer and the explanation.
CREATE FUNCTION loyalty_bonuses_of(sale bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_agg(jsonb_build_object(
                       'term', g.term, 'period', g.period, 'currency', c.code, 'amount', g.amount, 'units', g.units,
                       'measure', g.measure, 'terms', g.terms, 'rule_set', g.rule_set_id) ORDER BY g.id)
              FROM loyalty_grant g JOIN loyalty_wallet v ON v.id = g.wallet_id JOIN loyalty_currency c ON c.id = v.currency_id
             WHERE g.purchase_id = sale);
END $$;
