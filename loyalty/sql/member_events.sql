-- What members do that is no purchase, and the days of the year that come by themselves.

-- Record something a member did that is no purchase, and give what rules give for it. The same act again answers the same.
-- outcome: recorded, replay, conflict, no_member, old_rules.
CREATE FUNCTION loyalty_record_event(
    in_currency smallint, latest_rule_set integer, in_source bigint, in_key text, in_hash bytea, member bigint, in_kind text,
    in_hash_of_reference bytea, in_event text, in_subject text, at timestamptz, terms jsonb, calls jsonb, context jsonb,
    OUT outcome text, OUT event_id bigint, OUT wallet_id bigint, OUT member_id bigint, OUT available bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    w loyalty_wallet;
    act loyalty_transfer;
    made loyalty_memberevent;
BEGIN
    IF (SELECT max(r.id) FROM loyalty_ruleset r) <> latest_rule_set THEN
        outcome := 'old_rules';
        RETURN;
    END IF;
    member_id := coalesce(member, (SELECT i.member_id FROM members_identifier i
                                    WHERE i.kind = in_kind AND i.value_hash = in_hash_of_reference));
    w := loyalty_lock_wallet(in_currency, member_id);
    IF w.id IS NULL THEN
        outcome := 'no_member';
        RETURN;
    END IF;
    wallet_id := w.id;
    available := w.available;
    SELECT * INTO made FROM loyalty_memberevent e WHERE e.source_id = in_source AND e.client_key = in_key;
    IF made.id IS NOT NULL THEN
        outcome := CASE WHEN made.body_hash = in_hash AND made.member_id = member_id THEN 'replay' ELSE 'conflict' END;
        event_id := made.id;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM loyalty_transfer t WHERE t.source_id = in_source AND t.client_key = in_key)
       OR EXISTS (SELECT FROM sales_purchase p WHERE p.source_id = in_source AND p.client_key = in_key) THEN
        outcome := 'conflict';
        RETURN;
    END IF;
    INSERT INTO loyalty_memberevent (source_id, client_key, body_hash, member_id, event, subject, occurred_at, recorded_at)
    VALUES (in_source, in_key, in_hash, member_id, in_event, in_subject, at, statement_timestamp()) RETURNING id INTO event_id;
    act.source_id := in_source;
    act.client_key := in_key;
    act.body_hash := in_hash;
    act.occurred_at := at;
    w := loyalty_expire_lots(w, (context ->> 'day')::date, at);
    w := loyalty_apply_terms(w, member_id, act, terms, calls, context, event_id);
    PERFORM loyalty_save_wallet(w);
    available := w.available;
    outcome := 'recorded';
END $$;

-- Members whose occasion of this term falls into days around `today` and who were not told of it yet, with the day that is kept:
-- by their profile, or by the day that was paid for first (29 February is kept on the 28th in common years).
CREATE FUNCTION loyalty_occasions_due(in_source bigint, in_term jsonb, today date, zone text, most integer)
RETURNS TABLE (member_id bigint, kept date) LANGUAGE sql STABLE AS $$
    WITH days AS (
        SELECT d::date AS day, extract(month FROM d)::integer AS month, extract(day FROM d)::integer AS day_of_month,
               extract(month FROM d) = 2 AND extract(day FROM d) = 28
               AND extract(month FROM d + interval '1 day') = 3 AS keeps_leap_day
          FROM generate_series(today - coalesce((in_term ->> 'after')::integer, 0), today + coalesce((in_term ->> 'before')::integer, 0),
                               interval '1 day') d
    ), found AS (
        SELECT m.id, y.day FROM days y JOIN members_member m
            ON m.birth_month = y.month AND (m.birth_day = y.day_of_month OR (y.keeps_leap_day AND m.birth_day = 29))
         WHERE in_term ->> 'begins' = 'birthday' AND m.status = 'active'
         UNION
        SELECT m.id, y.day FROM days y JOIN members_member m
            ON extract(month FROM m.joined_at AT TIME ZONE zone) = y.month
           AND (extract(day FROM m.joined_at AT TIME ZONE zone) = y.day_of_month
                OR (y.keeps_leap_day AND extract(day FROM m.joined_at AT TIME ZONE zone) = 29))
         WHERE in_term ->> 'begins' = 'joining' AND m.status = 'active' AND (m.joined_at AT TIME ZONE zone)::date < y.day
         UNION
        SELECT m.id, y.day FROM days y CROSS JOIN generate_series(1, 3) AS ago
          JOIN loyalty_rulestate s ON s.term = (in_term ->> 'code') AND s.locked IS NOT NULL
                                  AND s.period = (y.day - make_interval(years => ago))::date
          JOIN loyalty_wallet v ON v.id = s.wallet_id
          JOIN members_member m ON m.id = v.member_id AND m.status = 'active')
    SELECT f.id, f.day FROM found f
     WHERE NOT EXISTS (SELECT FROM loyalty_memberevent e
                        WHERE e.source_id = in_source
                          AND e.client_key = format('occasion:%s:%s:%s', in_term ->> 'code', f.id, f.day))
     ORDER BY f.id, f.day LIMIT most
$$;
