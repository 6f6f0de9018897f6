-- Points that begin outside a purchase under a partner's or another system's name: opening balances, partners' points.
--
-- Set-based: many rows, each an act of its own, each wallet locked in order of its id. outcome of a row: recorded, replay,
-- conflict, no_member.
CREATE FUNCTION loyalty_issue_points(
    in_currency smallint, in_source bigint, keys text[], hashes bytea[], members bigint[], amounts bigint[], untils date[],
    from_account smallint, in_reason text, notes text[], at timestamptz, today date
) RETURNS TABLE (place integer, outcome text, wallet_id bigint, version bigint, available bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    one record;
    w loyalty_wallet;
    act loyalty_transfer;
BEGIN
    PERFORM loyalty_open_wallets(in_currency, members);
    FOR one IN SELECT s.*, loyalty_root(v.id) AS wallet
                 FROM unnest(keys, hashes, members, amounts, untils, notes) WITH ORDINALITY
                      AS s (key, hash, member, amount, until, note, place)
                 LEFT JOIN loyalty_wallet v ON v.member_id = s.member AND v.currency_id = in_currency
                ORDER BY wallet, s.place LOOP
        place := one.place;
        wallet_id := one.wallet;
        version := NULL;
        available := NULL;
        IF one.wallet IS NULL THEN
            outcome := 'no_member';
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT * INTO w FROM loyalty_wallet v WHERE v.id = one.wallet FOR UPDATE;
        outcome := loyalty_done_before(in_source, one.key, one.hash);
        IF outcome IS NULL THEN
            act.source_id := in_source;
            act.client_key := one.key;
            act.body_hash := one.hash;
            act.seq := 0;
            act.reason := in_reason;
            act.note := one.note;
            act.occurred_at := at;
            w := loyalty_expire_lots(w, today, at);
            w := loyalty_receive(w, from_account, one.amount, one.until, act);
            PERFORM loyalty_save_wallet(w);
            outcome := 'recorded';
        END IF;
        version := w.version;
        available := w.available;
        RETURN NEXT;
    END LOOP;
END $$;

-- Split the points of one act among the partners that fund its cause: whole points, the largest rest first, the house bears what
-- nobody funds. Running it again changes nothing.
CREATE FUNCTION loyalty_fund_act(
    in_source bigint, in_key text, in_kind text, in_cause text, in_points bigint, at timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    given bigint;
BEGIN
    INSERT INTO loyalty_funding (source_id, client_key, partner_id, kind, cause, points, occurred_at)
    SELECT in_source, in_key, s.partner_id, in_kind, in_cause, s.points, at
      FROM (SELECT f.partner_id,
                   in_points * f.percent / 100
                   + CASE WHEN row_number() OVER (ORDER BY in_points * f.percent % 100 DESC, f.partner_id)
                               <= in_points * sum(f.percent) OVER () / 100 - sum(in_points * f.percent / 100) OVER ()
                          THEN 1 ELSE 0 END AS points
              FROM loyalty_funder f WHERE f.cause = in_cause) s
     WHERE s.points > 0
        ON CONFLICT DO NOTHING;
    SELECT coalesce(sum(f.points), 0) INTO given
      FROM loyalty_funding f WHERE f.source_id = in_source AND f.client_key = in_key AND f.kind = in_kind;
    RETURN given;
END $$;
