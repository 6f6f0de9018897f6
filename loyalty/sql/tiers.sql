-- Tiers: a function of what the months of the window counted, of grace, and of tiers that were given.
--
-- A wallet counts by calendar month, newest first: qualifying points always; spend and visits, and all three since joining,
-- once any tier asks for them (lifetime_qualifying is then no longer NULL). A window of more than the twelve months that a wallet
-- holds asks the awards for the older ones; tier credits are asked from their grants. loyalty/tiers.py says the same in plain Python. Each
-- function takes a wallet row that its caller has locked and gives back the changed one; only loyalty_save_wallet writes it.

-- Whether some tier asks for more than points of the latest months.
CREATE FUNCTION loyalty_ladder_asks_more() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM loyalty_tier
                    WHERE how = 'earned' AND (spend_minor_from > 0 OR visits_from > 0 OR counted_over = 'lifetime'))
$$;

-- Move the twelve months that are counted on to the month of `today`; never back.
CREATE FUNCTION loyalty_move_window(w loyalty_wallet, today date) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    this_month date := today - (extract(day FROM today)::integer - 1);
BEGIN
    IF w.qualifying_month IS NULL OR this_month > w.qualifying_month THEN
        IF w.lifetime_qualifying IS NOT NULL THEN
            w.qualifying_spend_minor := loyalty_window_in(w.qualifying_month, w.qualifying_spend_minor, this_month);
            w.qualifying_visits := loyalty_window_in(w.qualifying_month, w.qualifying_visits, this_month);
        END IF;
        w.qualifying_micropoints := loyalty_window_in(w.qualifying_month, w.qualifying_micropoints, this_month);
        w.qualifying_month := this_month;
    END IF;
    RETURN w;
END $$;

-- One array of months with `amount` added at `place`, if the year still holds it.
CREATE FUNCTION loyalty_added_at(counted bigint[], place integer, amount bigint) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF place > cardinality(counted) THEN
        counted := counted || array_fill(0::bigint, ARRAY[place - cardinality(counted)]);
    END IF;
    counted[place] := counted[place] + amount;
    RETURN counted;
END $$;

-- Add to (or, negative, take from) what is counted for the month of `day`. Spend and visits are passed over while no tier asks.
CREATE FUNCTION loyalty_add_qualifying(
    w loyalty_wallet, day date, micropoints bigint, spend_minor bigint DEFAULT 0, visits bigint DEFAULT 0
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    place integer := 1 + loyalty_months_until(day, w.qualifying_month);
BEGIN
    IF w.lifetime_qualifying IS NOT NULL THEN
        w.lifetime_qualifying := ARRAY[w.lifetime_qualifying[1] + micropoints, w.lifetime_qualifying[2] + spend_minor,
                                       w.lifetime_qualifying[3] + visits];
        IF place BETWEEN 1 AND 12 THEN
            w.qualifying_spend_minor := loyalty_added_at(w.qualifying_spend_minor, place, spend_minor);
            w.qualifying_visits := loyalty_added_at(w.qualifying_visits, place, visits);
        END IF;
    END IF;
    IF place BETWEEN 1 AND 12 THEN
        w.qualifying_micropoints := loyalty_added_at(w.qualifying_micropoints, place, micropoints);
    END IF;
    RETURN w;
END $$;

-- What of one purchase counts as spend and as a visit: money kept on lines that earn, in the ladder's currency; a visit is a
-- receipt of which something was kept.
CREATE FUNCTION loyalty_spend_and_visit(
    line_micropoints bigint[], line_totals bigint[], line_refunded bigint[], currency text, OUT spend_minor bigint, OUT visits bigint
) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN currency = (SELECT p.currency FROM loyalty_tierpolicy p)
                THEN coalesce(sum(l.total - coalesce(l.refunded, 0)) FILTER (WHERE l.micropoints > 0), 0) ELSE 0 END::bigint,
           CASE WHEN sum(l.total - coalesce(l.refunded, 0)) > 0 THEN 1 ELSE 0 END::bigint
      FROM unnest(line_micropoints, line_totals, line_refunded) AS l (micropoints, total, refunded)
$$;

-- Everything that the awards of some wallets count, by month: what is stored with them must come to the same.
CREATE FUNCTION loyalty_counted(wallets bigint[]) RETURNS TABLE (month date, micropoints bigint, spend_minor bigint, visits bigint)
LANGUAGE sql STABLE AS $$
    SELECT date_trunc('month', a.earned_on)::date,
           sum((SELECT sum(x) FROM unnest(a.line_micropoints) x) - (loyalty_taken_back(a, l.totals, l.refunded)).base)::bigint,
           sum(c.spend_minor)::bigint, sum(c.visits)::bigint
      FROM loyalty_award a
      JOIN sales_purchase p ON p.id = a.purchase_id
     CROSS JOIN LATERAL (
           SELECT array_agg(s.total_minor ORDER BY s.line_no) AS totals,
                  array_agg(coalesce(b.refunded, 0)::bigint ORDER BY s.line_no) AS refunded
             FROM sales_purchaseline s
             LEFT JOIN (SELECT x.refunds_line_no, -sum(x.total_minor) AS refunded
                          FROM sales_purchase r JOIN sales_purchaseline x ON x.purchase_id = r.id
                         WHERE r.refunds_id = a.purchase_id GROUP BY 1) b ON b.refunds_line_no = s.line_no
            WHERE s.purchase_id = a.purchase_id) l
     CROSS JOIN LATERAL loyalty_spend_and_visit(a.line_micropoints, l.totals, l.refunded, p.currency) c
     WHERE a.wallet_id = ANY (wallets)
     GROUP BY 1
$$;

-- A wallet and those merged into it: their awards count for its tier.
CREATE FUNCTION loyalty_kin(wallet bigint) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    WITH RECURSIVE kin (id) AS (
        SELECT wallet
         UNION
        SELECT m.absorbed_id FROM kin JOIN loyalty_walletmerge m ON m.survivor_id = kin.id AND m.undone_at IS NULL)
    SELECT array_agg(id) FROM kin
$$;

-- Count spend, visits and everything since joining from the awards: once, when the first tier asks for them.
CREATE FUNCTION loyalty_recount(w loyalty_wallet) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    one record;
    place integer;
BEGIN
    w.lifetime_qualifying := '{0,0,0}';
    w.qualifying_spend_minor := array_fill(0::bigint, ARRAY[cardinality(w.qualifying_micropoints)]);
    w.qualifying_visits := w.qualifying_spend_minor;
    FOR one IN SELECT * FROM loyalty_counted(loyalty_kin(w.id)) LOOP
        w.lifetime_qualifying := ARRAY[w.lifetime_qualifying[1] + one.micropoints, w.lifetime_qualifying[2] + one.spend_minor,
                                       w.lifetime_qualifying[3] + one.visits];
        place := 1 + loyalty_months_until(one.month, w.qualifying_month);
        IF place BETWEEN 1 AND 12 THEN
            w.qualifying_spend_minor := loyalty_added_at(w.qualifying_spend_minor, place, one.spend_minor);
            w.qualifying_visits := loyalty_added_at(w.qualifying_visits, place, one.visits);
        END IF;
    END LOOP;
    RETURN w;
END $$;

-- What awards counted in the months of a long window before the twelve that the wallet holds: micropoints, spend, visits.
CREATE FUNCTION loyalty_counted_older(w loyalty_wallet, months integer) RETURNS bigint[] LANGUAGE sql STABLE AS $$
    SELECT ARRAY[coalesce(sum(c.micropoints), 0), coalesce(sum(c.spend_minor), 0), coalesce(sum(c.visits), 0)]::bigint[]
      FROM loyalty_counted(loyalty_kin(w.id)) c
     WHERE c.month <= w.qualifying_month - interval '12 months' AND c.month > w.qualifying_month - make_interval(months => months)
$$;

-- Tier credits by the month of what they were granted for, of a wallet of points and those merged into it: what a refund took
-- back counts against the month of its sale.
CREATE FUNCTION loyalty_credits_by_month(wallets bigint[]) RETURNS TABLE (month date, credits bigint) LANGUAGE sql STABLE AS $$
    SELECT date_trunc('month', coalesce(c.day, g.at::date))::date, sum(g.amount)::bigint
      FROM loyalty_wallet v
      JOIN loyalty_currency k ON k.code = 'tier_credits'
      JOIN loyalty_wallet h ON h.member_id = v.member_id AND h.currency_id = k.id
      JOIN loyalty_grant g ON g.wallet_id = h.id
      LEFT JOIN sales_purchase p ON p.id = g.purchase_id
      LEFT JOIN loyalty_contribution c ON c.term = g.term
           AND (c.purchase_id = coalesce(p.refunds_id, p.id) OR c.event_id = g.event_id)
     WHERE v.id = ANY (wallets)
     GROUP BY 1
$$;

CREATE FUNCTION loyalty_tier_credits(w loyalty_wallet, months integer) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(c.credits), 0)::bigint FROM loyalty_credits_by_month(loyalty_kin(w.id)) c
     WHERE months IS NULL OR c.month > w.qualifying_month - make_interval(months => months)
$$;

-- The highest tier whose window, as it stands, holds enough.
CREATE FUNCTION loyalty_reached_tier(w loyalty_wallet) RETURNS loyalty_tier LANGUAGE sql STABLE AS $$
    SELECT t.*
      FROM loyalty_tier t
     CROSS JOIN LATERAL (
           SELECT CASE t.counted_over
                  WHEN 'rolling' THEN t.window_months
                  WHEN 'calendar' THEN extract(month FROM w.qualifying_month)::integer
                  WHEN 'anniversary' THEN 1 + (11 + extract(month FROM w.qualifying_month)::integer
                       - coalesce((SELECT extract(month FROM m.joined_at AT TIME ZONE 'UTC')::integer
                                     FROM members_member m WHERE m.id = w.member_id), 1) + 1) % 12
                  END AS months) n
     CROSS JOIN LATERAL (
           SELECT CASE WHEN n.months > 12 THEN loyalty_counted_older(w, n.months) ELSE '{0,0,0}' END AS counted OFFSET 0) o
     CROSS JOIN LATERAL (
           SELECT CASE WHEN n.months IS NULL THEN w.lifetime_qualifying[1]
                       ELSE (SELECT sum(q) FROM unnest(w.qualifying_micropoints[:n.months]) q)::bigint + o.counted[1]
                  END / 1000000 AS points,
                  CASE WHEN n.months IS NULL THEN w.lifetime_qualifying[2]
                       ELSE (SELECT sum(q) FROM unnest(w.qualifying_spend_minor[:n.months]) q) + o.counted[2] END AS spend_minor,
                  CASE WHEN n.months IS NULL THEN w.lifetime_qualifying[3]
                       ELSE (SELECT sum(q) FROM unnest(w.qualifying_visits[:n.months]) q) + o.counted[3] END AS visits,
                  CASE WHEN t.credits_from > 0 THEN loyalty_tier_credits(w, n.months) END AS credits) c
     WHERE t.how = 'earned'
       AND CASE WHEN greatest(t.points_from, t.spend_minor_from, t.visits_from, t.credits_from) = 0 THEN true
                WHEN t.must_meet_all
                THEN coalesce(c.points, 0) >= t.points_from AND coalesce(c.spend_minor, 0) >= t.spend_minor_from
                     AND coalesce(c.visits, 0) >= t.visits_from AND coalesce(c.credits, 0) >= t.credits_from
                ELSE (t.points_from > 0 AND coalesce(c.points, 0) >= t.points_from)
                  OR (t.spend_minor_from > 0 AND coalesce(c.spend_minor, 0) >= t.spend_minor_from)
                  OR (t.visits_from > 0 AND coalesce(c.visits, 0) >= t.visits_from)
                  OR (t.credits_from > 0 AND coalesce(c.credits, 0) >= t.credits_from) END
     ORDER BY t.rank DESC LIMIT 1
$$;

-- Give the wallet the tier it has come to in its newest month, and write the change if it is one.
--
-- Up at once. Down when the month has moved on (`purchase` is NULL): after the grace of the tier held, and by one step if the
-- policy says so. A refund that takes the window below the tier ends it at once, unless it was kept by grace already.
CREATE FUNCTION loyalty_settle_tier(w loyalty_wallet, purchase bigint, at timestamptz) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
DECLARE
    held loyalty_tier;
    due loyalty_tier;
    given loyalty_tier;
BEGIN
    IF w.merged_into_id IS NOT NULL THEN  -- its survivor has the tier
        RETURN w;
    END IF;
    IF w.lifetime_qualifying IS NULL AND loyalty_ladder_asks_more() THEN
        w := loyalty_recount(w);
    END IF;
    due := loyalty_reached_tier(w);
    IF w.tier_granted_id IS NOT NULL AND (w.tier_granted_until IS NULL OR w.tier_granted_until >= at) THEN
        SELECT * INTO given FROM loyalty_tier WHERE id = w.tier_granted_id;
        IF given.rank > due.rank THEN
            due := given;
        END IF;
    END IF;
    IF due.id = w.tier_id THEN
        w.tier_keeps_until := NULL;
        RETURN w;
    END IF;
    SELECT * INTO held FROM loyalty_tier WHERE id = w.tier_id;
    IF held.id IS NULL OR due.rank > held.rank OR (purchase IS NOT NULL AND w.tier_keeps_until IS NULL) THEN
        w.tier_keeps_until := NULL;
    ELSE
        IF w.tier_keeps_until IS NULL AND held.how = 'earned' AND held.grace_months > 0 THEN
            w.tier_keeps_until := w.qualifying_month + make_interval(months => held.grace_months) - interval '1 day';
        END IF;
        IF w.tier_keeps_until >= w.qualifying_month THEN
            RETURN w;
        END IF;
        w.tier_keeps_until := NULL;
        IF held.how = 'earned' AND (SELECT p.falls_one_step FROM loyalty_tierpolicy p) THEN
            SELECT * INTO given FROM loyalty_tier t WHERE t.how = 'earned' AND t.rank < held.rank ORDER BY t.rank DESC LIMIT 1;
            IF given.rank > due.rank THEN
                due := given;
                w.tier_keeps_until := w.qualifying_month + make_interval(months => greatest(1, due.grace_months)) - interval '1 day';
            END IF;
        END IF;
    END IF;
    INSERT INTO loyalty_tierchange (wallet_id, from_tier_id, to_tier_id, qualifying_points, purchase_id, at)
    VALUES (w.id, w.tier_id, due.id,
            (SELECT coalesce(sum(q), 0)::bigint / 1000000 FROM unnest(w.qualifying_micropoints) q), purchase, at);
    w.tier_id := due.id;
    w.tier_since := at;
    RETURN w;
END $$;

-- Settle the tier after rules gave or took tier credits, if any tier asks for them; a purchase's own points were settled before.
CREATE FUNCTION loyalty_settle_credits(w loyalty_wallet, purchase bigint, today date, at timestamptz) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
BEGIN
    IF w.member_id IS NULL OR NOT EXISTS (SELECT FROM loyalty_tier t WHERE t.credits_from > 0) THEN
        RETURN w;
    END IF;
    IF w.qualifying_month IS NULL THEN
        w := loyalty_move_window(w, today);
    END IF;
    RETURN loyalty_settle_tier(w, purchase, at);
END $$;

-- Bring the wallet to the month of `today`, month by month, so that it comes to the same whoever touches it and when.
CREATE FUNCTION loyalty_age_tier(w loyalty_wallet, today date, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    this_month date := today - (extract(day FROM today)::integer - 1);
    next_month date;
BEGIN
    LOOP
        next_month := CASE
            WHEN w.qualifying_month IS NULL THEN this_month
            -- nothing is counted and nothing kept: the months between change nothing
            WHEN w.tier_keeps_until IS NULL AND 0 = ALL (w.qualifying_micropoints) AND w.tier_granted_id IS NULL
                 AND w.lifetime_qualifying IS NULL AND w.tier_id = (SELECT id FROM loyalty_tier ORDER BY rank LIMIT 1) THEN this_month
            ELSE least(this_month, w.qualifying_month + interval '1 month')::date END;
        EXIT WHEN next_month <= w.qualifying_month;
        w := loyalty_move_window(w, next_month);
        w := loyalty_settle_tier(w, NULL, CASE WHEN next_month = this_month THEN at ELSE next_month::timestamptz END);
    END LOOP;
    RETURN w;
END $$;

-- Count a purchase just stored for a wallet whose ladder asks for more than points of the latest months, and settle its tier.
CREATE FUNCTION loyalty_count_purchase(
    w loyalty_wallet, purchase bigint, line_micropoints bigint[], day date, base_micropoints bigint, at timestamptz
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    counts record;
BEGIN
    IF w.lifetime_qualifying IS NULL AND loyalty_ladder_asks_more() THEN
        w := loyalty_recount(w);  -- its award is not written yet
    END IF;
    SELECT c.* INTO counts
      FROM sales_purchase p
     CROSS JOIN LATERAL (SELECT array_agg(s.total_minor ORDER BY s.line_no) AS totals
                           FROM sales_purchaseline s WHERE s.purchase_id = p.id) l
     CROSS JOIN LATERAL loyalty_spend_and_visit(line_micropoints, l.totals, NULL, p.currency) c
     WHERE p.id = purchase;
    w := loyalty_add_qualifying(w, day, base_micropoints, counts.spend_minor, counts.visits);
    RETURN loyalty_settle_tier(w, purchase, at);
END $$;

-- The highest of the tiers given to a wallet, or to one merged into it, that is in force.
CREATE FUNCTION loyalty_regrant(w loyalty_wallet, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    SELECT g.tier_id, g.valid_until INTO w.tier_granted_id, w.tier_granted_until
      FROM loyalty_tiergrant g JOIN loyalty_tier t ON t.id = g.tier_id
     WHERE g.wallet_id = ANY (loyalty_kin(w.id)) AND (g.valid_until IS NULL OR g.valid_until >= at)
     ORDER BY t.rank DESC, g.valid_until DESC NULLS FIRST LIMIT 1;
    RETURN loyalty_settle_tier(w, NULL, at);
END $$;

-- Move every wallet on to this month, end the tiers that were given until now, and count what a new ladder asks for.
CREATE FUNCTION loyalty_evaluate_tiers(at timestamptz, today date, OUT wallets bigint, OUT changes bigint)
LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
    w loyalty_wallet;
    before smallint;
    asks_more boolean := loyalty_ladder_asks_more();
BEGIN
    wallets := 0;
    changes := 0;
    FOR due IN SELECT v.id FROM loyalty_wallet v
                WHERE v.merged_into_id IS NULL
                  AND (v.qualifying_month < today - (extract(day FROM today)::integer - 1) OR v.tier_granted_until < at
                       OR (asks_more AND v.lifetime_qualifying IS NULL AND v.qualifying_month IS NOT NULL))
                ORDER BY v.id LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = due FOR UPDATE;
        CONTINUE WHEN w.merged_into_id IS NOT NULL;
        before := w.tier_id;
        w := loyalty_age_tier(w, today, at);
        IF w.tier_granted_until < at THEN
            w := loyalty_regrant(w, at);
        ELSIF asks_more THEN
            w := loyalty_settle_tier(w, NULL, at);
        END IF;
        PERFORM loyalty_save_wallet(w);
        wallets := wallets + 1;
        IF w.tier_id IS DISTINCT FROM before THEN
            changes := changes + 1;
        END IF;
    END LOOP;
END $$;

-- Give a member a tier for a cause, or change until when; then settle. `until` before `at` ends it. NULL: no such member.
CREATE FUNCTION loyalty_give_tier(
    in_currency smallint, member bigint, tier smallint, in_kind text, in_cause text, until timestamptz, in_note text, in_user bigint,
    at timestamptz, today date, OUT before_id smallint, OUT after_id smallint
) LANGUAGE plpgsql AS $$
DECLARE
    w loyalty_wallet := loyalty_lock_wallet(in_currency, member);
BEGIN
    IF w.id IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO loyalty_tiergrant (wallet_id, tier_id, kind, cause, valid_until, note, by_user_id, given_at)
    VALUES (w.id, tier, in_kind, in_cause, until, in_note, in_user, at)
        ON CONFLICT (wallet_id, cause) DO UPDATE
           SET tier_id = EXCLUDED.tier_id, valid_until = EXCLUDED.valid_until, note = EXCLUDED.note, by_user_id = EXCLUDED.by_user_id;
    before_id := w.tier_id;
    w := loyalty_age_tier(w, today, at);
    w := loyalty_regrant(w, at);
    PERFORM loyalty_save_wallet(w);
    after_id := w.tier_id;
END $$;
