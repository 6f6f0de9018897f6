-- Points that are earned but cannot be spent yet. Σ points_left of a wallet's rows = what it has pending by earning.

-- Put points an act earned into a wallet: into PENDING if they wait for a day or an event, else towards a debt first and the
-- rest into their lot. `act` names the act; its seq is that of the first transfer written.
CREATE FUNCTION loyalty_credit(
    w loyalty_wallet, act loyalty_transfer, points bigint, until date, matures date, waits text, in_term text
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    paid bigint;
BEGIN
    IF points = 0 THEN
        RETURN w;
    END IF;
    IF matures IS NOT NULL OR waits <> '' THEN
        w.pending := w.pending + points;
        w := loyalty_note_transfer(w, act, 1::smallint, 11::smallint, points, until);
        INSERT INTO loyalty_pendingpoints (wallet_id, source_id, client_key, purchase_id, term, points, points_left, matures_on,
                                           waits_for, expires_on)
        VALUES (w.id, act.source_id, act.client_key, act.purchase_id, in_term, points, points, matures, waits, until);
        RETURN w;
    END IF;
    paid := least(points, w.debt);
    IF points > paid THEN
        w := loyalty_add_to_lot(w, until, points - paid);
        w := loyalty_note_transfer(w, act, 1::smallint, 10::smallint, points - paid, until);
        act.seq := act.seq + 1;
    END IF;
    IF paid > 0 THEN
        w.debt := w.debt - paid;
        w := loyalty_note_transfer(w, act, 1::smallint, 13::smallint, paid, NULL);
    END IF;
    RETURN w;
END $$;

-- Let one row of pending points mature: a debt is paid first, the rest goes into its lot.
CREATE FUNCTION loyalty_release_pending(w loyalty_wallet, in_row bigint, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    row loyalty_pendingpoints;
    act loyalty_transfer;
    paid bigint;
BEGIN
    UPDATE loyalty_pendingpoints p SET points_left = 0 FROM loyalty_pendingpoints before
     WHERE p.id = in_row AND before.id = p.id
    RETURNING before.* INTO row;
    SELECT id INTO STRICT act.source_id FROM sales_source WHERE code = 'ledger';
    act.client_key := format('maturity:%s', row.id);
    act.body_hash := decode(md5(act.client_key), 'hex');
    act.purchase_id := NULL;
    act.reason := 'maturity';
    act.note := '';
    act.occurred_at := at;
    act.seq := 0;
    w.pending := w.pending - row.points_left;
    paid := least(row.points_left, w.debt);
    IF row.points_left > paid THEN
        w := loyalty_add_to_lot(w, row.expires_on, row.points_left - paid);
        w := loyalty_note_transfer(w, act, 11::smallint, 10::smallint, row.points_left - paid, row.expires_on);
        act.seq := 1;
    END IF;
    IF paid > 0 THEN
        w.debt := w.debt - paid;
        w := loyalty_note_transfer(w, act, 11::smallint, 13::smallint, paid, row.expires_on);
    END IF;
    RETURN w;
END $$;

-- Post the maturity of what waits for a day that has come. Running it again finds nothing left to do.
CREATE FUNCTION loyalty_mature_lots(w loyalty_wallet, today date, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
BEGIN
    IF w.pending > 0 THEN
        FOR due IN SELECT p.id FROM loyalty_pendingpoints p
                    WHERE p.wallet_id = w.id AND p.points_left > 0 AND p.matures_on <= today ORDER BY p.matures_on, p.id LOOP
            w := loyalty_release_pending(w, due, at);
        END LOOP;
    END IF;
    RETURN w;
END $$;

-- Cancel pending points of a purchase (in_term '': what its lines earned) or of a term, at most `points`; the newest first.
-- The caller sees by the change of w.pending how many there were. They go into an account: taken back, or on to another wallet.
CREATE FUNCTION loyalty_cancel_pending(
    w loyalty_wallet, act loyalty_transfer, points bigint, sale bigint, in_term text, into_account smallint DEFAULT 4
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    row loyalty_pendingpoints;
    wanted bigint := points;
    part bigint;
BEGIN
    IF w.pending = 0 OR points <= 0 THEN
        RETURN w;
    END IF;
    FOR row IN SELECT * FROM loyalty_pendingpoints p
                WHERE p.wallet_id = w.id AND p.points_left > 0 AND p.term = in_term
                  AND (in_term <> '' OR p.purchase_id = sale) ORDER BY p.id DESC LOOP
        part := least(wanted, row.points_left);
        EXIT WHEN part = 0;
        UPDATE loyalty_pendingpoints p SET points_left = p.points_left - part WHERE p.id = row.id;
        w.pending := w.pending - part;
        w := loyalty_note_transfer(w, act, 11::smallint, into_account, part, row.expires_on);
        act.seq := act.seq + 1;
        wanted := wanted - part;
    END LOOP;
    RETURN w;
END $$;

-- The job: every wallet with points whose day has come, one after the other, by id.
CREATE FUNCTION loyalty_mature_points(at timestamptz, today date, OUT wallets bigint, OUT points bigint) LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
    w loyalty_wallet;
    before bigint;
BEGIN
    wallets := 0;
    points := 0;
    FOR due IN SELECT DISTINCT p.wallet_id FROM loyalty_pendingpoints p
                WHERE p.points_left > 0 AND p.matures_on <= today ORDER BY p.wallet_id LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = due FOR UPDATE;
        before := w.pending;
        w := loyalty_mature_lots(w, today, at);
        CONTINUE WHEN w.pending = before;
        w := loyalty_expire_lots(w, today, at);
        PERFORM loyalty_save_wallet(w);
        wallets := wallets + 1;
        points := points + before - w.pending;
    END LOOP;
END $$;

-- An event of a purchase (delivered, …): what waits for it matures. Again: nothing.
CREATE FUNCTION loyalty_mature_by_event(sale bigint, event text, at timestamptz, today date, OUT points bigint) LANGUAGE plpgsql AS $$
DECLARE
    holding bigint;
    due bigint;
    w loyalty_wallet;
BEGIN
    points := 0;
    FOR holding IN SELECT DISTINCT p.wallet_id FROM loyalty_pendingpoints p
                    WHERE p.purchase_id = sale AND p.points_left > 0 AND p.waits_for = event ORDER BY p.wallet_id LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = holding FOR UPDATE;
        points := points + w.pending;
        FOR due IN SELECT p.id FROM loyalty_pendingpoints p WHERE p.wallet_id = holding AND p.purchase_id = sale
                      AND p.points_left > 0 AND p.waits_for = event ORDER BY p.id LOOP
            w := loyalty_release_pending(w, due, at);
        END LOOP;
        points := points - w.pending;
        w := loyalty_expire_lots(w, today, at);
        PERFORM loyalty_save_wallet(w);
    END LOOP;
END $$;
