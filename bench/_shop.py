"""A generated shop of a year: members, purchases, wallets, points of the last weeks and one campaign. Made once, piece by piece, and kept.

Written set-based by the owner with indexes built afterwards. Left out to spare disk, because no report reads them: the unique keys of
purchases that the till needs, receipt lines, and transfers older than the campaign's window.
"""

from datetime import UTC, datetime, timedelta

from bench import _scratch as scratch

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAYS, WINDOW_DAYS = 365, 28
LAUNCH = NOW - timedelta(days=WINDOW_DAYS)
BEGIN = NOW - timedelta(days=DAYS)
PIECE = 2_000_000

_UNREAD = (
    "ALTER TABLE sales_purchase DROP CONSTRAINT one_purchase_for_one_client_key, DROP CONSTRAINT sales_purchase_public_id_key",
    "ALTER TABLE sales_purchase DROP CONSTRAINT sales_purchase_pkey CASCADE",
    "ALTER TABLE loyalty_transfer DROP CONSTRAINT one_transfer_for_one_cause",
)
_READ = ("sales_purchase_sums_of_member", "sales_purchase_sums_by_time")
# Members buy at habits of their own (a long tail); receipts lie in the order of their time, as tills write them.
_BEGIN = (
    """INSERT INTO members_member (id, public_id, status, given_name, family_name, language, time_zone, country, lifecycle_stage,
              joined_at, custom_fields)
       SELECT i, gen_random_uuid(), 'active', '', '', 'en', 'America/New_York', '', 'active', %(begin)s::timestamptz - interval '1 year', '{}'
         FROM generate_series(1, %(members)s) AS i""",
    "INSERT INTO sales_source (id, code, name) VALUES (1, 'till', '') ON CONFLICT DO NOTHING",
    "INSERT INTO sales_store (id, code, name, time_zone) SELECT i, 'S' || i, 'Store ' || i, 'America/New_York' FROM generate_series(1, 40) AS i ON CONFLICT DO NOTHING",
    """INSERT INTO loyalty_currency (id, code, name) VALUES (1, 'points', 'Points') ON CONFLICT DO NOTHING""",
    """INSERT INTO loyalty_wallet (id, public_id, currency_id, member_id, available, pending, held, debt, carry_micropoints, version,
              lot_expires_on, lot_points, qualifying_micropoints)
       SELECT i, gen_random_uuid(), 1, i, 0, 0, 0, 0, 0, 0, '{}', '{}', '{}' FROM generate_series(1, %(members)s) AS i""",
)
_PURCHASES = """
INSERT INTO sales_purchase (id, public_id, source_id, client_key, body_hash, kind, member_id, store_id, purchased_at, recorded_at,
       currency, total_minor)
SELECT i, gen_random_uuid(), 1, i::text, '\\x00', 1, 1 + floor(%(members)s * power(random(), 1.4))::bigint, 1 + i %% 40, at, at, 'USD',
       100 + exp(7.2 + 0.8 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::bigint
  FROM (SELECT i, %(begin)s::timestamptz + (i::float8 / %(purchases)s) * (%(now)s::timestamptz - %(begin)s::timestamptz) AS at
          FROM generate_series(%(first)s::bigint, %(last)s) AS i) AS drawn
"""
_TRANSFERS = """
INSERT INTO loyalty_transfer (wallet_id, version, source_id, client_key, seq, body_hash, debit_account, credit_account, points,
       available_after, expires_on, purchase_id, reason, note, occurred_at, posted_at)
SELECT member_id, id, 1, client_key, 0, '\\x00', 1, 10, 1 + total_minor / 100, 0, '2027-01-01', id, 'purchase', '', purchased_at, purchased_at
  FROM sales_purchase WHERE purchased_at >= %(launch)s
"""


def shop(*, members: int, purchases: int, more=()):
    """Point Django at the shop of this size; what is missing of it, and of `more` steps, is made first."""
    given = {"begin": BEGIN, "now": NOW, "launch": LAUNCH, "members": members, "purchases": purchases}
    pieces = [
        scratch.Whole(scratch.fill, statement=_PURCHASES, given=given | {"first": first, "last": last})
        for first, last in scratch.chunks(purchases, PIECE)
    ]
    return scratch.kept(
        f"regulars_bench_shop_2_{members}", scratch.Whole(_begin, given=given), *pieces,
        scratch.Whole(scratch.fill, statement=_TRANSFERS, given=given | {"first": 0}), scratch.Whole(_finish),
        lambda _db: campaign(members), scratch.tidy, *more,
    )  # fmt: skip


def _begin(db, *, given: dict):
    scratch.put_off(db, "sales_purchase")
    for statement in _UNREAD:
        db.execute(statement)
    for statement in _BEGIN:
        db.execute(statement, given)


def _finish(db):
    db.execute("SET LOCAL maintenance_work_mem = '512MB'")
    db.execute("ALTER TABLE sales_purchase ADD PRIMARY KEY (id)")
    scratch.make(db, *_READ)
    db.execute("ANALYZE")


def campaign(members: int):
    """A campaign with a tenth held out, assigned, planned and launched as the product does it, without messages."""
    from django.db import transaction

    with transaction.atomic():
        _campaign(members)


def _campaign(members: int):
    from campaigns import plans
    from campaigns.models import Audience, Campaign
    from experiments import operations as experiments
    from members.models import Member

    if Campaign.objects.filter(name="Bench").exists():
        return
    made = experiments.create(
        name="Bench",
        kind="campaign",
        arms=[("Holdout", 0.1, True), ("A", 0.45, False), ("B", 0.45, False)],
        salt="bench",
    )
    experiments.assign(experiment=made, members=Member.objects.all(), at=LAUNCH)
    plans.make(experiment=made, starts_at=LAUNCH, at=LAUNCH, outcome_days=WINDOW_DAYS)
    Campaign.objects.create(
        name="Bench", experiment=made, analysis_seed=1, status="sent", launched_at=LAUNCH, planned_at=LAUNCH, outcome_ends_at=NOW,
        outcome_days=WINDOW_DAYS, offers_buy_again=0, offers_new_for_you=0, audience_size=members,
        audience=Audience.objects.create(name="Everybody", conditions={}),
    )  # fmt: skip
