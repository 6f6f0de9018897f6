-- What time does to wallets. Each job locks one wallet after the other, by id, and finds nothing left on its second run.

CREATE FUNCTION loyalty_expire_points(at timestamptz, today date, OUT wallets bigint, OUT points bigint)
LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
    w loyalty_wallet;
    before bigint;
    active_from timestamptz := at - loyalty_idle_time_at(at);
BEGIN
    wallets := 0;
    points := 0;
    FOR due IN SELECT v.id FROM loyalty_wallet v
                WHERE v.lot_expires_on[1] < today OR (v.available > 0 AND greatest(v.last_purchase_at, v.active_at) < active_from)
                ORDER BY v.id LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = due FOR UPDATE;
        before := w.available;
        w := loyalty_expire_lots(w, today, at);
        w := loyalty_expire_idle(w, active_from, at);
        CONTINUE WHEN w.available = before;
        PERFORM loyalty_save_wallet(w);
        wallets := wallets + 1;
        points := points + before - w.available;
    END LOOP;
END $$;

-- Note, once for each wallet, last day and horizon, whose points expire so many days from now at most. The nearest horizon
-- that fits is noted, so that a job that did not run for a while does not say the same twice. What is new is answered.
CREATE FUNCTION loyalty_notice_expiry(at timestamptz, today date, zone text, horizons integer[])
RETURNS TABLE (notice_id bigint, member_id bigint, last_day date, horizon_days integer, points bigint) LANGUAGE sql AS $$
    WITH due AS (
        SELECT w.id, w.member_id, least(l.day, i.day) AS last_day, sum(l.points)::bigint AS points
          FROM loyalty_wallet w
          CROSS JOIN LATERAL (SELECT ((greatest(w.last_purchase_at, w.active_at) + loyalty_idle_time_at(at) - interval '1 day')
                                      AT TIME ZONE zone)::date AS day) i
          CROSS JOIN unnest(w.lot_expires_on, w.lot_points) AS l (day, points)
         WHERE w.available > 0 AND w.member_id IS NOT NULL AND w.currency_id = 1
           AND least(l.day, i.day) BETWEEN today AND today + (SELECT max(h) FROM unnest(horizons) h)
         GROUP BY 1, 2, 3
    ), made AS (
        INSERT INTO loyalty_expirynotice (wallet_id, last_day, horizon_days, points, at)
        SELECT d.id, d.last_day, (SELECT min(h) FROM unnest(horizons) h WHERE d.last_day <= today + h), d.points,
               loyalty_notice_expiry.at
          FROM due d ORDER BY d.id, d.last_day
            ON CONFLICT (wallet_id, last_day, horizon_days) DO NOTHING
        RETURNING *
    )
    SELECT m.id, w.member_id, m.last_day, m.horizon_days::integer, m.points
      FROM made m JOIN loyalty_wallet w ON w.id = m.wallet_id ORDER BY m.id
$$;

-- Give expired points back: to the lot they expired from while its day is not over, else to one of some days from now. An
-- expiry is reinstated once, within the grace of the policy, and never more of it than refunds left.
-- outcome: recorded, replay, conflict, no_expiry, done (before), too_late, nothing_left.
CREATE FUNCTION loyalty_reinstate(
    in_wallet bigint, expiry bigint, in_source bigint, in_key text, in_hash bytea, in_reason text, in_user bigint,
    at timestamptz, today date, OUT outcome text, OUT points bigint, OUT into_lot date, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    expired loyalty_transfer;
    policy loyalty_spendingpolicy;
    act loyalty_transfer;
BEGIN
    SELECT * INTO w FROM loyalty_wallet v WHERE v.id = in_wallet FOR UPDATE;
    SELECT * INTO expired FROM loyalty_transfer t WHERE t.wallet_id = in_wallet AND t.version = expiry AND t.credit_account = 3;
    IF expired.version IS NULL THEN
        outcome := 'no_expiry';
        RETURN;
    END IF;
    outcome := loyalty_known_act(in_source, in_key, in_hash);
    SELECT r.points, r.into_lot INTO points, into_lot FROM loyalty_reinstatement r
     WHERE r.wallet_id = in_wallet AND r.expiry_version = expiry;
    IF outcome IS NULL AND points IS NOT NULL THEN
        outcome := 'done';
    END IF;
    SELECT * INTO policy FROM loyalty_spendingpolicy p WHERE p.currency_id = w.currency_id;
    IF outcome IS NULL AND expired.occurred_at < at - make_interval(days => policy.grace_days) THEN
        outcome := 'too_late';
    END IF;
    IF outcome IS NULL THEN
        points := least(expired.points, loyalty_expired_of_lot(in_wallet, expired.expires_on));
        outcome := CASE WHEN points = 0 THEN 'nothing_left' END;
    END IF;
    IF outcome IS NOT NULL THEN
        available := loyalty_spendable(w);
        RETURN;
    END IF;
    w := loyalty_bring_up(w, today, at);
    into_lot := CASE WHEN expired.expires_on >= today THEN expired.expires_on ELSE today + policy.reinstated_days END;
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.reason := 'reinstated';
    act.note := in_reason;
    act.by_user_id := in_user;
    act.occurred_at := at;
    w := loyalty_post(w, act, 3, 10, points, into_lot);
    IF w.is_debt_netted THEN
        w := loyalty_settle_debt(w, act, points);
    END IF;
    w.active_at := greatest(w.active_at, at);
    PERFORM loyalty_save_wallet(w);
    INSERT INTO loyalty_reinstatement (wallet_id, expiry_version, lot, into_lot, points, reason, by_user_id, at)
    VALUES (in_wallet, expiry, expired.expires_on, into_lot, points, in_reason, in_user, at);
    outcome := 'recorded';
    available := loyalty_spendable(w);
END $$;

-- Give entitlements, many at once; one that was given for the same cause before stays as it is. `terms` carries what only
-- some benefits have: product_id, currency, max_minor, basket_minor_from, left_minor, needs_code, budget, budget_minor.
CREATE FUNCTION loyalty_entitle(
    in_currency smallint, members bigint[], categories bigint[], benefits text[], amounts integer[], uses integer[],
    starts timestamptz[], ends timestamptz[], causes text[], terms jsonb[], OUT given bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM loyalty_open_wallets(in_currency, members);
    INSERT INTO loyalty_entitlement (public_id, member_id, category_id, benefit, amount, uses_left, valid_from, valid_until, cause,
                                     product_id, currency, max_minor, basket_minor_from, left_minor, needs_code, budget,
                                     budget_minor)
    SELECT gen_random_uuid(), said.member, said.category, said.benefit, said.amount, said.uses, said.starts, said.ends, said.cause,
           (said.terms ->> 'product_id')::bigint, coalesce(said.terms ->> 'currency', ''), (said.terms ->> 'max_minor')::bigint,
           coalesce((said.terms ->> 'basket_minor_from')::bigint, 0), (said.terms ->> 'left_minor')::bigint,
           coalesce((said.terms ->> 'needs_code')::boolean, false), coalesce(said.terms ->> 'budget', ''),
           (said.terms ->> 'budget_minor')::bigint
      FROM unnest(members, categories, benefits, amounts, uses, starts, ends, causes, terms)
           AS said (member, category, benefit, amount, uses, starts, ends, cause, terms)
     ORDER BY said.member, said.cause
        ON CONFLICT (member_id, cause) DO NOTHING;
    GET DIAGNOSTICS given = ROW_COUNT;
    PERFORM FROM loyalty_wallet w WHERE w.member_id = ANY (members) AND w.currency_id = in_currency ORDER BY w.id FOR UPDATE;
    UPDATE loyalty_wallet w SET entitled_until = greatest(w.entitled_until, last.valid_until)
      FROM (SELECT said.member, max(said.ends) AS valid_until FROM unnest(members, ends, benefits) AS said (member, ends, benefit)
             WHERE said.benefit IN ('multiply', 'bonus') GROUP BY 1) last
     WHERE w.member_id = last.member AND w.currency_id = in_currency
       AND (w.entitled_until IS NULL OR w.entitled_until < last.valid_until);
END $$;
