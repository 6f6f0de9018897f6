-- What the posting functions share. Each takes a wallet row that its caller has locked and gives back the changed one;
-- only loyalty_save_wallet writes it.

-- Open the wallets that these members do not have yet, on the lowest tier. Ids of no member are passed over.
CREATE FUNCTION loyalty_open_wallets(in_currency smallint, members bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO loyalty_wallet (public_id, currency_id, member_id, available, pending, held, debt, carry_micropoints, version,
                                lot_expires_on, lot_points, tier_id, qualifying_micropoints)
    SELECT gen_random_uuid(), in_currency, m.id, 0, 0, 0, 0, 0, 0, '{}', '{}',
           (SELECT id FROM loyalty_tier ORDER BY rank LIMIT 1), '{}'
      FROM members_member m WHERE m.id = ANY (members) ORDER BY m.id
        ON CONFLICT DO NOTHING
$$;

-- The wallet of one member, opened when missing, locked; NULL when there is no such member.
CREATE FUNCTION loyalty_lock_wallet(in_currency smallint, member bigint) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    w loyalty_wallet;
BEGIN
    SELECT * INTO w FROM loyalty_wallet WHERE member_id = member AND currency_id = in_currency FOR UPDATE;
    IF w.id IS NULL THEN
        PERFORM loyalty_open_wallets(in_currency, ARRAY[member]);
        SELECT * INTO w FROM loyalty_wallet WHERE member_id = member AND currency_id = in_currency FOR UPDATE;
    END IF;
    WHILE w.merged_into_id IS NOT NULL LOOP  -- a merged member's acts are the survivor's
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = w.merged_into_id FOR UPDATE;
    END LOOP;
    RETURN w;
END $$;

CREATE FUNCTION loyalty_save_wallet(w loyalty_wallet) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF w.merged_into_id IS NOT NULL AND w.available > 0 THEN
        w := loyalty_forward(w, (SELECT t.occurred_at FROM loyalty_transfer t WHERE t.wallet_id = w.id ORDER BY t.version DESC LIMIT 1));
    END IF;
    UPDATE loyalty_wallet
       SET available = w.available, pending = w.pending, held = w.held, debt = w.debt, carry_micropoints = w.carry_micropoints, version = w.version,
           lot_expires_on = w.lot_expires_on, lot_points = w.lot_points, tier_id = w.tier_id, tier_since = w.tier_since,
           qualifying_month = w.qualifying_month, qualifying_micropoints = w.qualifying_micropoints,
           tier_keeps_until = w.tier_keeps_until, tier_granted_id = w.tier_granted_id, tier_granted_until = w.tier_granted_until,
           qualifying_spend_minor = w.qualifying_spend_minor, qualifying_visits = w.qualifying_visits,
           lifetime_qualifying = w.lifetime_qualifying, last_purchase_at = w.last_purchase_at,
           active_at = w.active_at, is_debt_netted = w.is_debt_netted, room = NULL
     WHERE id = w.id;
END $$;

-- Put points into the lot that may be spent until `until`, keeping the lots in order.
CREATE FUNCTION loyalty_add_to_lot(w loyalty_wallet, until date, points bigint) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
DECLARE
    i integer := loyalty_newest_lot(w.lot_expires_on, until);
BEGIN
    IF i IS NULL THEN  -- a late receipt: before a lot that is there, or into it
        i := 1;
        WHILE w.lot_expires_on[i] < until LOOP
            i := i + 1;
        END LOOP;
        IF w.lot_expires_on[i] > until THEN
            w.lot_expires_on := w.lot_expires_on[:i - 1] || until || w.lot_expires_on[i:];
            w.lot_points := w.lot_points[:i - 1] || 0::bigint || w.lot_points[i:];
        END IF;
    END IF;
    w.lot_expires_on[i] := until;
    w.lot_points[i] := points + coalesce(w.lot_points[i], 0);
    w.available := w.available + points;
    RETURN w;
END $$;

-- Take points out of lots, one transfer for each lot: first the lot of `preferred`, then the earliest.
CREATE FUNCTION loyalty_take_from_lots(
    w loyalty_wallet, points bigint, preferred date, into_account smallint, act loyalty_transfer
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    i integer;
    part bigint;
    wanted bigint := points;
BEGIN
    IF w.spending_blocked_at IS NOT NULL AND into_account IN (2, 5, 8, 12) THEN
        RAISE EXCEPTION 'Spending from wallet % is blocked.', w.id USING ERRCODE = 'RG001';
    END IF;
    WHILE wanted > 0 LOOP
        i := coalesce(array_position(w.lot_expires_on, preferred), 1);
        part := least(wanted, w.lot_points[i]);
        ASSERT part > 0, 'more points are taken than the lots hold';
        w.available := w.available - part;
        w.version := w.version + 1;
        INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                      points, available_after, expires_on, purchase_id, reason, note, by_user_id,
                                      occurred_at, posted_at)
        VALUES (w.id, w.version, act.source_id, act.client_key, act.seq, act.body_hash, 10, into_account,
                part, w.available, w.lot_expires_on[i], act.purchase_id, act.reason, act.note, act.by_user_id,
                act.occurred_at, clock_timestamp());
        act.seq := act.seq + 1;
        IF part = w.lot_points[i] THEN
            w.lot_expires_on := w.lot_expires_on[:i - 1] || w.lot_expires_on[i + 1:];
            w.lot_points := w.lot_points[:i - 1] || w.lot_points[i + 1:];
        ELSE
            w.lot_points[i] := w.lot_points[i] - part;
        END IF;
        wanted := wanted - part;
    END LOOP;
    RETURN w;
END $$;

-- Bring a wallet up to date: what waited for a day that has come matures, then the lots whose last day lies before `today`
-- expire. Running it again finds nothing left to do.
CREATE FUNCTION loyalty_expire_lots(w loyalty_wallet, today date, at timestamptz) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
DECLARE
    act loyalty_transfer;
BEGIN
    w := loyalty_mature_lots(w, today, at);  -- what has come to be spent may have expired since
    WHILE w.lot_expires_on[1] < today LOOP
        SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
        act.client_key := format('expiry:%s:%s', w.id, w.version);
        act.seq := 0;
        act.body_hash := decode(md5(act.client_key), 'hex');
        act.reason := 'expiry';
        act.note := '';
        act.occurred_at := at;
        w := loyalty_take_from_lots(w, w.lot_points[1], w.lot_expires_on[1], 3::smallint, act);
    END LOOP;
    RETURN w;
END $$;
