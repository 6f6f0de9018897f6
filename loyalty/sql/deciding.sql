-- What decides the numbers of an award, for the short way and the general one alike. Each is a single expression, so that
-- PostgreSQL writes it into the statement that calls it.

-- What the tier on this step of the ladder multiplies by, in percent.
CREATE FUNCTION loyalty_percent_of(step integer, tier_percents integer[]) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(tier_percents[step], 100) $$;

-- Micropoints of one purchase: what its lines earn by the tier, fixed bonuses, and what was carried.
CREATE FUNCTION loyalty_earned(base_micropoints bigint, tier_percent integer, extra_micropoints bigint, carried integer) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT extra_micropoints + carried + base_micropoints * tier_percent / 100 $$;

-- The tier of a ladder that asks for points of twelve months only (its steps ascending), for what the window holds.
CREATE FUNCTION loyalty_plain_tier(qualifying bigint, ladder smallint[], ladder_from bigint[]) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$ SELECT ladder[greatest(1, width_bucket(qualifying / 1000000, ladder_from))] $$;

-- Whether a wallet on a step of such a ladder stays there while its window grows from `before` to `after`, in micropoints: it is where
-- its window puts it, and no further step is reached. NULL, which is no, where the ladder asks for more (`ladder_from` is NULL).
CREATE FUNCTION loyalty_stays_on(step integer, before bigint, after bigint, ladder_from bigint[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT (step = 1 OR before >= ladder_from[step] * 1000000)
       AND (after < ladder_from[step + 1] * 1000000 OR step = cardinality(ladder_from))
$$;

-- Months from one month to a later one.
CREATE FUNCTION loyalty_months_until(month date, later date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT 12 * (extract(year FROM later)::integer - extract(year FROM month)::integer)
           + extract(month FROM later)::integer - extract(month FROM month)::integer
$$;

-- One array of months after time moved it on by `months`.
CREATE FUNCTION loyalty_moved_months(counted bigint[], months integer) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS
$$ SELECT (array_fill(0::bigint, ARRAY[least(12, months)]) || counted)[:12] $$;

-- The window of a wallet as it stands in the month that begins on `today`; a new wallet begins with nothing.
CREATE FUNCTION loyalty_window_in(month date, counted bigint[], today date) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN month IS NULL THEN '{0}'::bigint[] ELSE loyalty_moved_months(counted, loyalty_months_until(month, today)) END
$$;

-- The place, among lots in the order of their last days, of the one for points that may be spent until `until`, which is no earlier
-- than the last of them: that one, or the next. NULL where there is an earlier place to look for (loyalty_add_to_lot).
CREATE FUNCTION loyalty_newest_lot(days date[], until date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN days[cardinality(days)] = until THEN cardinality(days)
                WHEN (days[cardinality(days)] > until) IS NOT TRUE THEN cardinality(days) + 1 END
$$;
