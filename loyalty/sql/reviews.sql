-- Acts that look like fraud: their points wait in PENDING until staff decides. Nothing is dropped in silence.

-- Hold what is left of the points an act gave. `in_version` is the wallet's version of the act's first transfer. An act that
-- was held before keeps its review. outcome: held, known, no_act.
CREATE FUNCTION loyalty_hold_for_review(
    in_wallet bigint, in_version bigint, in_pattern text, in_facts jsonb, at timestamptz, today date,
    OUT outcome text, OUT review_id bigint, OUT held bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    act loyalty_transfer;
    given record;
    part bigint;
    lots date[] := '{}';
    parts bigint[] := '{}';
BEGIN
    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = in_wallet FOR UPDATE;
    SELECT r.id, r.held_points INTO review_id, held FROM loyalty_review r WHERE r.wallet_id = in_wallet AND r.version = in_version;
    IF review_id IS NOT NULL THEN
        outcome := 'known';
        RETURN;
    END IF;
    w := loyalty_bring_up(w, today, at);
    SELECT * INTO act FROM loyalty_transfer t WHERE t.wallet_id = in_wallet AND t.version = in_version;
    SELECT coalesce(sum(t.points) FILTER (WHERE t.credit_account IN (10, 13)), 0)::bigint AS points INTO given
      FROM loyalty_transfer t
     WHERE t.wallet_id = in_wallet AND t.source_id = act.source_id AND t.client_key = act.client_key AND t.debit_account < 10;
    IF given.points = 0 THEN
        PERFORM loyalty_save_wallet(w);
        outcome := 'no_act';
        RETURN;
    END IF;

    SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
    held := 0;
    FOR given IN
        SELECT given.points AS points, t.expires_on AS lot, sum(t.points)::bigint AS of_lot FROM loyalty_transfer t, loyalty_transfer f
         WHERE f.wallet_id = in_wallet AND f.version = in_version AND t.wallet_id = in_wallet AND t.source_id = f.source_id
           AND t.client_key = f.client_key AND t.credit_account = 10 AND t.debit_account < 10
         GROUP BY t.expires_on ORDER BY t.expires_on
    LOOP
        part := least(given.of_lot, coalesce(w.lot_points[array_position(w.lot_expires_on, given.lot)], 0));
        CONTINUE WHEN part = 0;
        act.client_key := format('review:%s:%s', in_wallet, in_version);
        act.body_hash := decode(md5(act.client_key), 'hex');
        act.seq := cardinality(lots);
        act.reason := 'review';
        act.note := '';
        act.by_user_id := NULL;
        act.occurred_at := at;
        w := loyalty_take_from_lots(w, part, given.lot, 11::smallint, act);
        lots := lots || given.lot;
        parts := parts || part;
        held := held + part;
    END LOOP;

    INSERT INTO loyalty_review (public_id, wallet_id, version, purchase_id, pattern, facts, points, held_points, lot_expires_on,
                                lot_points, state, opened_at, decision_reason, cancelled_points)
    SELECT gen_random_uuid(), in_wallet, in_version, t.purchase_id, in_pattern, in_facts, given.points, held, lots, parts, 'open',
           at, '', 0
      FROM loyalty_transfer t WHERE t.wallet_id = in_wallet AND t.version = in_version
    RETURNING id INTO review_id;
    w.pending := w.pending + held;
    PERFORM loyalty_save_wallet(w);
    outcome := 'held';
END $$;

-- Decide a review. A release pays what the member owes, then puts the points back into their lots, which may be spent for
-- thirty more days at least. A cancellation takes away what refunds have not taken back already, and returns the rest; of a
-- purchase under review the two together never take more than it earned. outcome: decided, replay, decided_otherwise, no_review.
CREATE FUNCTION loyalty_decide_review(
    in_review bigint, in_state text, in_reason text, in_user bigint, at timestamptz, today date,
    OUT outcome text, OUT cancelled bigint, OUT returned bigint, OUT debt_paid bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    r loyalty_review;
    w loyalty_wallet;
    act loyalty_transfer;
    remainder bigint;
    left_over bigint;
    part bigint;
    lot date;
    passed record;
    bonus bigint := 0;
BEGIN
    SELECT * INTO r FROM loyalty_review v WHERE v.id = in_review;
    IF r.id IS NULL THEN
        outcome := 'no_review';
        RETURN;
    END IF;
    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = r.wallet_id FOR UPDATE;
    SELECT * INTO r FROM loyalty_review v WHERE v.id = in_review FOR UPDATE;
    cancelled := 0;
    returned := 0;
    debt_paid := 0;
    IF r.state <> 'open' THEN
        outcome := CASE WHEN r.state = in_state THEN 'replay' ELSE 'decided_otherwise' END;
        cancelled := r.cancelled_points;
        RETURN;
    END IF;

    w := loyalty_bring_up(w, today, at);
    IF in_state = 'cancelled' THEN
        remainder := w.carry_micropoints - greatest(0, loyalty_lines_held(r) * 1000000 - loyalty_taken_micropoints(r.purchase_id));
        cancelled := CASE WHEN r.purchase_id IS NULL THEN r.held_points ELSE greatest(0, (999999 - remainder) / 1000000) END;
        IF r.purchase_id IS NOT NULL THEN
            w.carry_micropoints := remainder + cancelled * 1000000;
            passed := loyalty_cancel_bonuses(w, r, at);
            w := passed.w;
            bonus := passed.cancelled;
        END IF;
    END IF;
    left_over := r.held_points - cancelled - bonus;
    debt_paid := least(left_over, w.debt);
    w.debt := w.debt - debt_paid;
    left_over := left_over - debt_paid;
    w.pending := w.pending - r.held_points;

    SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
    act.wallet_id := w.id;
    act.client_key := format('review:%s:%s:decided', r.wallet_id, r.version);
    act.body_hash := decode(md5(act.client_key), 'hex');
    act.purchase_id := r.purchase_id;
    act.reason := 'review';
    act.note := in_reason;
    act.by_user_id := in_user;
    act.occurred_at := at;
    act.seq := 0;
    IF cancelled > 0 THEN
        w := loyalty_note_transfer(w, act, 11::smallint, 4::smallint, cancelled, NULL);
        act.seq := act.seq + 1;
    END IF;
    cancelled := cancelled + bonus;
    IF debt_paid > 0 THEN
        w := loyalty_note_transfer(w, act, 11::smallint, 13::smallint, debt_paid, NULL);
        act.seq := act.seq + 1;
    END IF;
    FOR i IN REVERSE cardinality(r.lot_points) .. 1 LOOP
        part := least(left_over, r.lot_points[i]);
        CONTINUE WHEN part = 0;
        lot := greatest(r.lot_expires_on[i], today + 30);
        w := loyalty_add_to_lot(w, lot, part);
        w := loyalty_note_transfer(w, act, 11::smallint, 10::smallint, part, lot);
        act.seq := act.seq + 1;
        left_over := left_over - part;
        returned := returned + part;
    END LOOP;
    ASSERT left_over = 0, 'a review returns what it held';

    UPDATE loyalty_review SET state = in_state, decided_at = at, decided_by_id = in_user, decision_reason = in_reason,
                              cancelled_points = cancelled WHERE id = in_review;
    PERFORM loyalty_save_wallet(w);
    outcome := 'decided';
END $$;

-- What of a review's points the lines of the purchase earned: bonuses of rules with a memory are held after them.
CREATE FUNCTION loyalty_lines_held(r loyalty_review) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT least(r.held_points, greatest(0, r.points - coalesce((
        SELECT sum(g.amount) FROM loyalty_transfer t JOIN loyalty_grant g
            ON g.wallet_id = t.wallet_id AND g.source_id = t.source_id AND g.client_key = t.client_key
         WHERE t.wallet_id = r.wallet_id AND t.version = r.version AND g.amount > 0), 0)))::bigint
$$;

-- Take away the held bonuses of a purchase whose review was decided against, as far as they still stand. They are written off with their
-- units, so that a refund finds nothing left to take back and the next visit pays no second time. What was spent of them stays spent.
CREATE FUNCTION loyalty_cancel_bonuses(INOUT w loyalty_wallet, r loyalty_review, at timestamptz, OUT cancelled bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    given record;
    state loyalty_rulestate;
    act loyalty_transfer := loyalty_ledger_act(format('review:%s:%s:bonus', r.wallet_id, r.version), 'bonus_back', at);
    left_over bigint := r.held_points - loyalty_lines_held(r);
    per bigint;
    taken bigint;
    part bigint;
BEGIN
    cancelled := 0;
    act.purchase_id := r.purchase_id;
    FOR given IN SELECT g.* FROM loyalty_transfer t JOIN loyalty_grant g
                    ON g.wallet_id = t.wallet_id AND g.source_id = t.source_id AND g.client_key = t.client_key
                  WHERE t.wallet_id = r.wallet_id AND t.version = r.version AND g.amount > 0 ORDER BY g.id LOOP
        SELECT * INTO state FROM loyalty_rulestate s
         WHERE s.wallet_id = given.wallet_id AND s.term = given.term AND s.period = given.period;
        per := given.amount / given.units;
        taken := least(given.units, coalesce(state.units, 0), (left_over + per - 1) / per);
        part := least(left_over, taken * per);
        CONTINUE WHEN part <= 0;
        w := loyalty_note_transfer(w, act, 11::smallint, 4::smallint, part, NULL);
        act.seq := act.seq + 1;
        PERFORM loyalty_note_grant(w.id, act, given.terms, state, NULL, state.units - taken, -taken, -part);
        PERFORM loyalty_return_budgets(w, given.terms, part, coalesce((given.terms ->> 'cost')::bigint, 0));
        UPDATE loyalty_rulestate s SET units = s.units - taken, shift = s.shift - taken
         WHERE s.wallet_id = state.wallet_id AND s.term = state.term AND s.period = state.period;
        left_over := left_over - part;
        cancelled := cancelled + part;
    END LOOP;
END $$;

-- One transfer of an act that touches no lot, or whose lot the caller has changed already.
CREATE FUNCTION loyalty_note_transfer(
    w loyalty_wallet, act loyalty_transfer, from_account smallint, into_account smallint, moved bigint, lot date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    w.version := w.version + 1;
    INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                  points, available_after, expires_on, purchase_id, reason, note, by_user_id, occurred_at,
                                  posted_at)
    VALUES (w.id, w.version, act.source_id, act.client_key, act.seq, act.body_hash, from_account, into_account, moved,
            w.available, lot, act.purchase_id, act.reason, act.note, act.by_user_id, act.occurred_at, clock_timestamp());
    RETURN w;
END $$;

-- What refunds took back of a purchase so far, in micropoints; 0 without one.
CREATE FUNCTION loyalty_taken_micropoints(purchase bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    award loyalty_award;
    totals bigint[];
    refunded bigint[];
BEGIN
    SELECT * INTO award FROM loyalty_award a WHERE a.purchase_id = purchase;
    IF award.purchase_id IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(l.total_minor ORDER BY l.line_no), array_agg(coalesce(b.back, 0) ORDER BY l.line_no) INTO totals, refunded
      FROM sales_purchaseline l
      LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor)::bigint AS back
                   FROM sales_purchase p JOIN sales_purchaseline x ON x.purchase_id = p.id
                  WHERE p.refunds_id = purchase GROUP BY 1) b ON b.refunds_line_no = l.line_no
     WHERE l.purchase_id = purchase;
    RETURN (SELECT t.whole FROM loyalty_taken_back(award, totals, refunded) t);
END $$;

-- What a review took away of what a purchase's lines earned already, in micropoints: refunds take back what goes beyond it.
CREATE FUNCTION loyalty_cancelled_micropoints(purchase bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(loyalty_lines_held(r)), 0)::bigint * 1000000 FROM loyalty_review r
     WHERE r.purchase_id = purchase AND r.state = 'cancelled'
$$;
