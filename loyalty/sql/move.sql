-- Goodwill, corrections and redemptions: points put into or taken out of one wallet by a named act.
--
-- `amount` above zero gives points that may be spent until `until`; below zero it takes them, earliest lot first, expired
-- ones never. outcome: recorded, replay, conflict, no_member, too_few (then `available` is what there was, nothing moved).
CREATE FUNCTION loyalty_move_points(
    in_currency smallint, in_source bigint, in_key text, in_hash bytea, member bigint, amount bigint, counter_account smallint,
    until date, in_reason text, in_note text, in_user bigint, at timestamptz, today date,
    OUT outcome text, OUT wallet_id bigint, OUT version bigint, OUT points bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    act loyalty_transfer;
BEGIN
    IF EXISTS (SELECT FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key) THEN
        outcome := 'conflict';
        RETURN;
    END IF;
    w := loyalty_lock_wallet(in_currency, member);
    IF w.id IS NULL THEN
        outcome := 'no_member';
        RETURN;
    END IF;
    -- Under the lock: a second try of the same act waits for the first, then finds it.
    SELECT CASE WHEN bool_and(t.body_hash = in_hash) THEN 'replay' ELSE 'conflict' END, max(t.wallet_id), max(t.version),
           sum(t.points), (array_agg(t.available_after ORDER BY t.seq DESC))[1]
      INTO outcome, wallet_id, version, points, available
      FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key HAVING count(*) > 0;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;

    w := loyalty_bring_up(w, today, at);
    IF amount < 0 AND loyalty_spendable(w) < -amount THEN
        PERFORM loyalty_save_wallet(w);
        outcome := 'too_few';
        available := loyalty_spendable(w);
        RETURN;
    END IF;
    act.source_id := in_source;
    act.client_key := in_key;
    act.seq := 0;
    act.body_hash := in_hash;
    act.reason := in_reason;
    act.note := in_note;
    act.by_user_id := in_user;
    act.occurred_at := at;
    IF amount < 0 THEN
        w := loyalty_take_from_lots(w, -amount, NULL, counter_account, act);
    ELSE
        w := loyalty_add_to_lot(w, until, amount);
        w.version := w.version + 1;
        INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account,
                                      points, available_after, expires_on, reason, note, by_user_id, occurred_at, posted_at)
        VALUES (w.id, w.version, in_source, in_key, 0, in_hash, counter_account, 10, amount, w.available, until, in_reason,
                in_note, in_user, at, clock_timestamp());
        IF w.is_debt_netted THEN
            w := loyalty_settle_debt(w, act, amount);
        END IF;
    END IF;
    w.active_at := greatest(w.active_at, at);
    PERFORM loyalty_save_wallet(w);
    outcome := 'recorded';
    wallet_id := w.id;
    version := w.version;
    points := abs(amount);
    available := w.available;
END $$;
