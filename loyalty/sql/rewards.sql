-- Rewards handed out for points; what they give; vouchers, gift cards and cashback; and paying for a purchase with a wallet.
--
-- Lock order: the member's wallet, then the reward (for its stock), then the wallets it fills. Nobody who holds a reward waits
-- for a wallet that is locked by somebody else: a cashback wallet belongs to the same member, a gift card's is new.

-- Give a member what a reward gives, as an entitlement of theirs. Given for the same cause before: that one.
CREATE FUNCTION loyalty_grant(reward loyalty_reward, member bigint, in_cause text, at timestamptz, until timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
    stores bigint[];
BEGIN
    SELECT array_agg(s.store_id ORDER BY s.store_id) INTO stores FROM loyalty_reward_stores s WHERE s.reward_id = reward.id;
    INSERT INTO loyalty_entitlement (public_id, member_id, category_id, benefit, amount, currency, product_id, max_minor,
                                     basket_minor_from, store_ids, left_minor, needs_code, uses_left, valid_from, valid_until, cause)
    VALUES (gen_random_uuid(), member, reward.category_id, reward.kind, greatest(reward.amount, 1),
            CASE WHEN reward.kind IN ('amount', 'percent') THEN reward.currency ELSE '' END, reward.product_id, reward.max_minor,
            reward.basket_minor_from, stores, CASE WHEN reward.is_partial AND reward.kind = 'amount' THEN reward.amount END,
            reward.kind NOT IN ('multiply', 'bonus'), 1, at, until, in_cause)
        ON CONFLICT (member_id, cause) DO NOTHING
    RETURNING id INTO made;
    IF made IS NULL THEN
        SELECT e.id INTO made FROM loyalty_entitlement e WHERE e.member_id = member AND e.cause = in_cause;
    END IF;
    IF reward.kind IN ('multiply', 'bonus') THEN
        PERFORM loyalty_open_wallets(1::smallint, ARRAY[member]);
        UPDATE loyalty_wallet w SET entitled_until = greatest(w.entitled_until, until)
         WHERE w.member_id = member AND w.currency_id = 1;
    END IF;
    RETURN made;
END $$;

-- Why a member may not have a reward now; NULL: they may. `w` is their locked wallet.
CREATE FUNCTION loyalty_why_not(w loyalty_wallet, reward loyalty_reward, store bigint, at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN NOT reward.is_active OR at < reward.valid_from OR at > reward.valid_until THEN 'no_reward'
        WHEN EXISTS (SELECT FROM loyalty_reward_tiers t WHERE t.reward_id = reward.id)
             AND NOT EXISTS (SELECT FROM loyalty_reward_tiers t WHERE t.reward_id = reward.id AND t.tier_id = w.tier_id) THEN 'other_tier'
        WHEN store IS NOT NULL AND EXISTS (SELECT FROM loyalty_reward_stores s WHERE s.reward_id = reward.id)
             AND NOT EXISTS (SELECT FROM loyalty_reward_stores s WHERE s.reward_id = reward.id AND s.store_id = store) THEN 'other_store'
        WHEN reward.per_member_max <= (
            SELECT count(*) FROM loyalty_redemption r
             WHERE r.wallet_id = w.id AND r.reward_id = reward.id AND r.state = 'granted'
               AND (reward.per_member_days IS NULL OR r.redeemed_at > at - make_interval(days => reward.per_member_days)))
        THEN 'had_enough' END
$$;

-- A wallet for money on a code, filled: sold now, or opened with what another system's card held.
CREATE FUNCTION loyalty_issue_gift_card(
    money text, code_hash bytea, code bytea, last_four text, minor bigint, until date, in_member bigint, act loyalty_transfer,
    OUT card bigint
) LANGUAGE plpgsql AS $$
DECLARE
    w loyalty_wallet;
BEGIN
    INSERT INTO loyalty_wallet (public_id, currency_id, available, pending, held, debt, carry_micropoints, version, lot_expires_on,
                                lot_points, qualifying_micropoints)
    VALUES (gen_random_uuid(), loyalty_currency_id('gift:' || money), 0, 0, 0, 0, 0, 0, '{}', '{}', '{}')
    RETURNING * INTO w;
    IF act.reason IS DISTINCT FROM 'opening' THEN
        act.reason := 'loaded';
    END IF;
    w := loyalty_post(w, act, CASE act.reason WHEN 'opening' THEN 6 ELSE 1 END, 10, minor, until);
    PERFORM loyalty_save_wallet(w);
    INSERT INTO loyalty_giftcard (public_id, wallet_id, member_id, code_hash, code, last_four, currency, issued_minor, valid_until,
                                  is_blocked, issued_at)
    VALUES (gen_random_uuid(), w.id, in_member, code_hash, code, last_four, money, minor, until, false, act.occurred_at)
    RETURNING id INTO card;
END $$;

-- Hand a reward out: take its points, one piece of its stock, and give what it gives. With `code_hash` the benefit gets a code
-- (or the gift card that code); a reward with a pool of codes of its own gives the next of those.
-- outcome: recorded, replay, conflict, no_member, no_reward, other_tier, other_store, had_enough, sold_out, too_few.
CREATE FUNCTION loyalty_redeem_reward(
    in_reward bigint, in_source bigint, in_key text, in_hash bytea, member bigint, store bigint,
    in_code_hash bytea, in_code bytea, in_last_four text, in_user bigint, at timestamptz, today date,
    OUT outcome text, OUT redemption_id bigint, OUT points bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    filled loyalty_wallet;
    reward loyalty_reward;
    act loyalty_transfer;
    lots record;
    entitlement bigint;
    card bigint;
    voucher bigint;
BEGIN
    w := loyalty_lock_wallet(1::smallint, member);
    IF w.id IS NULL THEN
        outcome := 'no_member';
        RETURN;
    END IF;
    SELECT r.id, r.points, CASE WHEN r.body_hash = in_hash THEN 'replay' ELSE 'conflict' END INTO redemption_id, points, outcome
      FROM loyalty_redemption r WHERE r.source_id = in_source AND r.client_key = in_key;
    IF outcome IS NULL AND loyalty_known_act(in_source, in_key, in_hash) IS NOT NULL THEN
        outcome := 'conflict';
    END IF;
    IF outcome IS NOT NULL THEN
        available := loyalty_spendable(w);
        RETURN;
    END IF;
    w := loyalty_bring_up(w, today, at);
    SELECT * INTO reward FROM loyalty_reward r WHERE r.id = in_reward;
    outcome := loyalty_why_not(w, reward, store, at);
    outcome := coalesce(outcome, CASE WHEN loyalty_spendable(w) < reward.points THEN 'too_few' END);
    IF outcome IS NULL AND reward.stock_left IS NOT NULL THEN  -- the last one goes to who gets here first
        UPDATE loyalty_reward r SET stock_left = r.stock_left - 1 WHERE r.id = in_reward AND r.stock_left > 0;
        outcome := CASE WHEN NOT FOUND THEN 'sold_out' END;
    END IF;
    IF outcome IS NOT NULL THEN
        available := loyalty_spendable(w);
        PERFORM loyalty_save_wallet(w);
        RETURN;
    END IF;

    act := loyalty_named_act(in_source, in_key, in_hash, 'redemption', reward.name_en, in_user, at);
    points := reward.points;
    SELECT * INTO lots FROM loyalty_split_lots(w.lot_expires_on, w.lot_points, points);
    w := loyalty_post_lots(w, act, 10, 2, lots.first_days, lots.first_parts);
    w.active_at := greatest(w.active_at, at);
    PERFORM loyalty_save_wallet(w);
    IF reward.kind = 'gift_card' THEN
        card := loyalty_issue_gift_card(reward.currency, in_code_hash, in_code, in_last_four, reward.amount,
                                        today + reward.voucher_days, member, act);
    ELSIF reward.kind = 'cashback' THEN
        filled := loyalty_lock_wallet(loyalty_currency_id('cashback:' || reward.currency), member);
        act.reason := 'loaded';
        filled := loyalty_post(filled, act, 1, 10, reward.amount, today + reward.voucher_days);
        filled.active_at := greatest(filled.active_at, at);
        PERFORM loyalty_save_wallet(filled);
    ELSE
        entitlement := loyalty_grant(reward, member, format('reward:%s:%s', in_source, in_key), at,
                                     at + make_interval(days => reward.voucher_days));
        IF NOT reward.kind IN ('multiply', 'bonus') THEN
            voucher := loyalty_own_voucher(in_reward, entitlement, at);
            IF voucher IS NULL THEN
                INSERT INTO loyalty_voucher (code_hash, code, last_four, entitlement_id, owned_at, is_void)
                VALUES (in_code_hash, in_code, in_last_four, entitlement, at, false);
            END IF;
        END IF;
    END IF;
    INSERT INTO loyalty_redemption (public_id, reward_id, wallet_id, source_id, client_key, body_hash, points, money_minor,
                                    entitlement_id, gift_card_id, state, redeemed_at)
    VALUES (gen_random_uuid(), in_reward, w.id, in_source, in_key, in_hash, points, reward.money_minor, entitlement, card,
            'granted', at)
    RETURNING id INTO redemption_id;
    IF EXISTS (SELECT FROM loyalty_funder f WHERE f.cause = format('reward:%s', in_reward)) THEN
        PERFORM loyalty_fund_act(in_source, in_key, 'redeemed', format('reward:%s', in_reward), points, at);
    END IF;
    outcome := 'recorded';
    available := loyalty_spendable(w);
END $$;

-- The next free code of a reward's pools goes to the owner of an entitlement; NULL when there is none. Codes of another system are
-- in somebody's hands already.
CREATE FUNCTION loyalty_own_voucher(in_reward bigint, entitlement bigint, at timestamptz) RETURNS bigint LANGUAGE sql AS $$
    UPDATE loyalty_voucher SET entitlement_id = entitlement, owned_at = at
     WHERE id = (SELECT v.id FROM loyalty_voucher v JOIN loyalty_voucherpool p ON p.id = v.pool_id
                  WHERE p.reward_id = in_reward AND p.is_active AND p.brought_from = '' AND p.valid_from <= at AND p.valid_until >= at
                    AND v.owned_at IS NULL AND NOT v.is_void
                  ORDER BY v.id LIMIT 1 FOR UPDATE OF v SKIP LOCKED)
    RETURNING id
$$;

-- Take a reward back that was not used: its points return to their lots, its piece to the stock, its code is void.
-- outcome: recorded, replay, conflict, no_redemption, used.
CREATE FUNCTION loyalty_reverse_redemption(
    in_redemption uuid, in_source bigint, in_key text, in_hash bytea, in_user bigint, in_note text, at timestamptz, today date,
    OUT outcome text, OUT redemption_id bigint, OUT points bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    r loyalty_redemption;
    w loyalty_wallet;
    filled loyalty_wallet;
    e loyalty_entitlement;
    reward loyalty_reward;
    act loyalty_transfer;
    lots record;
BEGIN
    SELECT * INTO r FROM loyalty_redemption x WHERE x.public_id = in_redemption;
    IF r.id IS NULL THEN
        outcome := 'no_redemption';
        RETURN;
    END IF;
    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = r.wallet_id FOR UPDATE;
    SELECT * INTO r FROM loyalty_redemption x WHERE x.id = r.id FOR UPDATE;
    SELECT * INTO reward FROM loyalty_reward x WHERE x.id = r.reward_id;
    redemption_id := r.id;
    points := r.points;
    available := loyalty_spendable(w);
    outcome := loyalty_known_act(in_source, in_key, in_hash);
    IF outcome IS NULL AND r.state = 'reversed' THEN
        outcome := 'replay';  -- it is back already, whoever asked
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    act := loyalty_named_act(in_source, in_key, in_hash, 'restored', CASE WHEN in_note = '' THEN reward.name_en ELSE in_note END,
                             in_user, at);
    IF r.entitlement_id IS NOT NULL THEN
        SELECT * INTO e FROM loyalty_entitlement x WHERE x.id = r.entitlement_id FOR UPDATE;
        IF e.uses_left < 1 OR e.left_minor < reward.amount THEN
            outcome := 'used';
            RETURN;
        END IF;
        UPDATE loyalty_entitlement SET uses_left = 0, left_minor = CASE WHEN left_minor IS NOT NULL THEN 0 END WHERE id = e.id;
        UPDATE loyalty_voucher SET is_void = true WHERE entitlement_id = e.id;
    ELSE
        SELECT v.* INTO filled FROM loyalty_wallet v
         WHERE v.id = (SELECT g.wallet_id FROM loyalty_giftcard g WHERE g.id = r.gift_card_id)
            OR (r.gift_card_id IS NULL AND v.member_id = w.member_id AND v.currency_id = loyalty_currency_id('cashback:' || reward.currency))
           FOR UPDATE;
        IF coalesce(filled.available, 0) < reward.amount THEN
            outcome := 'used';
            RETURN;
        END IF;
        SELECT * INTO lots FROM loyalty_split_lots(filled.lot_expires_on, filled.lot_points, reward.amount);
        act.reason := 'correction';
        filled := loyalty_post_lots(filled, act, 10, 4, lots.first_days, lots.first_parts);
        act.reason := 'restored';
        PERFORM loyalty_save_wallet(filled);
        UPDATE loyalty_giftcard SET is_blocked = true WHERE id = r.gift_card_id;
    END IF;
    w := loyalty_bring_up(w, today, at);
    SELECT array_agg(t.expires_on ORDER BY t.seq) AS days, array_agg(t.points ORDER BY t.seq) AS parts INTO lots
      FROM loyalty_transfer t
     WHERE t.source_id = r.source_id AND t.client_key = r.client_key AND t.wallet_id = w.id AND t.debit_account = 10 AND t.credit_account = 2;
    w := loyalty_give_back(w, act, 2, lots.days, lots.parts, today);
    PERFORM loyalty_save_wallet(w);
    UPDATE loyalty_reward SET stock_left = stock_left + 1 WHERE id = reward.id AND stock_left IS NOT NULL;
    UPDATE loyalty_redemption SET state = 'reversed', reversed_at = at WHERE id = r.id;
    INSERT INTO loyalty_funding (source_id, client_key, partner_id, kind, cause, points, occurred_at)  -- partners bear it no more
    SELECT f.source_id, f.client_key, f.partner_id, 'returned', f.cause, f.points, at
      FROM loyalty_funding f WHERE f.source_id = r.source_id AND f.client_key = r.client_key AND f.kind = 'redeemed'
        ON CONFLICT DO NOTHING;
    outcome := 'recorded';
    available := loyalty_spendable(w);
END $$;

-- A code that nobody owns goes to the member who types it first; it gives what its pool's reward gives.
-- outcome: owned (now, or by this member before), taken, no_code, over.
CREATE FUNCTION loyalty_claim_voucher(
    in_hash bytea, member bigint, at timestamptz, OUT outcome text, OUT entitlement_id bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v loyalty_voucher;
    pool loyalty_voucherpool;
    reward loyalty_reward;
    owner bigint;
BEGIN
    SELECT * INTO v FROM loyalty_voucher x WHERE x.code_hash = in_hash FOR UPDATE;
    IF v.id IS NULL OR v.is_void THEN
        outcome := 'no_code';
        RETURN;
    END IF;
    IF v.owned_at IS NOT NULL THEN
        SELECT e.member_id, e.id INTO owner, entitlement_id FROM loyalty_entitlement e WHERE e.id = v.entitlement_id;
        outcome := CASE WHEN owner = member THEN 'owned' ELSE 'taken' END;
        RETURN;
    END IF;
    SELECT * INTO pool FROM loyalty_voucherpool p WHERE p.id = v.pool_id;
    IF NOT pool.is_active OR at < pool.valid_from OR at > pool.valid_until THEN
        outcome := 'over';
        RETURN;
    END IF;
    SELECT * INTO reward FROM loyalty_reward r WHERE r.id = pool.reward_id;
    entitlement_id := loyalty_grant(reward, member, format('voucher:%s', v.id), at, pool.valid_until);
    UPDATE loyalty_voucher x SET entitlement_id = loyalty_claim_voucher.entitlement_id, owned_at = at WHERE x.id = v.id;
    outcome := 'owned';
END $$;

-- Use a benefit on a purchase: once, or a part of an amount that may be used in parts. Answers taken, gone (somebody was
-- faster), or no_budget.
CREATE FUNCTION loyalty_take_benefit(entitlement bigint, minor bigint, at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    used loyalty_entitlement;
BEGIN
    UPDATE loyalty_entitlement e
       SET left_minor = e.left_minor - minor, used_at = at,
           uses_left = CASE WHEN e.left_minor > minor THEN e.uses_left ELSE e.uses_left - 1 END
     WHERE e.id = entitlement AND e.uses_left > 0 AND e.valid_from <= at AND e.valid_until >= at
       AND (e.left_minor IS NULL OR e.left_minor >= minor)
    RETURNING * INTO used;
    IF used.id IS NULL THEN
        RETURN 'gone';
    END IF;
    IF used.budget <> '' AND NOT loyalty_take_budget(used.budget, 'minor', used.budget_minor, minor, used.member_id) THEN
        RETURN 'no_budget';
    END IF;
    RETURN 'taken';
END $$;

-- Pay units out of a wallet for a purchase that is about to be stored, the earliest lot first. outcome: recorded, too_few.
CREATE FUNCTION loyalty_pay(
    in_wallet bigint, in_key text, in_hash bytea, amount bigint, at timestamptz, today date,
    OUT outcome text, OUT available bigint, OUT days date[], OUT parts bigint[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    act loyalty_transfer;
    lots record;
BEGIN
    SELECT * INTO STRICT w FROM loyalty_wallet v WHERE v.id = in_wallet FOR UPDATE;
    w := loyalty_bring_up(w, today, at);
    available := loyalty_spendable(w);
    IF available < amount THEN
        PERFORM loyalty_save_wallet(w);
        outcome := 'too_few';
        RETURN;
    END IF;
    act := loyalty_own_act(in_key, 'payment', at);
    act.body_hash := in_hash;
    SELECT * INTO lots FROM loyalty_split_lots(w.lot_expires_on, w.lot_points, amount);
    w := loyalty_post_lots(w, act, 10, 2, lots.first_days, lots.first_parts);
    w.active_at := greatest(w.active_at, at);
    PERFORM loyalty_save_wallet(w);
    outcome := 'recorded';
    available := loyalty_spendable(w);
    days := lots.first_days;
    parts := lots.first_parts;
END $$;

-- Sell or give a gift card under a client's own key. outcome: recorded, replay, conflict.
CREATE FUNCTION loyalty_sell_gift_card(
    money text, code_hash bytea, code bytea, last_four text, minor bigint, until date, in_member bigint, in_source bigint,
    in_key text, in_hash bytea, at timestamptz, OUT outcome text, OUT card bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    act loyalty_transfer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(format('gift card %s %s', in_source, in_key), 0));  -- a second try waits
    outcome := loyalty_known_act(in_source, in_key, in_hash);
    IF outcome = 'replay' THEN
        SELECT g.id INTO card FROM loyalty_transfer t JOIN loyalty_giftcard g ON g.wallet_id = t.wallet_id
         WHERE t.source_id = in_source AND t.client_key = in_key;
    END IF;
    IF outcome IS NOT NULL THEN
        RETURN;
    END IF;
    act := loyalty_named_act(in_source, in_key, in_hash, NULL, '', NULL, at);
    card := loyalty_issue_gift_card(money, code_hash, code, last_four, minor, until, in_member, act);
    outcome := 'recorded';
END $$;
