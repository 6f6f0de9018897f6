-- Let the planner see tables as they are now. The serving role owns none of them and may not ANALYZE; this function belongs to
-- the owner and does nothing else, on every version of PostgreSQL.
CREATE FUNCTION refresh_statistics(tables text[]) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('ANALYZE %I', name);
    END LOOP;
END $$;
