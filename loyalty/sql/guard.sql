-- What is written in the ledger stays as written: nobody edits it, not even the role that owns the tables.
CREATE FUNCTION loyalty_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are never edited, deleted or truncated. Answer a mistake by an opposite entry.', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER a_ruleset_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_ruleset
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER a_transfer_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER an_award_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_award
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER a_tierchange_is_never_edited BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_tierchange
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();
CREATE TRIGGER a_wallet_is_never_deleted BEFORE DELETE OR TRUNCATE ON loyalty_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse_change();

-- Room on every page for the new version of a wallet, so that an award updates no index (heap-only update).
ALTER TABLE loyalty_wallet SET (fillfactor = 60);
