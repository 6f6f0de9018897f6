"""A generated programme of a year to ask audiences of: members, receipts, lines of the last quarter, messages and what came of them.

Made set-based by the owner, once, piece by piece, and kept. Left out to spare disk: keys that only writers need.
"""

from datetime import UTC, datetime, timedelta

from bench import _scratch as scratch

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAYS, LINE_DAYS = 365, 92
MEMBERS, PURCHASES, MESSAGES, EVENTS = 1_000_000, 12_000_000, 3_000_000, 8_000_000
CATEGORIES, PRODUCTS = 40, 2_000
PIECE = 2_000_000

_UNWRITTEN = (
    "ALTER TABLE sales_purchase DROP CONSTRAINT one_purchase_for_one_client_key, DROP CONSTRAINT sales_purchase_public_id_key",
    "ALTER TABLE sales_purchase DROP CONSTRAINT sales_purchase_pkey CASCADE",
    "ALTER TABLE delivery_message DROP CONSTRAINT one_message_for_one_cause_recipient_and_channel",
    "ALTER TABLE delivery_messageevent DROP CONSTRAINT news_of_a_message_is_told_once",
)
_READ = (
    "ALTER TABLE sales_purchase ADD PRIMARY KEY (id)",
    "ALTER TABLE delivery_messageevent ADD CONSTRAINT news_of_a_message_is_told_once UNIQUE (message_id, kind, key)",
)
_BUYER = "1 + floor(%(members)s * power(random(), 1.4))::bigint"
_BEGIN = (
    """INSERT INTO members_member (id, public_id, status, given_name, family_name, language, time_zone, country, lifecycle_stage,
              joined_at, custom_fields, birth_month, birth_day)
       SELECT i, gen_random_uuid(), 'active', '', '', (ARRAY['en', 'zh-hans'])[1 + (random() < 0.3)::int], 'America/New_York', '',
              (ARRAY['new', 'developing', 'loyal', 'at_risk', 'lapsed'])[1 + i %% 5], %(at)s - random() * interval '3 years', '{}',
              1 + i %% 12, 1 + i %% 28
         FROM generate_series(1, %(members)s) AS i""",
    "INSERT INTO sales_source (id, code, name) VALUES (1, 'till', '') ON CONFLICT DO NOTHING",
    "INSERT INTO sales_store (id, code, name, time_zone) SELECT i, 'S' || i, 'Store ' || i, 'America/New_York' FROM generate_series(1, 40) AS i",
    """INSERT INTO sales_category (id, level, path, raw_name, name_en, name_zh, icon)
       SELECT i, 3, 'TYPE ' || i, 'TYPE ' || i, '', '', '' FROM generate_series(1, %(categories)s) AS i""",
    """INSERT INTO sales_product (id, code, name, category_id, brand, is_service, tags)
       SELECT i, 'P' || i, '', 1 + i %% %(categories)s, '', false, '{}' FROM generate_series(1, %(products)s) AS i""",
)
_PURCHASES = f"""
INSERT INTO sales_purchase (id, public_id, source_id, client_key, body_hash, kind, member_id, store_id, purchased_at, recorded_at,
       currency, total_minor)
SELECT i, gen_random_uuid(), 1, i::text, '\\x00', 1, {_BUYER}, 1 + i %% 40, at, at, 'USD',
       100 + exp(7.2 + 0.8 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::bigint
  FROM (SELECT i, %(begin)s::timestamptz + (i::float8 / %(purchases)s) * (%(at)s::timestamptz - %(begin)s::timestamptz) AS at
          FROM generate_series(%(first)s::bigint, %(last)s) AS i) AS drawn
"""
_LINES = """
INSERT INTO sales_purchaseline (purchase_id, line_no, product_id, quantity, unit, total_minor)
SELECT id, 1, 1 + floor(%(products)s * power(random(), 2))::bigint, 1, '', total_minor FROM sales_purchase WHERE purchased_at >= %(lines)s
"""
_MESSAGES = """
INSERT INTO delivery_message (id, cause, channel, purpose, member_id, content, "values", state, skip_reason, detail, priority, due_at,
       transport, claimed_by, attempts, enqueued_at, sent_at)
SELECT i, 'campaign:' || (1 + i / 250000), 'email', 'marketing', 1 + (i::bigint * 7919) %% %(members)s, '', '{}', 'sent', '', '', 5, at, '', '', 1,
       at, at
  FROM (SELECT i, %(begin)s::timestamptz + (i::float8 / %(messages)s) * (%(at)s::timestamptz - %(begin)s::timestamptz) AS at
          FROM generate_series(%(first)s::bigint, %(last)s) AS i) AS drawn
"""
_EVENTS = """
INSERT INTO delivery_messageevent (message_id, kind, key, at, link, is_machine, detail)
SELECT m.id, k.kind, k.key, m.sent_at + k.n * interval '7 minutes', '', random() < 0.05, ''
  FROM delivery_message m
 CROSS JOIN (VALUES (0, 'delivered', ''), (1, 'opened', ''), (2, 'clicked', 'a'), (3, 'clicked', 'b')) AS k (n, kind, key)
 WHERE k.n = 0 OR random() + 0 * m.id < (ARRAY[0.9, 0.45, 0.32])[k.n]
 ORDER BY m.id, k.n LIMIT %(events)s
"""


def programme(part: int = 1):
    """Point Django at the kept programme, or the n-th part of it; what is missing of it is made first."""
    name = "regulars_bench_people_2" if part == 1 else f"regulars_bench_some_people_2_{part}"
    return scratch.kept(name, *_steps(part), scratch.tidy)


def _steps(part: int) -> list:
    given = {
        "at": AT, "begin": AT - timedelta(days=DAYS), "lines": AT - timedelta(days=LINE_DAYS), "members": MEMBERS // part,
        "purchases": PURCHASES // part, "messages": MESSAGES // part, "events": EVENTS // part, "categories": CATEGORIES, "products": PRODUCTS,
    }  # fmt: skip
    pieces = [(_PURCHASES, piece) for piece in scratch.chunks(PURCHASES // part, PIECE)]
    pieces += [(_LINES, (0, 0))]
    pieces += [(_MESSAGES, piece) for piece in scratch.chunks(MESSAGES // part, PIECE)]
    pieces += [(_EVENTS, (0, 0))]
    return [
        scratch.Whole(_begin, given=given),
        *[scratch.Whole(scratch.fill, statement=one, given=given | {"first": low, "last": high}) for one, (low, high) in pieces],
        scratch.Whole(_finish),
    ]  # fmt: skip


def _begin(db, *, given: dict):
    scratch.put_off(db, "sales_purchase", "sales_purchaseline", "delivery_message", "delivery_messageevent")
    for statement in _UNWRITTEN:
        db.execute(statement)
    for statement in _BEGIN:
        db.execute(statement, given)


def _finish(db):
    db.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for statement in _READ:
        db.execute(statement)
    scratch.make(db)
