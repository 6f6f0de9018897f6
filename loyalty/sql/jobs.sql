-- What time does to wallets. Each job locks one wallet after the other, by id, and finds nothing left on its second run.

CREATE FUNCTION loyalty_expire_points(at timestamptz, today date, OUT wallets bigint, OUT points bigint)
LANGUAGE plpgsql AS $$
DECLARE
    due bigint;
    w loyalty_wallet;
    before bigint;
BEGIN
    wallets := 0;
    points := 0;
    FOR due IN SELECT v.id FROM loyalty_wallet v WHERE v.lot_expires_on[1] < today ORDER BY v.id LOOP
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = due FOR UPDATE;
        CONTINUE WHEN NOT w.lot_expires_on[1] < today;
        before := w.available;
        w := loyalty_expire_lots(w, today, at);
        PERFORM loyalty_save_wallet(w);
        wallets := wallets + 1;
        points := points + before - w.available;
    END LOOP;
END $$;

-- Give entitlements, many at once; one that was given for the same cause before stays as it is.
CREATE FUNCTION loyalty_entitle(
    in_currency smallint, members bigint[], categories bigint[], benefits text[], amounts integer[], uses integer[],
    starts timestamptz[], ends timestamptz[], causes text[], OUT given bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM loyalty_open_wallets(in_currency, members);
    INSERT INTO loyalty_entitlement (public_id, member_id, category_id, benefit, amount, uses_left, valid_from, valid_until, cause)
    SELECT gen_random_uuid(), said.member, said.category, said.benefit, said.amount, said.uses, said.starts, said.ends, said.cause
      FROM unnest(members, categories, benefits, amounts, uses, starts, ends, causes)
           AS said (member, category, benefit, amount, uses, starts, ends, cause)
     ORDER BY said.member, said.cause
        ON CONFLICT (member_id, cause) DO NOTHING;
    GET DIAGNOSTICS given = ROW_COUNT;
    PERFORM FROM loyalty_wallet w WHERE w.member_id = ANY (members) AND w.currency_id = in_currency ORDER BY w.id FOR UPDATE;
    UPDATE loyalty_wallet w SET entitled_until = greatest(w.entitled_until, last.valid_until)
      FROM (SELECT said.member, max(said.ends) AS valid_until FROM unnest(members, ends) AS said (member, ends) GROUP BY 1) last
     WHERE w.member_id = last.member AND w.currency_id = in_currency
       AND (w.entitled_until IS NULL OR w.entitled_until < last.valid_until);
END $$;
