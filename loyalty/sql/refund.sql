-- Take back what a refund takes back, in one round trip.
--
-- What a purchase earned is a function of its lines. What stays earned after any refunds is that function with each line's
-- micropoints in proportion to what was not refunded: f(award, cumulative refund per line). A refund moves the difference
-- between f before and f after, so any split and any order take back the same, and a full refund takes back exactly all.
-- The difference is taken from the carried remainder first; whole points follow (loyalty_claw_back).
CREATE FUNCTION loyalty_taken_back(
    award loyalty_award, line_totals bigint[], line_refunded bigint[], OUT base bigint, OUT whole bigint
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    extra bigint := 0;
BEGIN
    base := 0;
    FOR i IN 1 .. cardinality(line_totals) LOOP
        CONTINUE WHEN line_totals[i] = 0;
        base := base + div(award.line_micropoints[i]::numeric * line_refunded[i], line_totals[i])::bigint;
        IF award.line_extra_micropoints IS NOT NULL THEN
            extra := extra + div(award.line_extra_micropoints[i]::numeric * line_refunded[i], line_totals[i])::bigint;
        END IF;
    END LOOP;
    whole := base * award.tier_percent / 100 + extra;
END $$;

-- A sale's lines in the order of their numbers, whatever the numbers are, and what refunds took back of each (positive).
CREATE FUNCTION loyalty_sold_lines(
    sale bigint, OUT numbers smallint[], OUT products bigint[], OUT units text[], OUT totals bigint[], OUT quantities numeric[],
    OUT refunded bigint[], OUT refunded_quantities numeric[]
) LANGUAGE sql STABLE AS $$
    SELECT array_agg(l.line_no ORDER BY l.line_no), array_agg(l.product_id ORDER BY l.line_no),
           array_agg(l.unit ORDER BY l.line_no), array_agg(l.total_minor ORDER BY l.line_no),
           array_agg(l.quantity ORDER BY l.line_no), array_agg(coalesce(r.minor, 0) ORDER BY l.line_no),
           array_agg(coalesce(r.quantity, 0) ORDER BY l.line_no)
      FROM sales_purchaseline l
      LEFT JOIN (SELECT b.refunds_line_no, -sum(b.total_minor)::bigint AS minor, -sum(b.quantity) AS quantity
                   FROM sales_purchase p JOIN sales_purchaseline b ON b.purchase_id = p.id
                  WHERE p.refunds_id = sale GROUP BY 1) r ON r.refunds_line_no = l.line_no
     WHERE l.purchase_id = sale
$$;

-- Take points back from a wallet: from the award's own lot; what of that lot expired unspent is taken from what expired, for
-- nobody loses the same points twice; then from the earliest lots. What is left becomes debt, which stands, counts against the
-- balance, or is written off at once, by the policy.
CREATE FUNCTION loyalty_claw_back(
    INOUT w loyalty_wallet, act loyalty_transfer, points bigint, lot date, today date, policy text,
    OUT debt_added bigint, OUT written_off bigint
) LANGUAGE plpgsql AS $$
DECLARE
    part bigint;
    lots record;
BEGIN
    debt_added := 0;
    written_off := 0;
    part := least(points, coalesce(w.lot_points[array_position(w.lot_expires_on, lot)], 0));
    w := loyalty_post(w, act, 10, 4, part, lot);
    points := points - part;
    IF points > 0 AND lot < today THEN
        part := least(points, loyalty_expired_of_lot(w.id, lot));
        w := loyalty_post(w, act, 3, 4, part, lot);
        points := points - part;
    END IF;
    part := least(points, w.available);
    SELECT * INTO lots FROM loyalty_split_lots(w.lot_expires_on, w.lot_points, part);
    w := loyalty_post_lots(w, act, 10, 4, lots.first_days, lots.first_parts);
    points := points - part;
    IF points > 0 THEN
        w := loyalty_post(w, act, 13, 4, points, NULL);
        debt_added := points;
        IF policy = 'write_off' THEN
            act.reason := 'write_off';
            w := loyalty_post(w, act, 7, 13, points, NULL);
            written_off := points;
        END IF;
        w.is_debt_netted := w.debt > 0 AND (w.is_debt_netted OR policy = 'negative');
    END IF;
END $$;

-- What expired of a lot and was neither reinstated nor taken back since, here or, on its way (TRANSIT), from a wallet merged into it.
CREATE FUNCTION loyalty_expired_of_lot(wallet bigint, lot date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest(0, coalesce(sum(CASE WHEN t.credit_account = 3 THEN t.points ELSE -t.points END), 0)
                       - (SELECT coalesce(sum(r.points), 0) FROM loyalty_reinstatement r
                           WHERE r.wallet_id = wallet AND r.lot = loyalty_expired_of_lot.lot))::bigint
      FROM loyalty_transfer t
     WHERE t.wallet_id = wallet AND t.expires_on = loyalty_expired_of_lot.lot
       AND (t.credit_account = 3 OR (t.debit_account = 3 AND t.credit_account IN (4, 5)))
$$;

-- The money of one tender that goes back with what was refunded: each line's share in proportion.
CREATE FUNCTION loyalty_tender_back(line_minor bigint[], totals bigint[], refunded bigint[]) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum(div(l.minor::numeric * l.refunded, l.total)), 0)::bigint
      FROM unnest(line_minor, totals, refunded) AS l (minor, total, refunded) WHERE l.total > 0
$$;

-- Whether every line that a benefit paid for has come back whole: in money, or a free one in pieces.
CREATE FUNCTION loyalty_is_returned(line_minor bigint[], totals bigint[], refunded bigint[], quantities numeric[], back numeric[])
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(bool_and(l.refunded >= l.total AND (l.total > 0 OR l.back >= l.quantity)), false)
      FROM unnest(line_minor, totals, refunded, quantities, back) AS l (minor, total, refunded, quantity, back) WHERE l.minor > 0
$$;

-- Give back what paid for a purchase beside money, in proportion to what is refunded: units to the wallets and lots they came
-- from, the last taken first; a benefit once all it paid for is back, if the policy says so. `units` is the part that came back
-- to `award_wallet`, `minor` the money all of it stood for.
CREATE FUNCTION loyalty_return_tender(
    sale bigint, sold record, refunded bigint[], refunded_quantities numeric[], act loyalty_transfer, today date,
    award_wallet bigint, OUT units bigint, OUT minor bigint
) LANGUAGE plpgsql AS $$
DECLARE
    part loyalty_tender;
    w loyalty_wallet;
    lots record;
    before bigint;
    after bigint;
    policy loyalty_spendingpolicy;
BEGIN
    units := 0;
    minor := 0;
    SELECT * INTO policy FROM loyalty_spendingpolicy p WHERE p.currency_id = 1;
    PERFORM FROM loyalty_wallet v
      WHERE v.id = award_wallet OR v.id IN (SELECT t.wallet_id FROM loyalty_tender t WHERE t.purchase_id = sale)
      ORDER BY v.id FOR UPDATE;
    FOR part IN SELECT * FROM loyalty_tender t WHERE t.purchase_id = sale ORDER BY t.seq LOOP
        IF part.kind = 'benefit' THEN
            IF policy.returned_rewards = 'reinstate'
               AND loyalty_is_returned(part.line_minor, sold.totals, refunded, sold.quantities, refunded_quantities)
               AND NOT loyalty_is_returned(part.line_minor, sold.totals, sold.refunded, sold.quantities, sold.refunded_quantities)
            THEN
                PERFORM loyalty_reinstate_use(part.entitlement_id, part.minor, act.occurred_at, policy.reinstated_days);
            END IF;
            CONTINUE;
        END IF;
        before := loyalty_tender_back(part.line_minor, sold.totals, sold.refunded);
        after := loyalty_tender_back(part.line_minor, sold.totals, refunded);
        minor := minor + after - before;
        before := div(part.units::numeric * before, part.minor);
        after := div(part.units::numeric * after, part.minor);
        CONTINUE WHEN after = before;
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = part.wallet_id;
        w := loyalty_bring_up(w, today, act.occurred_at);
        SELECT * INTO lots FROM loyalty_split_lots(part.lot_expires_on, part.lot_units, part.units - after);
        SELECT * INTO lots FROM loyalty_split_lots(lots.days, lots.parts, after - before);
        act.reason := 'restored';
        w := loyalty_give_back(w, act, 2, lots.first_days, lots.first_parts, today);
        PERFORM loyalty_save_wallet(w);
        units := units + CASE WHEN w.id = award_wallet THEN after - before ELSE 0 END;
    END LOOP;
END $$;

-- A benefit may be used once more: for some days at least, if its time is over.
CREATE FUNCTION loyalty_reinstate_use(entitlement bigint, minor bigint, at timestamptz, days integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    e loyalty_entitlement;
BEGIN
    UPDATE loyalty_entitlement x
       SET uses_left = x.uses_left + CASE WHEN x.left_minor IS NULL OR x.uses_left = 0 THEN 1 ELSE 0 END,
           left_minor = x.left_minor + minor, valid_until = greatest(x.valid_until, at + make_interval(days => days))
     WHERE x.id = entitlement RETURNING * INTO e;
    IF e.budget <> '' AND minor > 0 THEN
        PERFORM loyalty_return_budget(e.budget, 'minor', minor, e.member_id);
    END IF;
    UPDATE loyalty_wallet w SET entitled_until = greatest(w.entitled_until, e.valid_until)
     WHERE w.member_id = e.member_id AND w.currency_id = 1 AND e.benefit IN ('multiply', 'bonus');
END $$;

-- Whether a transfer took points back: of the award's wallet those of its lines, of the wallet that it has come to a bonus of a rule
-- with a memory.
CREATE FUNCTION loyalty_is_claw_back(t loyalty_transfer, award_wallet bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT t.credit_account = 4
       AND (t.wallet_id = award_wallet AND t.reason = 'refund'
            OR t.reason = 'bonus_back' AND EXISTS (SELECT FROM loyalty_wallet v WHERE v.id = t.wallet_id AND v.currency_id = 1))
$$;

-- outcome: recorded, replay, conflict, no_purchase, no_line, too_much. For no_line and too_much `line_no` names the line and
-- `refundable_minor` what is left of it; nothing was written. `in_policy` says for this refund what becomes of points that
-- cannot be taken back; NULL: as the programme's policy says.
CREATE FUNCTION loyalty_refund(
    in_source bigint, in_key text, in_hash bytea, sale bigint, in_store bigint, lines smallint[], quantities numeric[],
    amounts bigint[], in_policy text, at timestamptz, today date,
    OUT outcome text, OUT purchase_id bigint, OUT public_id uuid, OUT points bigint, OUT debt_added bigint,
    OUT available bigint, OUT debt bigint, OUT tier_before_id smallint, OUT tier_id smallint, OUT line_no smallint,
    OUT refundable_minor bigint, OUT restored bigint, OUT restored_minor bigint, OUT written_off bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    original sales_purchase;
    award loyalty_award;
    w loyalty_wallet;
    root loyalty_wallet;
    act loyalty_transfer;
    sold record;
    back record;
    i integer;
    after bigint[];
    after_quantities numeric[];
    taken_before record;
    taken_after record;
    counted_before record;
    counted_after record;
    cancelled bigint;
    remainder bigint;
    waiting bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8extended(sale, 20));  -- refunds of one purchase queue up
    restored := 0;
    restored_minor := 0;
    written_off := 0;
    SELECT p.id, p.public_id, CASE WHEN p.body_hash = in_hash THEN 'replay' ELSE 'conflict' END
      INTO purchase_id, public_id, outcome
      FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key;
    IF outcome IS NULL AND EXISTS (SELECT FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key) THEN
        outcome := 'conflict';
    END IF;
    IF outcome = 'replay' THEN
        SELECT * INTO award FROM loyalty_award a WHERE a.purchase_id = sale;
        SELECT coalesce(sum(t.points) FILTER (WHERE loyalty_is_claw_back(t, award.wallet_id)), 0),
               coalesce(sum(t.points) FILTER (WHERE loyalty_is_claw_back(t, award.wallet_id) AND t.debit_account = 13), 0),
               coalesce(sum(t.points) FILTER (WHERE t.reason = 'restored' AND t.wallet_id = award.wallet_id), 0),
               coalesce(sum(t.points) FILTER (WHERE t.reason = 'write_off'), 0),
               (array_agg(t.available_after ORDER BY t.seq DESC) FILTER (WHERE t.wallet_id = award.wallet_id))[1]
          INTO points, debt_added, restored, written_off, available
          FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key;
        SELECT v.debt, v.tier_id, v.tier_id, coalesce(available, v.available) INTO debt, tier_before_id, tier_id, available
          FROM loyalty_wallet v WHERE v.id = loyalty_root(award.wallet_id);
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    SELECT * INTO original FROM sales_purchase p WHERE p.id = sale AND p.kind = 1;
    IF original.id IS NULL THEN
        outcome := 'no_purchase';
        RETURN;
    END IF;
    SELECT * INTO sold FROM loyalty_sold_lines(sale);
    after := sold.refunded;
    after_quantities := sold.refunded_quantities;
    FOR n IN 1 .. cardinality(lines) LOOP
        line_no := lines[n];
        i := array_position(sold.numbers, line_no);
        outcome := CASE WHEN i IS NULL THEN 'no_line' WHEN after[i] + amounts[n] > sold.totals[i] THEN 'too_much' END;
        IF outcome IS NOT NULL THEN
            refundable_minor := sold.totals[i] - sold.refunded[i];
            RETURN;
        END IF;
        after[i] := after[i] + amounts[n];
        after_quantities[i] := after_quantities[i] + quantities[n];
    END LOOP;
    line_no := NULL;

    SELECT * INTO award FROM loyalty_award a WHERE a.purchase_id = sale;
    SELECT s.purchase_id, s.public_id,
           CASE s.outcome WHEN 0 THEN 'recorded' WHEN 1 THEN 'raced' ELSE 'conflict' END
      INTO purchase_id, public_id, outcome
      FROM sales_store_purchase(
               in_source, in_key, in_hash, 2::smallint, sale, original.member_id, coalesce(in_store, original.store_id), at,
               original.currency, (SELECT -sum(a) FROM unnest(amounts) a)::bigint,
               (SELECT array_agg(sold.products[array_position(sold.numbers, n)] ORDER BY o) FROM unnest(lines) WITH ORDINALITY x (n, o)),
               (SELECT array_agg(-q ORDER BY o) FROM unnest(quantities) WITH ORDINALITY x (q, o)),
               (SELECT array_agg(sold.units[array_position(sold.numbers, n)] ORDER BY o) FROM unnest(lines) WITH ORDINALITY x (n, o)),
               (SELECT array_agg(-a ORDER BY o) FROM unnest(amounts) WITH ORDINALITY x (a, o)), lines) s;
    points := 0;
    debt_added := 0;
    IF outcome <> 'recorded' THEN
        RETURN;
    END IF;

    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.purchase_id := purchase_id;
    act.occurred_at := at;
    IF EXISTS (SELECT FROM loyalty_tender t WHERE t.purchase_id = sale) THEN
        SELECT * INTO back FROM loyalty_return_tender(sale, sold, after, after_quantities, act, today, award.wallet_id);
        restored := back.units;
        restored_minor := back.minor;
    END IF;
    IF award.purchase_id IS NULL THEN
        RETURN;
    END IF;

    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = award.wallet_id FOR UPDATE;
    w := loyalty_bring_up(w, today, at);
    tier_before_id := (SELECT v.tier_id FROM loyalty_wallet v WHERE v.id = loyalty_root(w.id));
    taken_before := loyalty_taken_back(award, sold.totals, sold.refunded);
    taken_after := loyalty_taken_back(award, sold.totals, after);
    cancelled := loyalty_cancelled_micropoints(sale);  -- by a review: refunds take back what goes beyond it
    remainder := w.carry_micropoints - (greatest(taken_after.whole, cancelled) - greatest(taken_before.whole, cancelled));
    points := greatest(0, (999999 - remainder) / 1000000);
    w.carry_micropoints := remainder + points * 1000000;
    act.reason := 'refund';
    IF w.pending > 0 THEN  -- what cannot be spent yet goes first
        act.note := '';
        act.seq := loyalty_next_seq(act);
        waiting := w.pending;
        w := loyalty_cancel_pending(w, act, points, sale, '');
        waiting := waiting - w.pending;
    END IF;
    w := loyalty_fetch_back(w, award, purchase_id, greatest(taken_before.whole, cancelled), greatest(taken_after.whole, cancelled),
                            (loyalty_taken_back(award, sold.totals, sold.totals)).whole, points - waiting, at, today);
    SELECT * INTO back FROM loyalty_claw_back(
        w, act, points - waiting,
        (SELECT t.expires_on FROM loyalty_transfer t WHERE t.wallet_id = w.id AND t.source_id = original.source_id
            AND t.client_key = original.client_key AND t.credit_account IN (10, 11) AND t.debit_account = 1
            AND t.reason = 'purchase' LIMIT 1),
        today, coalesce(in_policy, (SELECT p.debt FROM loyalty_spendingpolicy p WHERE p.currency_id = w.currency_id)));
    w := back.w;
    debt_added := back.debt_added;
    written_off := back.written_off;
    IF award.entitlements IS NOT NULL AND after = sold.totals AND sold.refunded <> sold.totals THEN
        PERFORM loyalty_reinstate_use((used ->> 'id')::bigint, 0, at, p.reinstated_days)
           FROM jsonb_array_elements(award.entitlements) used, loyalty_spendingpolicy p
          WHERE p.currency_id = w.currency_id AND p.returned_rewards = 'reinstate';
    END IF;

    counted_before := loyalty_spend_and_visit(award.line_micropoints, sold.totals, sold.refunded, original.currency::text);
    counted_after := loyalty_spend_and_visit(award.line_micropoints, sold.totals, after, original.currency::text);
    w := loyalty_uncount(w, award, purchase_id, taken_after.base - taken_before.base,
                         counted_before.spend_minor - counted_after.spend_minor, counted_before.visits - counted_after.visits, at, today);
    IF EXISTS (SELECT FROM loyalty_contribution c WHERE c.purchase_id = sale) THEN  -- rules with a memory
        IF w.merged_into_id IS NULL THEN
            w := loyalty_retract_terms(w, original.member_id, act, sale, jsonb_build_object('day', today));
        ELSE  -- they stand with the survivor now
            PERFORM loyalty_save_wallet(w);
            SELECT * INTO root FROM loyalty_wallet v WHERE v.id = loyalty_root(w.id) FOR UPDATE;
            root := loyalty_expire_lots(root, today, at);
            PERFORM loyalty_save_wallet(loyalty_retract_terms(root, original.member_id, act, sale, jsonb_build_object('day', today)));
            SELECT * INTO w FROM loyalty_wallet v WHERE v.id = award.wallet_id;
        END IF;
        SELECT points + coalesce(sum(t.points), 0), debt_added + coalesce(sum(t.points) FILTER (WHERE t.debit_account = 13), 0)
          INTO points, debt_added
          FROM loyalty_transfer t
         WHERE t.source_id = in_source AND t.client_key = in_key AND t.reason = 'bonus_back' AND loyalty_is_claw_back(t, NULL);
    END IF;
    PERFORM loyalty_save_wallet(w);
    SELECT v.available, v.debt, v.tier_id INTO available, debt, tier_id FROM loyalty_wallet v WHERE v.id = loyalty_root(w.id);
END $$;
