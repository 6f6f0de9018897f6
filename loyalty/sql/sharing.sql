-- Points between two wallets: gifts, households that pool. Two wallets are joined by TRANSIT (account 5): in one act, what goes
-- in comes out. Lots keep their last day on the way.
--
-- Lock order: members' wallets by id, then a household's. Who needs it the other way round may meet a deadlock, which
-- PostgreSQL ends and the caller's second try settles.

-- The name of an act of the ledger itself, with its hash: `act` for the transfers that follow.
CREATE FUNCTION loyalty_ledger_act(key text, in_reason text, at timestamptz) RETURNS loyalty_transfer LANGUAGE plpgsql AS $$
DECLARE
    act loyalty_transfer;
BEGIN
    SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
    act.client_key := key;
    act.body_hash := decode(md5(key), 'hex');
    act.seq := 0;
    act.reason := in_reason;
    act.note := '';
    act.occurred_at := at;
    RETURN act;
END $$;

-- Write one transfer of a wallet whose row has been changed already, under the next version.
CREATE FUNCTION loyalty_write_transfer(
    w loyalty_wallet, debit smallint, credit smallint, points bigint, until date, act loyalty_transfer
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    w.version := w.version + 1;
    INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                  points, available_after, expires_on, purchase_id, reason, note, by_user_id, occurred_at, posted_at)
    VALUES (w.id, w.version, act.source_id, act.client_key, act.seq, act.body_hash, debit, credit, points, w.available, until,
            act.purchase_id, act.reason, act.note, act.by_user_id, act.occurred_at, clock_timestamp());
    RETURN w;
END $$;

-- Put points of another account into the lot of `until`.
CREATE FUNCTION loyalty_receive(w loyalty_wallet, from_account smallint, points bigint, until date, act loyalty_transfer)
RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    IF points = 0 THEN
        RETURN w;
    END IF;
    w := loyalty_add_to_lot(w, until, points);
    RETURN loyalty_write_transfer(w, from_account, 10::smallint, points, until, act);
END $$;

-- Owe more (points above zero, into `account`) or less (below zero, out of it).
CREATE FUNCTION loyalty_owe(w loyalty_wallet, points bigint, account smallint, act loyalty_transfer) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
BEGIN
    w.debt := w.debt + points;
    IF points > 0 THEN
        RETURN loyalty_write_transfer(w, 13::smallint, account, points, NULL, act);
    ELSIF points < 0 THEN
        RETURN loyalty_write_transfer(w, account, 13::smallint, -points, NULL, act);
    END IF;
    RETURN w;
END $$;

-- Pass points on, lot by lot: first the lot of `preferred`, then the earliest. They arrive in the lot they left, or in `as_lot`.
-- `next_seq` is the first number of the act that is still free.
CREATE FUNCTION loyalty_pass_on(
    INOUT giver loyalty_wallet, INOUT taker loyalty_wallet, points bigint, preferred date, as_lot date, act loyalty_transfer,
    OUT next_seq smallint
) LANGUAGE plpgsql AS $$
DECLARE
    i integer;
    part bigint;
    day date;
    wanted bigint := points;
BEGIN
    WHILE wanted > 0 LOOP
        i := coalesce(array_position(giver.lot_expires_on, preferred), 1);
        day := giver.lot_expires_on[i];
        part := least(wanted, giver.lot_points[i]);
        giver := loyalty_take_from_lots(giver, part, day, 5::smallint, act);
        act.seq := act.seq + 1;
        taker := loyalty_receive(taker, 5::smallint, part, coalesce(as_lot, day), act);
        act.seq := act.seq + 1;
        wanted := wanted - part;
    END LOOP;
    next_seq := act.seq;
END $$;

-- Bring points home from another wallet: what of the lot `preferred` expired there unspent, then out of its lots, and what these lack
-- as its debt, for nobody loses the same points twice. The giver is saved, the taker given back.
CREATE FUNCTION loyalty_bring_home(
    from_wallet bigint, taker loyalty_wallet, points bigint, preferred date, until date, act loyalty_transfer, today date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    giver loyalty_wallet;
    passed record;
    gone bigint;
    lacking bigint;
BEGIN
    IF points <= 0 THEN
        RETURN taker;
    END IF;
    SELECT * INTO giver FROM loyalty_wallet v WHERE v.id = from_wallet FOR UPDATE;
    giver := loyalty_expire_lots(giver, today, act.occurred_at);
    gone := CASE WHEN preferred < today THEN least(points, loyalty_expired_of_lot(giver.id, preferred)) ELSE 0 END;
    IF gone > 0 THEN
        giver := loyalty_write_transfer(giver, 3::smallint, 5::smallint, gone, preferred, act);
        act.seq := act.seq + 1;
        taker := loyalty_receive(taker, 5::smallint, gone, preferred, act);
        act.seq := act.seq + 1;
        points := points - gone;
    END IF;
    IF giver.merged_into_id IS NOT NULL AND giver.available < points THEN
        giver := loyalty_bring_home(
            giver.merged_into_id, giver, points - giver.available, preferred, until,
            loyalty_ledger_act(act.client_key || ':' || giver.id, 'merge', act.occurred_at), today);
    END IF;
    lacking := greatest(0, points - giver.available);
    passed := loyalty_pass_on(giver, taker, points - lacking, preferred, NULL, act);
    giver := passed.giver;
    taker := passed.taker;
    IF lacking > 0 THEN
        act.seq := passed.next_seq;
        giver := loyalty_owe(giver, lacking, 5::smallint, act);
        act.seq := act.seq + 1;
        taker := loyalty_receive(taker, 5::smallint, lacking, coalesce(preferred, until), act);
    END IF;
    PERFORM loyalty_save_wallet(giver);
    RETURN taker;
END $$;

-- Two wallets, locked by id.
CREATE FUNCTION loyalty_lock_pair(first_id bigint, second_id bigint, OUT first loyalty_wallet, OUT second loyalty_wallet)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM loyalty_wallet v WHERE v.id IN (first_id, second_id) ORDER BY v.id FOR UPDATE;
    SELECT * INTO first FROM loyalty_wallet v WHERE v.id = first_id;
    SELECT * INTO second FROM loyalty_wallet v WHERE v.id = second_id;
END $$;

-- Whether an act was done before under this key: 'replay', 'conflict' or NULL.
CREATE FUNCTION loyalty_done_before(in_source bigint, in_key text, in_hash bytea) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key) THEN 'conflict'
                ELSE (SELECT CASE WHEN bool_and(t.body_hash = in_hash) THEN 'replay' ELSE 'conflict' END
                        FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key HAVING count(*) > 0) END
$$;

-- Give points from one member to another within the limits of the policy, which are asked under the locks.
--
-- outcome: recorded, replay, conflict, no_member, oneself, too_few, closed, too_small, tier, day, month; `allowed` is what could be given.
CREATE FUNCTION loyalty_give_points(
    in_currency smallint, in_source bigint, in_key text, in_hash bytea, from_member bigint, to_member bigint, amount bigint,
    in_note text, in_user bigint, at timestamptz, today date, day_begins timestamptz, month_begins timestamptz,
    OUT outcome text, OUT allowed bigint, OUT wallet_id bigint, OUT version bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    policy loyalty_giftpolicy;
    pair record;
    giver loyalty_wallet;
    taker loyalty_wallet;
    act loyalty_transfer;
    of_day bigint;
    of_month bigint;
BEGIN
    PERFORM loyalty_open_wallets(in_currency, ARRAY[from_member, to_member]);
    LOOP  -- a merged member's gifts are the survivor's, also when the merge came between looking and locking
        pair := loyalty_lock_pair(
            loyalty_root((SELECT v.id FROM loyalty_wallet v WHERE v.member_id = from_member AND v.currency_id = in_currency)),
            loyalty_root((SELECT v.id FROM loyalty_wallet v WHERE v.member_id = to_member AND v.currency_id = in_currency)));
        EXIT WHEN (pair.first).merged_into_id IS NULL AND (pair.second).merged_into_id IS NULL;
    END LOOP;
    giver := pair.first;
    taker := pair.second;
    IF giver.id IS NULL OR taker.id IS NULL THEN
        outcome := 'no_member';
        RETURN;
    END IF;
    outcome := loyalty_done_before(in_source, in_key, in_hash);
    IF outcome IS NOT NULL THEN
        SELECT t.wallet_id, t.version, t.available_after INTO wallet_id, version, available
          FROM loyalty_transfer t
         WHERE t.source_id = in_source AND t.client_key = in_key AND t.reason = 'gift' AND t.debit_account = 10
         ORDER BY t.seq DESC LIMIT 1;
        RETURN;
    END IF;
    IF giver.id = taker.id THEN
        outcome := 'oneself';
        RETURN;
    END IF;
    SELECT * INTO policy FROM loyalty_giftpolicy;
    giver := loyalty_bring_up(giver, today, at);
    SELECT coalesce(sum(t.points) FILTER (WHERE t.occurred_at >= day_begins), 0), coalesce(sum(t.points), 0) INTO of_day, of_month
      FROM loyalty_transfer t
     WHERE t.wallet_id = giver.id AND t.reason = 'gift' AND t.debit_account = 10 AND t.occurred_at >= month_begins;
    allowed := least(loyalty_spendable(giver), policy.points_per_day_max - of_day, policy.points_per_month_max - of_month);
    outcome := CASE
        WHEN NOT policy.is_open THEN 'closed'
        WHEN (SELECT t.rank FROM loyalty_tier t WHERE t.id = giver.tier_id) < (SELECT t.rank FROM loyalty_tier t WHERE t.id = policy.from_tier_id) THEN 'tier'
        WHEN loyalty_spendable(giver) < amount THEN 'too_few'
        WHEN amount < policy.points_min THEN 'too_small'
        WHEN policy.points_per_day_max - of_day < amount THEN 'day'
        WHEN policy.points_per_month_max - of_month < amount THEN 'month' END;
    IF outcome IS NOT NULL THEN
        PERFORM loyalty_save_wallet(giver);
        RETURN;
    END IF;
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.seq := 0;
    act.reason := 'gift';
    act.note := in_note;
    act.by_user_id := in_user;
    act.occurred_at := at;
    taker := loyalty_expire_lots(taker, today, at);
    pair := loyalty_pass_on(giver, taker, amount, NULL, NULL, act);
    giver := pair.giver;
    taker := pair.taker;
    IF taker.is_debt_netted THEN
        taker := loyalty_settle_debt(taker, act, amount);
    END IF;
    PERFORM loyalty_save_wallet(giver);
    PERFORM loyalty_save_wallet(taker);
    outcome := 'recorded';
    wallet_id := giver.id;
    version := giver.version;
    available := giver.available;
END $$;

-- The wallet of a household, opened when missing.
CREATE FUNCTION loyalty_pool_of(in_currency smallint, in_household bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO loyalty_wallet (public_id, currency_id, household_id, available, pending, held, debt, carry_micropoints, version,
                                lot_expires_on, lot_points, tier_id, qualifying_micropoints)
    VALUES (gen_random_uuid(), in_currency, in_household, 0, 0, 0, 0, 0, 0, '{}', '{}',
            (SELECT id FROM loyalty_tier ORDER BY rank LIMIT 1), '{}')
        ON CONFLICT DO NOTHING;
    RETURN (SELECT v.id FROM loyalty_wallet v WHERE v.household_id = in_household AND v.currency_id = in_currency);
END $$;

-- Say where a part of a member's awards goes from now on; `percent` NULL: nowhere.
CREATE FUNCTION loyalty_set_pool(in_currency smallint, member bigint, in_household bigint, percent smallint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    w loyalty_wallet := loyalty_lock_wallet(in_currency, member);
BEGIN
    UPDATE loyalty_wallet v SET pool_id = CASE WHEN percent IS NULL THEN NULL ELSE loyalty_pool_of(in_currency, in_household) END,
                                pool_percent = percent
     WHERE v.id = w.id;
END $$;

-- Take the household's part out of an award just posted, on its way (TRANSIT). loyalty_fill_pools lets it arrive.
CREATE FUNCTION loyalty_share_award(w loyalty_wallet, purchase bigint, points bigint, until date, at timestamptz)
RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    part bigint := points * w.pool_percent / 100;
BEGIN
    RETURN loyalty_take_from_lots(w, part, until, 5::smallint, loyalty_ledger_act('pool:' || purchase, 'pool', at));
END $$;

-- Let the households' parts of these purchases arrive: what the household owes is paid first.
CREATE FUNCTION loyalty_fill_pools(purchases bigint[], today date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part record;
    pool loyalty_wallet;
    act loyalty_transfer;
    paid bigint;
BEGIN
    FOR part IN SELECT t.*, w.pool_id FROM unnest(purchases) AS p (id)
                  JOIN loyalty_transfer t ON t.source_id = (SELECT id FROM sales_source WHERE code = 'ledger')
                                         AND t.client_key = 'pool:' || p.id AND t.seq = 0
                  JOIN loyalty_wallet w ON w.id = t.wallet_id
                 ORDER BY w.pool_id, p.id LOOP
        IF pool.id IS DISTINCT FROM part.pool_id THEN
            IF pool.id IS NOT NULL THEN
                PERFORM loyalty_save_wallet(pool);
            END IF;
            SELECT * INTO pool FROM loyalty_wallet v WHERE v.id = part.pool_id FOR UPDATE;
            pool := loyalty_expire_lots(pool, today, part.occurred_at);
        END IF;
        act := loyalty_ledger_act(part.client_key, 'pool', part.occurred_at);
        act.seq := 1;
        paid := least(part.points, pool.debt);
        pool := loyalty_owe(pool, -paid, 5::smallint, act);
        act.seq := 2;
        pool := loyalty_receive(pool, 5::smallint, part.points - paid, part.expires_on, act);
    END LOOP;
    IF pool.id IS NOT NULL THEN
        PERFORM loyalty_save_wallet(pool);
    END IF;
END $$;

-- Before a refund takes points out of the wallet that earned them: bring home what went on from there.
--
-- The household gives back its part in proportion to what all refunds of the purchase take back (`before` and `after` of `whole`
-- micropoints), so that any split gives back the same and a full refund all of it. A merged wallet's points lie in the survivor's.
CREATE FUNCTION loyalty_fetch_back(
    w loyalty_wallet, award loyalty_award, refund bigint, before bigint, after bigint, whole bigint, points bigint,
    at timestamptz, today date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    ledger bigint := (SELECT id FROM sales_source WHERE code = 'ledger');
    part loyalty_transfer;
    pool bigint;
    due bigint;
    lot date;
BEGIN
    SELECT * INTO part FROM loyalty_transfer t
     WHERE t.source_id = ledger AND t.client_key = 'pool:' || award.purchase_id AND t.seq = 0;
    IF part.points > 0 AND whole > 0 THEN
        due := div(part.points::numeric * after, whole)::bigint - div(part.points::numeric * before, whole)::bigint;
        SELECT t.wallet_id INTO pool FROM loyalty_transfer t
         WHERE t.source_id = ledger AND t.client_key = 'pool:' || award.purchase_id AND t.seq > 0 LIMIT 1;
        w := loyalty_bring_home(pool, w, due, part.expires_on, part.expires_on,
                                loyalty_ledger_act('pool-refund:' || refund, 'pool', at), today);
        due := least(due, w.debt);  -- an earlier refund may have found the point that this part completes gone
        w := loyalty_take_from_lots(w, due, part.expires_on, 13::smallint, loyalty_ledger_act('pool-debt:' || refund, 'debt_paid', at));
        w.debt := w.debt - due;
    END IF;
    IF w.merged_into_id IS NOT NULL THEN
        SELECT t.expires_on INTO lot FROM loyalty_transfer t
         WHERE t.wallet_id = award.wallet_id AND t.purchase_id = award.purchase_id AND t.reason = 'purchase'
           AND t.credit_account IN (10, 11) LIMIT 1;
        w := loyalty_bring_home(
            w.merged_into_id, w,
            points - w.available - CASE WHEN lot < today THEN loyalty_expired_of_lot(w.id, lot) ELSE 0 END, lot, today,
            loyalty_ledger_act('merge-refund:' || refund, 'merge', at), today);
    END IF;
    RETURN w;
END $$;

-- A member draws points from the household's wallet into their own; who may is asked before.
--
-- outcome: recorded, replay, conflict, too_few.
CREATE FUNCTION loyalty_draw_from_pool(
    in_currency smallint, in_source bigint, in_key text, in_hash bytea, in_household bigint, member bigint, amount bigint,
    at timestamptz, today date, OUT outcome text, OUT wallet_id bigint, OUT version bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet := loyalty_lock_wallet(in_currency, member);
    pool loyalty_wallet;
    act loyalty_transfer;
    passed record;
BEGIN
    SELECT * INTO pool FROM loyalty_wallet v WHERE v.id = loyalty_pool_of(in_currency, in_household) FOR UPDATE;
    outcome := loyalty_done_before(in_source, in_key, in_hash);
    wallet_id := w.id;
    IF outcome IS NOT NULL THEN
        SELECT t.version, t.available_after INTO version, available
          FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key AND t.wallet_id = w.id
         ORDER BY t.seq DESC LIMIT 1;
        RETURN;
    END IF;
    pool := loyalty_expire_lots(pool, today, at);
    IF pool.available < amount THEN
        PERFORM loyalty_save_wallet(pool);
        outcome := 'too_few';
        available := pool.available;
        RETURN;
    END IF;
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.seq := 0;
    act.reason := 'pool';
    act.note := '';
    act.occurred_at := at;
    w := loyalty_expire_lots(w, today, at);
    passed := loyalty_pass_on(pool, w, amount, NULL, NULL, act);
    pool := passed.giver;
    w := passed.taker;
    PERFORM loyalty_save_wallet(pool);
    PERFORM loyalty_save_wallet(w);
    outcome := 'recorded';
    version := w.version;
    available := w.available;
END $$;
