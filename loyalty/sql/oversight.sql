-- Stop and allow spending from wallets whose promises were found broken.
CREATE FUNCTION loyalty_block_spending(wallets bigint[], at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE loyalty_wallet SET spending_blocked_at = at
     WHERE id IN (SELECT id FROM loyalty_wallet WHERE id = ANY (wallets) AND spending_blocked_at IS NULL ORDER BY id FOR UPDATE)
$$;

CREATE FUNCTION loyalty_allow_spending(wallet bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE loyalty_wallet SET spending_blocked_at = NULL WHERE id = wallet
$$;

-- The digests of one day's transfers (posted in UTC): 256 groups of wallets, each the digest of its rows' digests in the order of
-- wallet and version; a group without rows has the digest of nothing. Every column is named, so that a new one, which older
-- days did not have, never changes what was sealed.
CREATE FUNCTION loyalty_day_digest(of_day date, OUT transfers bigint, OUT bucket_roots bytea[], OUT root bytea)
LANGUAGE sql STABLE AS $$
    WITH rows AS (
        SELECT t.wallet_id, t.version,
               sha256(convert_to(ROW(t.wallet_id, t.version, t.source_id, t.client_key, t.seq, encode(t.body_hash, 'hex'),
                      t.debit_account, t.credit_account, t.points, t.available_after, t.expires_on - date '2000-01-01',
                      t.purchase_id, t.reason, t.note, t.by_user_id, extract(epoch FROM t.occurred_at),
                      extract(epoch FROM t.posted_at))::text, 'UTF8')) AS digest
          FROM loyalty_transfer t
         WHERE t.posted_at >= (of_day::timestamp AT TIME ZONE 'UTC') AND t.posted_at < ((of_day + 1)::timestamp AT TIME ZONE 'UTC')
    ), buckets AS (
        SELECT b.no, count(r.digest) AS transfers,
               sha256(coalesce(string_agg(r.digest, ''::bytea ORDER BY r.wallet_id, r.version), ''::bytea)) AS digest
          FROM generate_series(0, 255) AS b (no) LEFT JOIN rows r ON r.wallet_id % 256 = b.no GROUP BY b.no
    )
    SELECT sum(b.transfers)::bigint, array_agg(b.digest ORDER BY b.no), sha256(string_agg(b.digest, ''::bytea ORDER BY b.no))
      FROM buckets b
$$;
