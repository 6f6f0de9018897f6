-- What rules with a memory know of a member follows a merge, and goes back when it is taken apart.
--
-- Contributions change over to the survivor's wallet, and where both stood with a rule becomes one row: what was granted adds up, and
-- the measure is that of both. Merging alone neither gives nor takes: what both have reached together is given with the next purchase
-- that the rule looks at, and what was granted beyond it is kept (`shift`). Taken apart, each has its own contributions again; what
-- was given for both together, and is due to neither, goes back. Grants follow by rows of nothing, so that each wallet's still add up
-- to what it stands at. Kept with the merge are the rows as they stood: docs/decisions/0300-rules-follow-a-merge.md

-- Note that units changed over between two wallets: nothing moved, but each wallet's grants tell how often a rule gave.
CREATE FUNCTION loyalty_note_units(wallet bigint, key text, state loyalty_rulestate, units bigint, at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF units <> 0 AND state.term NOT LIKE '%#member' AND state.term NOT LIKE '%#occasion' THEN
        INSERT INTO loyalty_grant (wallet_id, source_id, client_key, rule_set_id, rule, term, period, terms, measure, units_due,
                                   units_before, units, amount, at)
        SELECT wallet, s.id, key, state.rule_set_id, state.rule, state.term, state.period, '{}', state.measure, state.units + units,
               state.units, units, 0, at
          FROM sales_source s WHERE s.code = 'ledger';
    END IF;
END $$;

CREATE FUNCTION loyalty_write_state(state loyalty_rulestate) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM loyalty_rulestate s WHERE s.wallet_id = state.wallet_id AND s.term = state.term AND s.period = state.period;
    INSERT INTO loyalty_rulestate VALUES (state.*);
END $$;

-- Where a survivor stands with a rule once somebody is merged into them.
CREATE FUNCTION loyalty_joined_state(survivor bigint, mine loyalty_rulestate, theirs loyalty_rulestate) RETURNS loyalty_rulestate
LANGUAGE plpgsql AS $$
DECLARE
    joined loyalty_rulestate := mine;
BEGIN
    IF mine.wallet_id IS NULL THEN
        theirs.wallet_id := survivor;
        RETURN theirs;
    END IF;
    joined.units := mine.units + theirs.units;
    joined.ends := greatest(mine.ends, theirs.ends);
    joined.locked := coalesce(mine.locked, theirs.locked);
    joined.changed_at := greatest(mine.changed_at, theirs.changed_at);
    IF mine.term LIKE '%#%' THEN
        joined.measure := mine.measure + theirs.measure;
    ELSE
        joined.measure := loyalty_measure(survivor, mine.term, mine.period, mine.terms);
        joined.shift := greatest(mine.shift + theirs.shift, joined.units - loyalty_units_due(mine.terms, joined.measure));
    END IF;
    RETURN joined;
END $$;

-- Bring everything that rules know of the absorbed wallet over to the survivor's.
CREATE FUNCTION loyalty_merge_rules(in_merge bigint, survivor bigint, absorbed bigint, at timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    mine loyalty_rulestate;
    theirs loyalty_rulestate;
    joined loyalty_rulestate;
    ids bigint[];
    states jsonb := '[]';
BEGIN
    WITH moved AS (
        UPDATE loyalty_contribution c SET wallet_id = survivor WHERE c.wallet_id = absorbed RETURNING c.id)
    SELECT coalesce(array_agg(id), '{}') INTO ids FROM moved;
    FOR theirs IN SELECT * FROM loyalty_rulestate s WHERE s.wallet_id = absorbed ORDER BY s.term, s.period LOOP
        SELECT * INTO mine FROM loyalty_rulestate s
         WHERE s.wallet_id = survivor AND s.term = theirs.term AND s.period = theirs.period;
        joined := loyalty_joined_state(survivor, mine, theirs);
        states := states || jsonb_build_object('mine', CASE WHEN mine.wallet_id IS NOT NULL THEN to_jsonb(mine) END,
                                               'theirs', to_jsonb(theirs), 'joined', to_jsonb(joined));
        PERFORM loyalty_note_units(absorbed, format('merge:%s:%s', in_merge, absorbed), theirs, -theirs.units, at);
        mine.units := coalesce(mine.units, 0);
        PERFORM loyalty_note_units(survivor, format('merge:%s:%s', in_merge, absorbed),
                                   jsonb_populate_record(joined, jsonb_build_object('units', mine.units)), theirs.units, at);
        PERFORM loyalty_write_state(joined);
    END LOOP;
    DELETE FROM loyalty_rulestate s WHERE s.wallet_id = absorbed;
    UPDATE loyalty_walletmerge m SET contribution_ids = ids, rule_states = states
     WHERE m.merge_id = in_merge AND m.absorbed_id = absorbed;
END $$;

-- Where the survivor stands with a rule once the merge is taken apart. All that the other had been given goes back with its wallet, so
-- `units` are what the survivor holds then: below zero, if refunds of the other's purchases were paid by the survivor.
CREATE FUNCTION loyalty_parted_state(state loyalty_rulestate, mine loyalty_rulestate, theirs loyalty_rulestate, joined loyalty_rulestate)
RETURNS loyalty_rulestate LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(state) = to_jsonb(joined) THEN  -- nothing happened meanwhile
        state.changed_at := coalesce(mine.changed_at, state.changed_at);
        state.ends := coalesce(mine.ends, state.ends);
    END IF;
    state.units := state.units - theirs.units;
    IF mine.locked IS NULL AND state.locked = theirs.locked THEN
        state.locked := NULL;
    END IF;
    IF state.term LIKE '%#%' THEN
        state.measure := state.measure - theirs.measure;
    ELSE
        state.measure := loyalty_measure(state.wallet_id, state.term, state.period, state.terms);
        state.shift := CASE WHEN state.terms = joined.terms THEN state.shift - joined.shift + coalesce(mine.shift, 0)
                            ELSE state.units - loyalty_units_due(state.terms, state.measure) END;
    END IF;
    RETURN state;
END $$;

-- Give an absorbed wallet back what rules knew of it. Taken back is what was given for both together and is due to neither, and what
-- refunds meanwhile have left undue; the survivor gets back what it paid for the other's refunds. Full cards come before their stamps.
CREATE FUNCTION loyalty_part_rules(
    m loyalty_walletmerge, INOUT s loyalty_wallet, INOUT a loyalty_wallet, until date, at timestamptz, today date
) LANGUAGE plpgsql AS $$
DECLARE
    kept jsonb;
    state loyalty_rulestate;
    mine loyalty_rulestate;
    theirs loyalty_rulestate;
    joined loyalty_rulestate;
BEGIN
    UPDATE loyalty_contribution c SET wallet_id = a.id WHERE c.id = ANY (m.contribution_ids) AND c.wallet_id = s.id;
    FOR kept IN SELECT k.value FROM jsonb_array_elements(m.rule_states) WITH ORDINALITY AS k (value, place) ORDER BY k.place DESC LOOP
        mine := jsonb_populate_record(NULL::loyalty_rulestate, nullif(kept -> 'mine', 'null'));
        theirs := jsonb_populate_record(NULL::loyalty_rulestate, kept -> 'theirs');
        joined := jsonb_populate_record(NULL::loyalty_rulestate, kept -> 'joined');
        SELECT * INTO state FROM loyalty_rulestate r WHERE r.wallet_id = s.id AND r.term = theirs.term AND r.period = theirs.period;
        IF state.wallet_id IS NULL THEN  -- nothing was left of it when another merge was taken apart
            state := joined;
            state.units := 0;
        END IF;
        PERFORM loyalty_note_units(s.id, format('unmerge:%s:%s', m.merge_id, a.id), state, -theirs.units, at);
        PERFORM loyalty_note_units(a.id, format('unmerge:%s:%s', m.merge_id, a.id),
                                   jsonb_populate_record(theirs, '{"units": 0}'), theirs.units, at);
        state := loyalty_parted_state(state, mine, theirs, joined);
        IF theirs.term NOT LIKE '%#%' THEN
            theirs.measure := loyalty_measure(a.id, theirs.term, theirs.period, theirs.terms);
        END IF;
        PERFORM loyalty_write_state(theirs);
        PERFORM loyalty_write_state(jsonb_populate_record(state, jsonb_build_object('units', greatest(0, state.units))));
        a := loyalty_settle_parted(a, theirs, 0, format('unmerge-rules:%s:%s', m.merge_id, a.id), until, at, today);
        s := loyalty_settle_parted(s, state, coalesce(mine.units, 0), format('unmerge-rules:%s:%s', m.merge_id, s.id), until, at, today);
        DELETE FROM loyalty_rulestate r
         WHERE mine.wallet_id IS NULL AND r.wallet_id = s.id AND r.term = state.term AND r.period = state.period
           AND r.units = 0 AND r.measure = 0 AND NOT EXISTS (
               SELECT FROM loyalty_contribution c WHERE c.wallet_id = s.id AND c.term = state.term AND c.period = state.period);
    END LOOP;
END $$;

-- Bring a rule of a parted wallet to what is due by the contributions that are left, if it holds more, or less than it had before.
CREATE FUNCTION loyalty_settle_parted(
    w loyalty_wallet, state loyalty_rulestate, had bigint, key text, until date, at timestamptz, today date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    stands bigint;
    context jsonb := jsonb_build_object('day', today, 'rule_set', state.rule_set_id);
BEGIN
    IF state.term LIKE '%#%' THEN
        RETURN w;
    END IF;
    stands := greatest(0, loyalty_units_due(state.terms, state.measure) + state.shift);
    IF state.units < least(stands, had) THEN
        context := context || jsonb_build_object('expires', until);
    ELSIF state.units <= stands THEN
        RETURN w;
    END IF;
    w := loyalty_settle_term(w, w.member_id, loyalty_ledger_act(key, 'bonus_back', at), state.terms, state, NULL, '{}', context);
    IF state.terms -> 'gives' ? 'tier_credits' THEN
        w := loyalty_settle_credits(w, NULL, today, at);
    END IF;
    RETURN w;
END $$;

-- Every wallet that a wallet was ever merged into, and itself: where a bonus may have gone that is now to be taken back.
CREATE FUNCTION loyalty_ever_of(wallet bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE ever (id) AS (
        SELECT wallet
         UNION
        SELECT m.survivor_id FROM ever JOIN loyalty_walletmerge m ON m.absorbed_id = ever.id)
    SELECT array_agg(id) FROM ever
$$;

-- Take back points of a term that still wait in wallets merged into this one, by way of it. Answers how many there were.
CREATE FUNCTION loyalty_take_merged_pending(INOUT w loyalty_wallet, act loyalty_transfer, wanted bigint, in_term text, OUT points bigint)
LANGUAGE plpgsql AS $$
DECLARE
    other loyalty_wallet;
    part bigint;
BEGIN
    points := 0;
    FOR other IN SELECT v.* FROM loyalty_wallet v
                  WHERE v.id = ANY (loyalty_kin(w.id)) AND v.id <> w.id AND v.pending > 0 ORDER BY v.id FOR UPDATE LOOP
        part := other.pending;
        act.seq := loyalty_next_seq(act);
        other := loyalty_cancel_pending(other, act, wanted - points, NULL, in_term, 5::smallint);
        part := part - other.pending;
        CONTINUE WHEN part = 0;
        PERFORM loyalty_save_wallet(other);
        w := loyalty_post(w, act, 5, 4, part, NULL);
        points := points + part;
    END LOOP;
END $$;
