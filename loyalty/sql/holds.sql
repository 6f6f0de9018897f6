-- Points set aside: held, captured in parts, let go. What is let go returns to the lots it came from, so that a hold comes to
-- the same as spending only what was captured, on the day it was made.
--
-- Lock order: the wallet, then its holds.

-- Let go what a hold still holds, and end it.
CREATE FUNCTION loyalty_release_hold(w loyalty_wallet, hold bigint, ended_as text, act loyalty_transfer, today date)
RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    h loyalty_hold;
BEGIN
    SELECT * INTO STRICT h FROM loyalty_hold x WHERE x.id = hold AND x.state = 'open' FOR UPDATE;
    act.reason := 'release';
    w := loyalty_give_back(w, act, 12, h.lot_expires_on, h.lot_points, today);
    UPDATE loyalty_hold
       SET state = ended_as, ended_at = act.occurred_at, released = points - captured, lot_expires_on = '{}', lot_points = '{}'
     WHERE id = hold;
    RETURN w;
END $$;

CREATE FUNCTION loyalty_release_due_holds(w loyalty_wallet, today date, at timestamptz) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
BEGIN
    FOR due IN SELECT h.id FROM loyalty_hold h
                WHERE h.wallet_id = w.id AND h.state = 'open' AND h.expires_at <= at ORDER BY h.expires_at, h.id LOOP
        w := loyalty_release_hold(w, due, 'expired', loyalty_own_act(format('hold:%s:expired', due), 'release', at), today);
    END LOOP;
    RETURN w;
END $$;

-- The job: every hold that ran out, wallet after wallet. Running it again finds nothing left to do.
CREATE FUNCTION loyalty_release_holds(at timestamptz, today date, OUT wallets bigint, OUT points bigint) LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
    w loyalty_wallet;
    before bigint;
BEGIN
    wallets := 0;
    points := 0;
    FOR due IN SELECT DISTINCT h.wallet_id FROM loyalty_hold h WHERE h.state = 'open' AND h.expires_at <= at ORDER BY 1 LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = due FOR UPDATE;
        before := w.held;
        w := loyalty_release_due_holds(w, today, at);
        PERFORM loyalty_save_wallet(w);
        wallets := wallets + (w.held < before)::integer;
        points := points + before - w.held;
    END LOOP;
END $$;

-- Set points aside, the earliest lot first. outcome: recorded, replay, conflict, no_member, too_few (then `available` is what
-- may be spent).
CREATE FUNCTION loyalty_hold_points(
    in_currency smallint, in_source bigint, in_key text, in_hash bytea, member bigint, amount bigint, until timestamptz,
    in_note text, at timestamptz, today date, OUT outcome text, OUT hold_id bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    act loyalty_transfer;
    lots record;
BEGIN
    w := loyalty_lock_wallet(in_currency, member);
    IF w.id IS NULL THEN
        outcome := 'no_member';
        RETURN;
    END IF;
    outcome := loyalty_known_act(in_source, in_key, in_hash);  -- under the lock: a second try waits for the first
    SELECT h.id INTO hold_id FROM loyalty_hold h WHERE h.source_id = in_source AND h.client_key = in_key;
    IF outcome IS NOT NULL THEN
        available := w.available;
        RETURN;
    END IF;
    w := loyalty_bring_up(w, today, at);
    available := loyalty_spendable(w);
    IF available < amount THEN
        PERFORM loyalty_save_wallet(w);
        outcome := 'too_few';
        RETURN;
    END IF;
    act := loyalty_named_act(in_source, in_key, in_hash, 'hold', in_note, NULL, at);
    SELECT * INTO lots FROM loyalty_split_lots(w.lot_expires_on, w.lot_points, amount);
    w := loyalty_post_lots(w, act, 10, 12, lots.first_days, lots.first_parts);
    w.active_at := greatest(w.active_at, at);
    PERFORM loyalty_save_wallet(w);
    INSERT INTO loyalty_hold (public_id, wallet_id, source_id, client_key, body_hash, points, captured, released, lot_expires_on,
                              lot_points, state, note, held_at, expires_at)
    VALUES (gen_random_uuid(), w.id, in_source, in_key, in_hash, amount, 0, 0, lots.first_days, lots.first_parts, 'open',
            in_note, at, until)
    RETURNING id INTO hold_id;
    outcome := 'recorded';
    available := loyalty_spendable(w);
END $$;

-- Spend a part of what is held, the earliest lot first, and let the rest go if asked. `amount` 0 lets everything go: a void.
-- outcome: recorded, replay, conflict, no_hold, ended (its state says how), too_much (then `points` is what is still held).
CREATE FUNCTION loyalty_end_hold(
    hold uuid, in_source bigint, in_key text, in_hash bytea, amount bigint, lets_go boolean, in_user bigint, in_note text,
    at timestamptz, today date,
    OUT outcome text, OUT hold_id bigint, OUT points bigint, OUT available bigint, OUT ended_as text
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    h loyalty_hold;
    act loyalty_transfer;
    lots record;
BEGIN
    SELECT x.id INTO hold_id FROM loyalty_hold x WHERE x.public_id = hold;
    SELECT v.* INTO w FROM loyalty_hold x JOIN loyalty_wallet v ON v.id = x.wallet_id WHERE x.id = hold_id FOR UPDATE OF v;
    IF w.id IS NULL THEN
        outcome := 'no_hold';
        RETURN;
    END IF;
    outcome := loyalty_known_act(in_source, in_key, in_hash);
    IF outcome IS NOT NULL THEN
        available := loyalty_spendable(w);
        points := (SELECT coalesce(sum(t.points), 0) FROM loyalty_transfer t
                    WHERE t.source_id = in_source AND t.client_key = in_key AND t.debit_account = 12 AND t.credit_account = 2);
        RETURN;
    END IF;
    w := loyalty_bring_up(w, today, at);
    SELECT * INTO h FROM loyalty_hold x WHERE x.id = hold_id FOR UPDATE;
    points := h.points - h.captured - h.released;
    outcome := CASE WHEN h.state <> 'open' THEN 'ended' WHEN amount > points THEN 'too_much' END;
    IF outcome IS NOT NULL THEN
        ended_as := h.state;
        PERFORM loyalty_save_wallet(w);
        RETURN;
    END IF;
    act := loyalty_named_act(in_source, in_key, in_hash, 'redemption', CASE WHEN in_note = '' THEN h.note ELSE in_note END, in_user, at);
    IF amount > 0 THEN
        SELECT * INTO lots FROM loyalty_split_lots(h.lot_expires_on, h.lot_points, amount);
        w := loyalty_post_lots(w, act, 12, 2, lots.first_days, lots.first_parts);
        UPDATE loyalty_hold
           SET captured = captured + amount, lot_expires_on = lots.days, lot_points = lots.parts,
               state = CASE WHEN amount = points THEN 'captured' ELSE 'open' END,
               ended_at = CASE WHEN amount = points THEN at END
         WHERE id = hold_id;
    END IF;
    IF lets_go AND amount < points THEN
        w := loyalty_release_hold(w, hold_id, CASE WHEN h.captured + amount > 0 THEN 'captured' ELSE 'voided' END, act, today);
    END IF;
    w.active_at := CASE WHEN amount > 0 THEN greatest(w.active_at, at) ELSE w.active_at END;
    PERFORM loyalty_save_wallet(w);
    outcome := 'recorded';
    points := amount;
    available := loyalty_spendable(w);
END $$;
