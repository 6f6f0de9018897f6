-- Budgets: a cap split into slots, so that many tills take from it without waiting for each other.

-- Take `amount` from the budget of a rule, whole or not at all. The caller's own slot is tried first; when it holds too little
-- all slots are locked in their order and what is missing is gathered. So no more is ever spent than the cap, and nothing is
-- refused while the slots together still hold it. The budget is made, or brought to the rule's newest cap, on the way.
-- Who waited for a slot and then finds too little in it keeps it locked, out of the order in which all are locked next, and two
-- of these block each other: so a slot that may run dry is tried within a block whose end gives the lock back.
CREATE FUNCTION loyalty_take_budget(in_rule text, in_unit text, in_cap bigint, amount bigint, spread bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    slots constant integer := 32;
    own integer := 1 + abs(hashint8(spread)::bigint) % slots;
    kept record;  -- the budget, and what its own slot has left
    wanted bigint := amount;
    has bigint;
    held record;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        SELECT b.id, b.cap, s."left" INTO kept FROM loyalty_budget b LEFT JOIN loyalty_budgetslot s ON s.budget_id = b.id AND s.slot = own
         WHERE b.rule = in_rule AND b.unit = in_unit;
        EXIT WHEN kept.cap = in_cap OR attempt = 2;
        PERFORM loyalty_set_budget(in_rule, in_unit, in_cap, slots);
    END LOOP;
    has := kept."left";
    IF has >= 100 * amount THEN  -- far from dry: no block, which a batch of thousands would feel
        UPDATE loyalty_budgetslot s SET "left" = s."left" - amount
         WHERE s.budget_id = kept.id AND s.slot = own AND s."left" >= amount;
        IF FOUND THEN
            RETURN true;
        END IF;
    ELSIF has >= amount THEN
        BEGIN
            UPDATE loyalty_budgetslot s SET "left" = s."left" - amount
             WHERE s.budget_id = kept.id AND s.slot = own AND s."left" >= amount;
            IF FOUND THEN
                RETURN true;
            END IF;
            RAISE SQLSTATE 'RG002';
        EXCEPTION WHEN SQLSTATE 'RG002' THEN
            NULL;
        END;
    END IF;
    -- What others have not committed yet can only be less: when this is too little, a spent budget costs nobody a lock.
    IF (SELECT sum(s."left") FROM loyalty_budgetslot s WHERE s.budget_id = kept.id) < amount THEN
        RETURN false;
    END IF;
    -- Each statement sees what others have committed meanwhile: first lock, then add up.
    PERFORM FROM loyalty_budgetslot s WHERE s.budget_id = kept.id ORDER BY s.slot FOR UPDATE;
    IF (SELECT sum(s."left") FROM loyalty_budgetslot s WHERE s.budget_id = kept.id) < amount THEN
        RETURN false;
    END IF;
    FOR held IN SELECT s.slot, s."left" AS has FROM loyalty_budgetslot s
                 WHERE s.budget_id = kept.id AND s."left" > 0 ORDER BY s."left" DESC, s.slot LOOP
        UPDATE loyalty_budgetslot s SET "left" = s."left" - least(wanted, held.has)
         WHERE s.budget_id = kept.id AND s.slot = held.slot;
        wanted := wanted - least(wanted, held.has);
        EXIT WHEN wanted = 0;
    END LOOP;
    RETURN true;
END $$;

-- Make a budget, or change its cap: what was spent stays spent, and a cap below it leaves nothing.
CREATE FUNCTION loyalty_set_budget(in_rule text, in_unit text, in_cap bigint, slots integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept loyalty_budget;
    rest bigint;
BEGIN
    INSERT INTO loyalty_budget (rule, unit, cap) VALUES (in_rule, in_unit, 0) ON CONFLICT DO NOTHING;
    SELECT * INTO kept FROM loyalty_budget b WHERE b.rule = in_rule AND b.unit = in_unit FOR UPDATE;
    IF kept.cap = in_cap AND EXISTS (SELECT FROM loyalty_budgetslot s WHERE s.budget_id = kept.id) THEN
        RETURN;  -- another till has done it
    END IF;
    INSERT INTO loyalty_budgetslot (budget_id, slot, "left")
    SELECT kept.id, n, 0 FROM generate_series(1, slots) n ON CONFLICT DO NOTHING;
    PERFORM FROM loyalty_budgetslot s WHERE s.budget_id = kept.id ORDER BY s.slot FOR UPDATE;
    SELECT greatest(0, in_cap - kept.cap + sum(s."left")) INTO rest FROM loyalty_budgetslot s WHERE s.budget_id = kept.id;
    UPDATE loyalty_budgetslot s SET "left" = rest / slots + (s.slot <= rest % slots)::integer WHERE s.budget_id = kept.id;
    UPDATE loyalty_budget b SET cap = in_cap WHERE b.id = kept.id;
END $$;

-- Put back what a refund took from a member.
CREATE FUNCTION loyalty_return_budget(in_rule text, in_unit text, amount bigint, spread bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE loyalty_budgetslot s SET "left" = s."left" + amount
      FROM loyalty_budget b
     WHERE b.rule = in_rule AND b.unit = in_unit AND s.budget_id = b.id AND s.slot = 1 + abs(hashint8(spread)::bigint) % 32
$$;

-- Take all budgets of a rule for so many points: points in all, their cost, points per member. Whole or not at all.
-- `terms` are those of the rule (points_max, money_max, member_max), `member_period` the first day of the member's period,
-- `cost_per_1000` minor units. Money is counted in thousandths of a minor unit.
CREATE FUNCTION loyalty_take_budgets(
    w loyalty_wallet, terms jsonb, points bigint, cost_per_1000 bigint, member_period date, in_rule_set integer, at timestamptz
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    in_rule text := terms ->> 'rule';
    member_max bigint := (terms ->> 'member_max')::bigint;
BEGIN
    IF member_max IS NOT NULL THEN
        IF points + coalesce((SELECT s.units FROM loyalty_rulestate s WHERE s.wallet_id = w.id AND s.term = in_rule || '#member'
                                 AND s.period = member_period), 0) > member_max THEN
            RETURN false;
        END IF;
    END IF;
    IF terms ? 'points_max' AND NOT loyalty_take_budget(in_rule, 'points', (terms ->> 'points_max')::bigint, points, w.id) THEN
        RETURN false;
    END IF;
    IF terms ? 'money_max'
       AND NOT loyalty_take_budget(in_rule, 'money', (terms ->> 'money_max')::bigint * 1000, points * cost_per_1000, w.id) THEN
        IF terms ? 'points_max' THEN
            PERFORM loyalty_return_budget(in_rule, 'points', points, w.id);
        END IF;
        RETURN false;
    END IF;
    IF member_max IS NOT NULL THEN
        INSERT INTO loyalty_rulestate (wallet_id, term, period, ends, rule, rule_set_id, terms, measure, units, shift, changed_at)
        VALUES (w.id, in_rule || '#member', member_period, '9999-12-31', in_rule, in_rule_set, terms, 0, points, 0, at)
            ON CONFLICT ON CONSTRAINT loyalty_rulestate_pkey DO UPDATE SET units = loyalty_rulestate.units + excluded.units, changed_at = at;
    END IF;
    RETURN true;
END $$;

-- The other way round, for points taken back; of a member's own limit, to the newest period.
CREATE FUNCTION loyalty_return_budgets(w loyalty_wallet, terms jsonb, points bigint, cost_per_1000 bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF terms ? 'member_max' THEN
        UPDATE loyalty_rulestate s SET units = greatest(0, s.units - points)
         WHERE s.wallet_id = w.id AND s.term = (terms ->> 'rule') || '#member'
           AND s.period = (SELECT max(n.period) FROM loyalty_rulestate n WHERE n.wallet_id = w.id AND n.term = s.term);
    END IF;
    IF terms ? 'points_max' THEN
        PERFORM loyalty_return_budget(terms ->> 'rule', 'points', points, w.id);
    END IF;
    IF terms ? 'money_max' THEN
        PERFORM loyalty_return_budget(terms ->> 'rule', 'money', points * cost_per_1000, w.id);
    END IF;
END $$;
