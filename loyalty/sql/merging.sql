-- Merging members, and taking a merge apart again.
--
-- The absorbed wallet stays: its awards, its carried part of a point and what its months counted remain its own. Its points and
-- its debt go on to the survivor's wallet through TRANSIT, at once and whatever comes in later (a hold let go, points that
-- mature, a refund's points); a refund of its purchases fetches them back from there. The survivor's months count those of the
-- absorbed too, and so do rules with a memory (merged_rules.sql). So taking it apart is arithmetic: what went on since comes back, and
-- what the absorbed counted is taken off.

-- The wallet that a merged one's points have come to in the end; a wallet that is not merged is its own.
CREATE FUNCTION loyalty_root(wallet bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain (id, next) AS (
        SELECT w.id, w.merged_into_id FROM loyalty_wallet w WHERE w.id = wallet
         UNION ALL
        SELECT w.id, w.merged_into_id FROM chain c JOIN loyalty_wallet w ON w.id = c.next)
    SELECT id FROM chain WHERE next IS NULL
$$;

-- Months of two wallets added (sign 1) or taken off (sign -1), element by element; both stand in the same month.
CREATE FUNCTION loyalty_with_months(a bigint[], b bigint[], sign integer) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(coalesce(x.a, 0) + sign * coalesce(x.b, 0) ORDER BY x.place)
      FROM unnest(a, b) WITH ORDINALITY AS x (a, b, place)
$$;

CREATE FUNCTION loyalty_with_counts(w loyalty_wallet, other loyalty_wallet, sign integer) RETURNS loyalty_wallet
LANGUAGE plpgsql AS $$
BEGIN
    w.qualifying_micropoints := loyalty_with_months(w.qualifying_micropoints, other.qualifying_micropoints, sign);
    IF w.lifetime_qualifying IS NULL OR other.lifetime_qualifying IS NULL THEN  -- counted anew when a tier asks
        w.lifetime_qualifying := NULL;
        w.qualifying_spend_minor := NULL;
        w.qualifying_visits := NULL;
    ELSE
        w.lifetime_qualifying := loyalty_with_months(w.lifetime_qualifying, other.lifetime_qualifying, sign);
        w.qualifying_spend_minor := loyalty_with_months(w.qualifying_spend_minor, other.qualifying_spend_minor, sign);
        w.qualifying_visits := loyalty_with_months(w.qualifying_visits, other.qualifying_visits, sign);
    END IF;
    RETURN w;
END $$;

-- What no transfer says of a wallet's standing.
CREATE FUNCTION loyalty_standing(w loyalty_wallet) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
        'tier_id', w.tier_id, 'tier_since', w.tier_since, 'tier_keeps_until', w.tier_keeps_until,
        'last_purchase_at', w.last_purchase_at, 'entitled_until', w.entitled_until, 'pool_id', w.pool_id, 'pool_percent', w.pool_percent)
$$;

-- Everything a merged wallet can spend goes on to the survivor's.
CREATE FUNCTION loyalty_forward(w loyalty_wallet, at timestamptz) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    survivor loyalty_wallet;
    passed record;
BEGIN
    SELECT * INTO survivor FROM loyalty_wallet v WHERE v.id = w.merged_into_id FOR UPDATE;
    passed := loyalty_pass_on(w, survivor, w.available, NULL, NULL,
                              loyalty_ledger_act(format('forward:%s:%s', w.id, w.version), 'merge', at));
    w := passed.giver;
    survivor := passed.taker;
    PERFORM loyalty_save_wallet(survivor);
    RETURN w;
END $$;

-- Give a wallet a tier outright, and write the change.
CREATE FUNCTION loyalty_put_on_tier(w loyalty_wallet, tier smallint, since timestamptz, keeps_until date, at timestamptz)
RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
BEGIN
    IF tier IS DISTINCT FROM w.tier_id THEN
        INSERT INTO loyalty_tierchange (wallet_id, from_tier_id, to_tier_id, qualifying_points, purchase_id, at)
        VALUES (w.id, w.tier_id, tier, (SELECT coalesce(sum(q), 0)::bigint / 1000000 FROM unnest(w.qualifying_micropoints) q), NULL, at);
        w.tier_id := tier;
    END IF;
    w.tier_since := since;
    w.tier_keeps_until := keeps_until;
    RETURN w;
END $$;

-- Merge every wallet of one member into the other's. Gives back the points that went over.
CREATE FUNCTION loyalty_merge_wallets(in_merge bigint, survivor_member bigint, absorbed_member bigint, at timestamptz, today date)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    one record;
    pair record;
    s loyalty_wallet;
    a loyalty_wallet;
    act loyalty_transfer;
    before jsonb;
    offers bigint[];
    moved bigint := 0;
BEGIN
    WITH carried AS (
        UPDATE loyalty_entitlement e SET member_id = survivor_member
         WHERE e.member_id = absorbed_member
           AND NOT EXISTS (SELECT FROM loyalty_entitlement o WHERE o.member_id = survivor_member AND o.cause = e.cause)
        RETURNING e.id)
    SELECT coalesce(array_agg(id), '{}') INTO offers FROM carried;
    -- Who has no wallet yet gets one now, so that whatever comes to the absorbed member later finds its way.
    PERFORM loyalty_open_wallets(1::smallint, ARRAY[survivor_member, absorbed_member]);
    FOR one IN SELECT v.id, v.currency_id FROM loyalty_wallet v
                WHERE v.member_id = absorbed_member AND v.merged_into_id IS NULL ORDER BY v.currency_id LOOP
        PERFORM loyalty_open_wallets(one.currency_id, ARRAY[survivor_member]);
        pair := loyalty_lock_pair(
            (SELECT v.id FROM loyalty_wallet v WHERE v.member_id = survivor_member AND v.currency_id = one.currency_id), one.id);
        s := pair.first;
        a := pair.second;
        s := loyalty_age_tier(loyalty_expire_lots(s, today, at), today, at);
        a := loyalty_age_tier(loyalty_expire_lots(a, today, at), today, at);
        before := loyalty_standing(s) || jsonb_build_object('pool_id', a.pool_id, 'pool_percent', a.pool_percent);
        act := loyalty_ledger_act(format('merge:%s:%s', in_merge, a.id), 'merge', at);
        INSERT INTO loyalty_walletmerge (merge_id, survivor_id, absorbed_id, absorbed_version, before, after, entitlement_ids)
        VALUES (in_merge, s.id, a.id, a.version, before, '{}', offers);
        offers := '{}';
        PERFORM loyalty_merge_rules(in_merge, s.id, a.id, at);
        moved := moved + a.available;
        pair := loyalty_pass_on(a, s, a.available, NULL, NULL, act);
        a := pair.giver;
        s := pair.taker;
        act.seq := pair.next_seq;
        IF a.debt > 0 THEN
            s := loyalty_owe(s, a.debt, 5::smallint, act);
            act.seq := act.seq + 1;
            a := loyalty_owe(a, -a.debt, 5::smallint, act);
        END IF;
        s := loyalty_with_counts(s, a, 1);
        s.last_purchase_at := greatest(s.last_purchase_at, a.last_purchase_at);
        s.entitled_until := greatest(s.entitled_until, a.entitled_until);
        s := loyalty_regrant(s, at);
        IF (SELECT t.rank FROM loyalty_tier t WHERE t.id = a.tier_id) > (SELECT t.rank FROM loyalty_tier t WHERE t.id = s.tier_id) THEN
            s := loyalty_put_on_tier(s, a.tier_id, at, a.tier_keeps_until, at);  -- kept by grace
        END IF;
        UPDATE loyalty_walletmerge m SET after = loyalty_standing(s) WHERE m.merge_id = in_merge AND m.absorbed_id = a.id;
        PERFORM loyalty_save_wallet(s);
        PERFORM loyalty_save_wallet(a);
        UPDATE loyalty_wallet v SET entitled_until = s.entitled_until WHERE v.id = s.id;
        UPDATE loyalty_wallet v SET merged_into_id = s.id, pool_id = NULL, pool_percent = NULL WHERE v.id = a.id;
    END LOOP;
    RETURN moved;
END $$;

-- What went on from a merged wallet to its survivor since `since`, less what came back: per lot, and as debt (lot NULL). What it
-- got from, or gave back to, a wallet merged into it before is another merge's.
CREATE FUNCTION loyalty_went_on(wallet bigint, survivor bigint, since bigint) RETURNS TABLE (lot date, points bigint)
LANGUAGE sql STABLE AS $$
    SELECT t.expires_on, sum(CASE WHEN t.debit_account = 10 THEN t.points
                                  WHEN t.credit_account = 10 THEN -t.points
                                  WHEN t.credit_account = 13 THEN t.points ELSE -t.points END)::bigint
      FROM loyalty_transfer t
     WHERE t.wallet_id = wallet AND t.version > since AND t.reason = 'merge'
       AND EXISTS (SELECT FROM loyalty_transfer o
                    WHERE o.source_id = t.source_id AND o.client_key = t.client_key AND o.wallet_id = survivor)
     GROUP BY t.expires_on ORDER BY t.expires_on NULLS LAST
$$;

-- Give a wallet back what went on from it. What the survivor no longer has, it owes; lots that are over are not given back.
CREATE FUNCTION loyalty_give_back_merged(
    INOUT s loyalty_wallet, INOUT a loyalty_wallet, since bigint, until date, act loyalty_transfer, today date
) LANGUAGE plpgsql AS $$
DECLARE
    one record;
    passed record;
    part bigint;
    missing bigint := 0;  -- more came back in other lots than had gone on in them
BEGIN
    SELECT coalesce(-sum(g.points), 0) INTO missing FROM loyalty_went_on(a.id, s.id, since) g WHERE g.lot IS NOT NULL AND g.points < 0;
    FOR one IN SELECT * FROM loyalty_went_on(a.id, s.id, since) g WHERE g.lot >= today AND g.points > 0 LOOP
        part := least(missing, one.points);
        missing := missing - part;
        part := one.points - part;
        passed := loyalty_pass_on(s, a, least(part, s.available), one.lot, one.lot, act);
        part := part - (s.available - (passed.giver).available);
        s := passed.giver;
        a := passed.taker;
        act.seq := passed.next_seq;
        IF part > 0 THEN
            s := loyalty_owe(s, part, 5::smallint, act);
            act.seq := act.seq + 1;
            a := loyalty_receive(a, 5::smallint, part, one.lot, act);
            act.seq := act.seq + 1;
        END IF;
    END LOOP;
    missing := missing + coalesce((SELECT g.points FROM loyalty_went_on(a.id, s.id, since) g WHERE g.lot IS NULL), 0);
    IF missing > 0 THEN  -- the absorbed wallet's own debt comes back to it
        a := loyalty_owe(a, missing, 5::smallint, act);
        act.seq := act.seq + 1;
        part := least(missing, s.debt);
        s := loyalty_owe(s, -part, 5::smallint, act);
        act.seq := act.seq + 1;
        s := loyalty_receive(s, 5::smallint, missing - part, until, act);
    END IF;
END $$;

-- Take a merge apart. What belongs to purchases, holds and offers from before the merge goes back with the absorbed wallet; what
-- came after it stays with the survivor. False, and nothing moved, when the survivor has been merged on since.
CREATE FUNCTION loyalty_unmerge_wallets(in_merge bigint, absorbed_member bigint, until date, at timestamptz, today date) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    m loyalty_walletmerge;
    pair record;
    s loyalty_wallet;
    a loyalty_wallet;
    ids bigint[];
BEGIN
    SELECT array_agg(x.id ORDER BY x.id) INTO ids FROM loyalty_walletmerge x WHERE x.merge_id = in_merge AND x.undone_at IS NULL;
    IF EXISTS (SELECT FROM loyalty_walletmerge x JOIN loyalty_wallet v ON v.id = x.survivor_id
                WHERE x.id = ANY (ids) AND v.merged_into_id IS NOT NULL) THEN
        RETURN false;
    END IF;
    FOR m IN SELECT * FROM loyalty_walletmerge x WHERE x.id = ANY (ids) ORDER BY x.id LOOP
        pair := loyalty_lock_pair(m.survivor_id, m.absorbed_id);
        s := pair.first;
        a := pair.second;
        UPDATE loyalty_walletmerge x SET undone_at = at WHERE x.id = m.id;
        UPDATE loyalty_wallet v SET merged_into_id = NULL WHERE v.id = a.id;
        UPDATE loyalty_entitlement e SET member_id = absorbed_member WHERE e.id = ANY (m.entitlement_ids);
        a.merged_into_id := NULL;
        s := loyalty_age_tier(loyalty_expire_lots(s, today, at), today, at);
        pair := loyalty_give_back_merged(s, a, m.absorbed_version, until, loyalty_ledger_act(format('unmerge:%s:%s', in_merge, a.id), 'merge', at), today);
        s := pair.s;
        a := pair.a;
        s := loyalty_with_counts(s, loyalty_move_window(a, today), -1);
        IF loyalty_standing(s) -> 'last_purchase_at' = m.after -> 'last_purchase_at' THEN
            s.last_purchase_at := (m.before ->> 'last_purchase_at')::timestamptz;
        END IF;
        IF loyalty_standing(s) -> 'entitled_until' = m.after -> 'entitled_until' THEN
            UPDATE loyalty_wallet v SET entitled_until = (m.before ->> 'entitled_until')::timestamptz WHERE v.id = s.id;
        END IF;
        s := loyalty_put_on_tier(s, (m.before ->> 'tier_id')::smallint, (m.before ->> 'tier_since')::timestamptz,
                                 (m.before ->> 'tier_keeps_until')::date, at);
        s := loyalty_regrant(s, at);
        a := loyalty_age_tier(a, today, at);
        a := loyalty_regrant(a, at);
        PERFORM loyalty_save_wallet(s);
        PERFORM loyalty_save_wallet(a);
    END LOOP;
    -- Rules last: what they take back may lie in wallets of any currency.
    FOR m IN SELECT * FROM loyalty_walletmerge x WHERE x.id = ANY (ids) AND x.rule_states <> '[]' ORDER BY x.id LOOP
        pair := loyalty_lock_pair(m.survivor_id, m.absorbed_id);
        pair := loyalty_part_rules(m, pair.first, pair.second, until, at, today);
        PERFORM loyalty_save_wallet(pair.s);
        PERFORM loyalty_save_wallet(pair.a);
    END LOOP;
    RETURN true;
END $$;

-- Take off what a refund takes back, from the wallet that earned it and from those it was merged into, and settle their tiers.
CREATE FUNCTION loyalty_uncount(
    w loyalty_wallet, award loyalty_award, refund bigint, base bigint, spend_minor bigint, visits bigint, at timestamptz, today date
) RETURNS loyalty_wallet LANGUAGE plpgsql AS $$
DECLARE
    survivor loyalty_wallet;
    above bigint := w.merged_into_id;
BEGIN
    w := loyalty_age_tier(w, today, at);
    w := loyalty_add_qualifying(w, award.earned_on, -base, -spend_minor, -visits);
    WHILE above IS NOT NULL LOOP
        SELECT * INTO survivor FROM loyalty_wallet v WHERE v.id = above FOR UPDATE;
        survivor := loyalty_age_tier(survivor, today, at);
        survivor := loyalty_add_qualifying(survivor, award.earned_on, -base, -spend_minor, -visits);
        survivor := loyalty_settle_tier(survivor, refund, at);
        PERFORM loyalty_save_wallet(survivor);
        above := survivor.merged_into_id;
    END LOOP;
    RETURN loyalty_settle_tier(w, refund, at);
END $$;
