-- What decides the numbers of an award, for the short way and the general one alike. Each is a single expression, so that
-- PostgreSQL writes it into the statement that calls it.

-- What the wallet's tier multiplies by, in percent.
CREATE FUNCTION loyalty_percent_of(tier smallint, ladder smallint[], tier_percents integer[]) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(tier_percents[array_position(ladder, tier)], 100) $$;

-- Micropoints of one purchase: what its lines earn by the tier, fixed bonuses, and what was carried.
CREATE FUNCTION loyalty_earned(base_micropoints bigint, tier_percent integer, extra_micropoints bigint, carried integer) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT extra_micropoints + carried + base_micropoints * tier_percent / 100 $$;

-- The tier of a ladder that asks for points of twelve months only (its steps ascending), for what the window holds.
CREATE FUNCTION loyalty_plain_tier(qualifying bigint, ladder smallint[], ladder_from bigint[]) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$ SELECT ladder[greatest(1, width_bucket(qualifying / 1000000, ladder_from))] $$;

-- The window of a wallet as it stands in the month that begins on `today`; a new wallet begins with nothing.
CREATE FUNCTION loyalty_window_in(month date, counted bigint[], today date) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN month IS NULL THEN '{0}'::bigint[]
                ELSE (array_fill(0::bigint, ARRAY[least(12, 12 * (extract(year FROM today)::integer - extract(year FROM month)::integer)
                      + extract(month FROM today)::integer - extract(month FROM month)::integer)]) || counted)[:12] END
$$;
