-- What the acts of spending are made of. As in wallets.sql each takes a wallet row that its caller has locked and gives back
-- the changed one; only loyalty_save_wallet writes it.

-- One transfer of a named act, under its next number: from one account to another, of one lot where points may be spent.
CREATE FUNCTION loyalty_post(
    w loyalty_wallet, act loyalty_transfer, debit integer, credit integer, amount bigint, lot date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    i integer;
BEGIN
    IF amount = 0 THEN
        RETURN w;
    END IF;
    IF debit = 10 THEN
        IF w.spending_blocked_at IS NOT NULL AND credit IN (2, 5, 8, 12) THEN
            RAISE EXCEPTION 'Spending from wallet % is blocked.', w.id USING ERRCODE = 'RG001';
        END IF;
        i := array_position(w.lot_expires_on, lot);
        ASSERT w.lot_points[i] >= amount, 'more points are taken than the lot holds';
        IF w.lot_points[i] = amount THEN
            w.lot_expires_on := w.lot_expires_on[:i - 1] || w.lot_expires_on[i + 1:];
            w.lot_points := w.lot_points[:i - 1] || w.lot_points[i + 1:];
        ELSE
            w.lot_points[i] := w.lot_points[i] - amount;
        END IF;
        w.available := w.available - amount;
    END IF;
    IF credit = 10 THEN
        w := loyalty_add_to_lot(w, lot, amount);
    END IF;
    w.pending := w.pending + CASE 11 WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END;
    w.held := w.held + CASE 12 WHEN credit THEN amount WHEN debit THEN -amount ELSE 0 END;
    w.debt := w.debt + CASE 13 WHEN debit THEN amount WHEN credit THEN -amount ELSE 0 END;
    w.version := w.version + 1;
    INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                  points, available_after, expires_on, purchase_id, reason, note, by_user_id, occurred_at,
                                  posted_at)
    VALUES (w.id, w.version, act.source_id, act.client_key,
            (SELECT coalesce(max(t.seq) + 1, 0) FROM loyalty_transfer t
              WHERE t.source_id = act.source_id AND t.client_key = act.client_key),
            act.body_hash, debit, credit, amount, w.available, lot, act.purchase_id, act.reason, coalesce(act.note, ''),
            act.by_user_id, act.occurred_at, clock_timestamp());
    RETURN w;
END $$;

-- The same movement for every part of a list of lots.
CREATE FUNCTION loyalty_post_lots(
    w loyalty_wallet, act loyalty_transfer, debit integer, credit integer, days date[], parts bigint[]
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. coalesce(cardinality(days), 0) LOOP
        w := loyalty_post(w, act, debit, credit, parts[i], days[i]);
    END LOOP;
    RETURN w;
END $$;

-- The first `amount` points of a list of lots, and what is left of the list.
CREATE FUNCTION loyalty_split_lots(
    INOUT days date[], INOUT parts bigint[], amount bigint, OUT first_days date[], OUT first_parts bigint[]
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    part bigint;
BEGIN
    first_days := '{}';
    first_parts := '{}';
    WHILE amount > 0 LOOP
        part := least(amount, parts[1]);
        ASSERT part > 0, 'more points are taken than the lots hold';
        first_days := first_days || days[1];
        first_parts := first_parts || part;
        amount := amount - part;
        IF part = parts[1] THEN
            days := days[2:];
            parts := parts[2:];
        ELSE
            parts[1] := parts[1] - part;
        END IF;
    END LOOP;
END $$;

-- An act under a client's own name, ready for its transfers.
CREATE FUNCTION loyalty_named_act(
    in_source bigint, in_key text, in_hash bytea, in_reason text, in_note text, in_user bigint, at timestamptz
) RETURNS loyalty_transfer LANGUAGE plpgsql AS $$
DECLARE
    act loyalty_transfer;
BEGIN
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.seq := 0;
    act.reason := in_reason;
    act.note := in_note;
    act.by_user_id := in_user;
    act.occurred_at := at;
    RETURN act;
END $$;

-- An act of the ledger's own, under a key that says what it is about.
CREATE FUNCTION loyalty_own_act(key text, reason text, at timestamptz) RETURNS loyalty_transfer LANGUAGE plpgsql AS $$
DECLARE
    act loyalty_transfer;
BEGIN
    SELECT s.id INTO STRICT act.source_id FROM sales_source s WHERE s.code = 'ledger';
    act.client_key := key;
    act.body_hash := decode(md5(key), 'hex');
    act.reason := reason;
    act.note := '';
    act.occurred_at := at;
    RETURN act;
END $$;

-- What may be spent: a debt that counts against the balance leaves less.
CREATE FUNCTION loyalty_spendable(w loyalty_wallet) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(0, w.available - CASE WHEN w.is_debt_netted THEN w.debt ELSE 0 END)
$$;

-- Let points that came in pay what is owed, at most `most` of them, from the earliest lot.
CREATE FUNCTION loyalty_settle_debt(w loyalty_wallet, act loyalty_transfer, most bigint) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
DECLARE
    lots record;
    points bigint := least(w.debt, most, w.available);
BEGIN
    IF points > 0 THEN
        act.reason := 'debt_paid';
        SELECT * INTO lots FROM loyalty_split_lots(w.lot_expires_on, w.lot_points, points);
        w := loyalty_post_lots(w, act, 10, 13, lots.first_days, lots.first_parts);
        w.is_debt_netted := w.is_debt_netted AND w.debt > 0;
    END IF;
    RETURN w;
END $$;

-- Points come back from an account to the lots they were taken from. What expired meanwhile expires at once, as if it had
-- never been away; the rest pays first what is owed.
CREATE FUNCTION loyalty_give_back(
    w loyalty_wallet, act loyalty_transfer, debit integer, days date[], parts bigint[], today date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    w := loyalty_post_lots(w, act, debit, 10, days, parts);
    w := loyalty_expire_lots(w, today, act.occurred_at);
    RETURN loyalty_settle_debt(
        w, act,
        coalesce((SELECT sum(l.points)::bigint FROM unnest(days, parts) AS l (day, points) WHERE l.day >= today), 0));
END $$;

-- How long a holder may do nothing before the points expire, under one rule set; NULL while no rule says so. A day more than
-- the rule says, so that the last day is always a whole one.
CREATE FUNCTION loyalty_idle_time(definition jsonb) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(definition -> 'expiry') = 'object'
                THEN make_interval(months => (definition -> 'expiry' ->> 'inactive_months')::integer) + interval '1 day' END
$$;

-- The same under the rule set in force at a moment.
CREATE FUNCTION loyalty_idle_time_at(at timestamptz) RETURNS interval LANGUAGE sql STABLE AS $$
    SELECT loyalty_idle_time(r.definition) FROM loyalty_ruleset r
     WHERE r.live_from <= at ORDER BY r.live_from DESC, r.version DESC LIMIT 1
$$;

-- Expire everything that may be spent when the holder has done nothing since before `active_from`. A holder who never did
-- anything is not idle.
CREATE FUNCTION loyalty_expire_idle(w loyalty_wallet, active_from timestamptz, at timestamptz) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
BEGIN
    IF w.available > 0 AND greatest(w.last_purchase_at, w.active_at) < active_from THEN
        w := loyalty_post_lots(
            w, loyalty_own_act(format('inactivity:%s:%s', w.id, w.version), 'inactivity', at), 10, 3, w.lot_expires_on, w.lot_points);
    END IF;
    RETURN w;
END $$;

-- What time has done to a wallet until now: holds that ran out, lots whose day is over, points left alone too long.
CREATE FUNCTION loyalty_bring_up(w loyalty_wallet, today date, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    IF w.held > 0 THEN
        w := loyalty_release_due_holds(w, today, at);
    END IF;
    w := loyalty_expire_lots(w, today, at);
    RETURN loyalty_expire_idle(w, at - loyalty_idle_time_at(at), at);
END $$;

-- Whether a key names another act already: NULL, replay (the same body) or conflict.
CREATE FUNCTION loyalty_known_act(in_source bigint, in_key text, in_hash bytea) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key) THEN 'conflict'
                ELSE (SELECT CASE WHEN t.body_hash = in_hash THEN 'replay' ELSE 'conflict' END FROM loyalty_transfer t
                       WHERE t.source_id = in_source AND t.client_key = in_key ORDER BY t.seq LIMIT 1) END
$$;
