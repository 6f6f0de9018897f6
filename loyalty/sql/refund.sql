-- Take back what a refund takes back, in one round trip.
--
-- What a purchase earned is a function of its lines. What stays earned after any refunds is that function with each line's
-- micropoints in proportion to what was not refunded: f(award, cumulative refund per line). A refund moves the difference
-- between f before and f after, so any split and any order take back the same, and a full refund takes back exactly all.
-- The difference is taken from the carried remainder first; whole points follow, from the award's own lot, then from the
-- earliest; what the lots no longer hold becomes debt.
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

-- outcome: recorded, replay, conflict, no_purchase, no_line, too_much. For no_line and too_much `line_no` names the line and
-- `refundable_minor` what is left of it; nothing was written.
CREATE FUNCTION loyalty_refund(
    in_source bigint, in_key text, in_hash bytea, sale bigint, in_store bigint, lines smallint[], quantities numeric[],
    amounts bigint[], at timestamptz, today date,
    OUT outcome text, OUT purchase_id bigint, OUT public_id uuid, OUT points bigint, OUT debt_added bigint,
    OUT available bigint, OUT debt bigint, OUT tier_before_id smallint, OUT tier_id smallint, OUT line_no smallint,
    OUT refundable_minor bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    original sales_purchase;
    award loyalty_award;
    w loyalty_wallet;
    act loyalty_transfer;
    totals bigint[];
    products bigint[];
    units text[];
    before bigint[];
    after bigint[];
    taken_before record;
    taken_after record;
    cancelled bigint;
    remainder bigint;
    from_lots bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8extended(sale, 20));  -- refunds of one purchase queue up
    SELECT p.id, p.public_id, CASE WHEN p.body_hash = in_hash THEN 'replay' ELSE 'conflict' END
      INTO purchase_id, public_id, outcome
      FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key;
    IF outcome IS NULL AND EXISTS (SELECT FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key) THEN
        outcome := 'conflict';
    END IF;
    IF outcome = 'replay' THEN
        SELECT coalesce(sum(t.points), 0), coalesce(sum(t.points) FILTER (WHERE t.debit_account = 13), 0),
               (array_agg(t.available_after ORDER BY t.seq DESC))[1]
          INTO points, debt_added, available
          FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key;
        SELECT v.debt, v.tier_id, v.tier_id, coalesce(available, v.available) INTO debt, tier_before_id, tier_id, available
          FROM loyalty_award a JOIN loyalty_wallet v ON v.id = a.wallet_id WHERE a.purchase_id = sale;
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    SELECT * INTO original FROM sales_purchase p WHERE p.id = sale AND p.kind = 1;
    IF original.id IS NULL THEN
        outcome := 'no_purchase';
        RETURN;
    END IF;
    SELECT array_agg(l.total_minor ORDER BY l.line_no), array_agg(l.product_id ORDER BY l.line_no),
           array_agg(l.unit ORDER BY l.line_no), array_agg(coalesce(r.refunded, 0) ORDER BY l.line_no)
      INTO totals, products, units, before
      FROM sales_purchaseline l
      LEFT JOIN (SELECT b.refunds_line_no, -sum(b.total_minor)::bigint AS refunded
                   FROM sales_purchase p JOIN sales_purchaseline b ON b.purchase_id = p.id
                  WHERE p.refunds_id = sale GROUP BY 1) r ON r.refunds_line_no = l.line_no
     WHERE l.purchase_id = sale;
    after := before;
    FOR i IN 1 .. cardinality(lines) LOOP
        line_no := lines[i];
        outcome := CASE WHEN totals[line_no] IS NULL THEN 'no_line'
                        WHEN after[line_no] + amounts[i] > totals[line_no] THEN 'too_much' END;
        IF outcome IS NOT NULL THEN
            refundable_minor := totals[line_no] - before[line_no];
            RETURN;
        END IF;
        after[line_no] := after[line_no] + amounts[i];
    END LOOP;
    line_no := NULL;

    SELECT * INTO award FROM loyalty_award a WHERE a.purchase_id = sale;
    SELECT s.purchase_id, s.public_id,
           CASE s.outcome WHEN 0 THEN 'recorded' WHEN 1 THEN 'raced' ELSE 'conflict' END
      INTO purchase_id, public_id, outcome
      FROM sales_store_purchase(
               in_source, in_key, in_hash, 2::smallint, sale, original.member_id, coalesce(in_store, original.store_id), at,
               original.currency, (SELECT -sum(a) FROM unnest(amounts) a)::bigint,
               (SELECT array_agg(products[n] ORDER BY o) FROM unnest(lines) WITH ORDINALITY x (n, o)),
               (SELECT array_agg(-q ORDER BY o) FROM unnest(quantities) WITH ORDINALITY x (q, o)),
               (SELECT array_agg(units[n] ORDER BY o) FROM unnest(lines) WITH ORDINALITY x (n, o)),
               (SELECT array_agg(-a ORDER BY o) FROM unnest(amounts) WITH ORDINALITY x (a, o)), lines) s;
    points := 0;
    debt_added := 0;
    IF award.purchase_id IS NULL OR outcome <> 'recorded' THEN
        RETURN;
    END IF;

    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = award.wallet_id FOR UPDATE;
    w := loyalty_expire_lots(w, today, at);
    tier_before_id := w.tier_id;
    taken_before := loyalty_taken_back(award, totals, before);
    taken_after := loyalty_taken_back(award, totals, after);
    cancelled := loyalty_cancelled_micropoints(sale);  -- by a review: refunds take back what goes beyond it
    remainder := w.carry_micropoints - (greatest(taken_after.whole, cancelled) - greatest(taken_before.whole, cancelled));
    points := greatest(0, (999999 - remainder) / 1000000);
    w.carry_micropoints := remainder + points * 1000000;
    from_lots := least(points, w.available);
    debt_added := points - from_lots;
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.seq := 0;
    act.purchase_id := purchase_id;
    act.reason := 'refund';
    act.note := '';
    act.occurred_at := at;
    IF debt_added > 0 THEN
        w.debt := w.debt + debt_added;
        w.version := w.version + 1;
        INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                      points, available_after, purchase_id, reason, note, occurred_at, posted_at)
        VALUES (w.id, w.version, in_source, in_key, 0, in_hash, 13, 4, debt_added, w.available, purchase_id, 'refund', '',
                at, clock_timestamp());
        act.seq := 1;
    END IF;
    w := loyalty_take_from_lots(
        w, from_lots,
        (SELECT t.expires_on FROM loyalty_transfer t WHERE t.wallet_id = w.id AND t.source_id = original.source_id
            AND t.client_key = original.client_key AND t.credit_account = 10 LIMIT 1),
        4::smallint, act);

    w := loyalty_move_window(w, today);
    w := loyalty_add_qualifying(w, award.earned_on, taken_before.base - taken_after.base);
    w := loyalty_settle_tier(w, purchase_id, at);
    PERFORM loyalty_save_wallet(w);
    available := w.available;
    debt := w.debt;
    tier_id := w.tier_id;
END $$;
