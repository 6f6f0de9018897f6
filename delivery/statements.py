"""The outbox's statements. Everything that two workers could quarrel about is decided in one of these."""

WAITING = ("paused", "quiet", "paced")  # verdicts after which a message goes back and is asked about again
UNDER_HOLD = "m.cause = h.cause OR starts_with(m.cause, h.cause || ':')"

# A claim that a crash of the server takes away was not sent: its commit need not wait for the disk.
CLAIM = f"""
WITH hurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), due AS (
  SELECT m.id
    FROM delivery_message m
   WHERE m.stage = 0 AND m.state = 'pending' AND m.due_at <= %(at)s
     AND NOT EXISTS (SELECT FROM delivery_hold h WHERE NOT h.is_cancelled AND ({UNDER_HOLD}))
   ORDER BY m.priority, m.due_at, m.id
   LIMIT %(limit)s
     FOR UPDATE OF m SKIP LOCKED
), noted AS (
  INSERT INTO delivery_claim (worker, lease_until, message_ids)
  SELECT %(worker)s, clock_timestamp() + %(lease)s, array_agg(due.id) FROM due, hurried HAVING count(*) > 0
)
UPDATE delivery_message m
   SET state = 'claimed', claimed_by = %(worker)s, lease_until = clock_timestamp() + %(lease)s
  FROM due
 WHERE m.id = due.id
RETURNING m.priority, m.due_at, m.id, m.channel, m.purpose, m.member_id, m.user_id, m.content, m.values::text
"""  # noqa: S608 (no value of anybody's is put into the text)

SERIALISE_MEMBERS = """
SELECT pg_advisory_xact_lock(hashtextextended('delivery.cap:' || one, 0)) FROM unnest(%(members)s::bigint[]) AS one
"""

# The last word before the first byte: everything that may have changed since planning is asked again, in one statement
# with the commitment to send.
ATTEMPT = """
WITH ready AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(hashes)s::bytea[], %(holds)s::text[], %(resume)s::timestamptz[],
                       %(transports)s::text[]) AS r (id, address_hash, hold, resume_at, transport)
), mine AS (
  SELECT m.id, m.cause, m.channel, m.purpose, m.member_id, m.priority, m.due_at, m.expires_at, ready.address_hash,
         ready.hold, ready.resume_at, ready.transport
    FROM delivery_message m JOIN ready ON ready.id = m.id
   WHERE m.state = 'claimed' AND m.claimed_by = %(worker)s AND m.lease_until > clock_timestamp()
), judged AS MATERIALIZED (  -- so that each question is asked once, not wherever its answer is used
  SELECT m.id, m.cause, m.channel, m.purpose, m.member_id, m.priority, m.due_at, m.resume_at, m.transport,
         CASE
           WHEN EXISTS (SELECT FROM delivery_hold h WHERE h.is_cancelled AND ({under_hold})) THEN 'cancelled'
           WHEN EXISTS (SELECT FROM delivery_hold h WHERE NOT h.is_cancelled AND ({under_hold})) THEN 'paused'
           WHEN m.expires_at < %(at)s THEN 'too_late'
           WHEN m.member_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM ({active}) AS a (id) WHERE a.id = m.member_id) THEN 'not_active'
           WHEN m.address_hash IS NULL THEN 'no_address'
           WHEN EXISTS (SELECT FROM delivery_suppression s
                         WHERE s.channel = m.channel AND s.address_hash = m.address_hash
                           AND (m.purpose <> 'transactional' OR s.reason <> 'complaint')) THEN 'suppressed'
           WHEN m.purpose = 'transactional' THEN coalesce(nullif(m.hold, ''), 'go')
           WHEN m.member_id IS NULL
                OR NOT ({said_yes}) THEN 'no_consent'
           ELSE coalesce(nullif(m.hold, ''), 'go')
         END AS verdict
    FROM mine m
), counted AS (
  SELECT j.id, j.resume_at, j.transport,
         CASE
           WHEN j.verdict <> 'go' OR j.purpose <> 'marketing' OR p.id IS NULL THEN j.verdict
           WHEN open.is_outranked THEN 'outranked'
           WHEN p.hours_between > 0 AND (j.place > 1
                OR greatest(done.last_at, open.last_at) > %(at)s - make_interval(hours => p.hours_between))
             OR j.place + done.contacts + open.contacts > p.marketing_messages_max THEN 'frequency_cap'
           ELSE 'go'
         END AS verdict
    FROM (SELECT *, row_number() OVER (PARTITION BY verdict, purpose, member_id ORDER BY priority, due_at, id) AS place
            FROM judged) AS j
    LEFT JOIN delivery_channelpolicy p ON p.channel = j.channel
    LEFT JOIN LATERAL (  -- what the member got lately by any channel; a cause counts once
      SELECT count(DISTINCT o.cause) FILTER (WHERE o.sent_at > %(at)s - make_interval(days => p.cap_days)) AS contacts,
             max(o.sent_at) AS last_at
        FROM delivery_message o
       WHERE o.member_id = j.member_id AND o.stage = 2 AND o.state = 'sent' AND o.purpose = 'marketing'
         AND o.sent_at > %(at)s - greatest(make_interval(days => p.cap_days), make_interval(hours => p.hours_between))
         AND o.cause <> j.cause
    ) AS done ON j.verdict = 'go' AND j.purpose = 'marketing'
    LEFT JOIN LATERAL (  -- what is on its way to them or may have arrived; and what is more important and due soon
      SELECT count(DISTINCT o.cause) FILTER (
               WHERE o.state IN ('attempting', 'in_doubt') AND o.attempted_at > %(at)s - make_interval(days => p.cap_days)
             ) AS contacts,
             max(o.attempted_at) FILTER (WHERE o.state IN ('attempting', 'in_doubt')) AS last_at,
             coalesce(bool_or(
               o.priority < j.priority AND o.state IN ('pending', 'claimed')
               AND o.due_at <= %(at)s + make_interval(hours => p.hours_between)
               AND NOT EXISTS (SELECT FROM delivery_hold h WHERE {o_under_hold})
             ), false) AS is_outranked
        FROM delivery_message o
       WHERE o.member_id = j.member_id AND o.stage IN (0, 1) AND o.purpose = 'marketing' AND o.cause <> j.cause
    ) AS open ON j.verdict = 'go' AND j.purpose = 'marketing'
)
UPDATE delivery_message m
   SET state = CASE WHEN c.verdict = 'go' THEN 'attempting' WHEN c.verdict IN {waiting} THEN 'pending' ELSE 'skipped' END,
       skip_reason = CASE WHEN c.verdict = 'go' OR c.verdict IN {waiting} THEN '' ELSE c.verdict END,
       due_at = CASE WHEN c.verdict IN ('quiet', 'paced') THEN c.resume_at ELSE m.due_at END,
       transport = CASE WHEN c.verdict = 'go' THEN c.transport ELSE m.transport END,
       claimed_by = CASE WHEN c.verdict = 'go' THEN m.claimed_by ELSE '' END,
       lease_until = CASE WHEN c.verdict = 'go' THEN clock_timestamp() + %(lease)s END,
       attempts = m.attempts + (c.verdict = 'go')::int,
       attempted_at = CASE WHEN c.verdict = 'go' THEN %(at)s ELSE m.attempted_at END
  FROM counted c
 WHERE m.id = c.id  -- asked once more of the row as it is when it is written: who took it meanwhile has it
   AND m.state = 'claimed' AND m.claimed_by = %(worker)s AND m.lease_until > clock_timestamp()
RETURNING m.id, c.verdict, m.attempts
"""

# A result counts when it belongs to this worker's own attempt, also if a sweeper meanwhile took the worker for dead.
RECORD = """
UPDATE delivery_message m
   SET state = r.state, detail = r.detail, due_at = coalesce(r.due_at, m.due_at),
       sent_at = CASE WHEN r.state = 'sent' THEN %(at)s ELSE m.sent_at END,
       claimed_by = CASE WHEN r.state IN ('pending', 'in_doubt') THEN '' ELSE m.claimed_by END,
       lease_until = CASE WHEN r.state = 'in_doubt' THEN clock_timestamp() + %(grace)s END
  FROM unnest(%(ids)s::bigint[], %(attempts)s::int[], %(states)s::text[], %(details)s::text[], %(due)s::timestamptz[])
       AS r (id, attempt, state, detail, due_at)
 WHERE m.id = r.id AND m.claimed_by = %(worker)s AND m.attempts = r.attempt AND m.state IN ('attempting', 'in_doubt')
RETURNING m.id, m.state
"""

FAIL_UNSENT = """
UPDATE delivery_message m SET state = 'failed', detail = r.detail, claimed_by = '', lease_until = NULL
  FROM unnest(%(ids)s::bigint[], %(details)s::text[]) AS r (id, detail)
 WHERE m.id = r.id AND m.claimed_by = %(worker)s AND m.state = 'claimed'
RETURNING m.id
"""

RELEASE = """
UPDATE delivery_message SET state = 'pending', claimed_by = '', lease_until = NULL
 WHERE id = ANY(%(ids)s) AND claimed_by = %(worker)s AND state = 'claimed'
"""

# Messages of claims whose lease ran out, and that are still in the hands of who claimed them. An attempt renews the lease
# of its message, not of the claim.
LATE = """
  SELECT m.id, m.claimed_by
    FROM delivery_claim c CROSS JOIN LATERAL unnest(c.message_ids) AS one (id)
    JOIN delivery_message m ON m.id = one.id AND m.claimed_by = c.worker
   WHERE c.lease_until < clock_timestamp() AND m.lease_until < clock_timestamp()
"""

RELEASE_EXPIRED = f"""
UPDATE delivery_message m SET state = 'pending', claimed_by = '', lease_until = NULL
  FROM ({LATE} AND m.state = 'claimed' ORDER BY m.id FOR UPDATE OF m SKIP LOCKED) AS late
 WHERE m.id = late.id
"""  # noqa: S608

DEAD_WORKERS = f"""
SELECT worker
  FROM (SELECT late.claimed_by AS worker FROM ({LATE} AND m.state = 'attempting') AS late
         UNION
        SELECT claimed_by FROM delivery_message WHERE stage = 1 AND lease_until < clock_timestamp() AND claimed_by <> '') AS late
 WHERE pg_try_advisory_xact_lock(hashtextextended('delivery.worker:' || worker, 0))
"""  # noqa: S608

DOUBT_OF_THE_DEAD = f"""
UPDATE delivery_message m
   SET state = 'in_doubt', detail = %(detail)s, lease_until = clock_timestamp() + %(grace)s
  FROM ({LATE} AND m.state = 'attempting' AND m.claimed_by = ANY(%(workers)s) ORDER BY m.id FOR UPDATE OF m SKIP LOCKED) AS late
 WHERE m.id = late.id
"""  # noqa: S608

ADOPT_FORGOTTEN = """
INSERT INTO delivery_claim (worker, lease_until, message_ids)
SELECT m.claimed_by, max(m.lease_until), array_agg(m.id)
  FROM delivery_message m
 WHERE m.stage = 0 AND m.state IN ('claimed', 'attempting') AND m.lease_until < clock_timestamp()
   AND NOT EXISTS (SELECT FROM delivery_claim c WHERE c.worker = m.claimed_by)
 GROUP BY m.claimed_by
"""

FORGET_CLAIMS = """
DELETE FROM delivery_claim c
 WHERE c.lease_until < clock_timestamp()
   AND NOT EXISTS (SELECT FROM unnest(c.message_ids) AS one (id) JOIN delivery_message m ON m.id = one.id
                    WHERE m.claimed_by = c.worker AND m.state IN ('claimed', 'attempting'))
"""

SETTLEABLE = """
SELECT id FROM delivery_message
 WHERE stage = 1 AND channel = %(channel)s AND lease_until < clock_timestamp()
   AND (claimed_by = '' OR claimed_by = ANY(%(workers)s))
   AND (%(purpose)s = '' OR purpose = %(purpose)s)
   AND CASE WHEN transport = ANY(%(others)s) THEN transport ELSE %(main)s END = %(transport)s
   AND attempted_at <= coalesce(%(attempted_by)s::timestamptz, 'infinity')
 ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
