"""What the generated shop of `bench/_shop.py` needs so that every report has something to show, each about as large as such a shop has it.

Members stand at stages and tiers and speak two languages; wallets hold what the ledger says; receipts of the last 91 days have lines;
scores of three kinds, cases, survey answers, a journey's funnel, a year of weekly rankers, a standing control group, a measured campaign.
"""

from datetime import timedelta

from bench import _scratch as scratch
from bench._shop import LAUNCH, NOW, PIECE

TYPES, PRODUCTS, CASES, ANSWERS, ENROLLED, RANKERS = 200, 2_000, 20_000, 60_000, 200_000, 12
LINES_SINCE = NOW - timedelta(days=91)

_MEMBERS = """
UPDATE members_member SET language = CASE WHEN id %% 5 = 0 THEN 'zh-hans' ELSE 'en' END,
       lifecycle_stage = (ARRAY['contact','new','developing','loyal','loyal','at_risk','lapsed','lapsed','won_back','developing'])[1 + id %% 10]
"""
# Points expire on one day here, so that a wallet has one lot.
_WALLETS = """
UPDATE loyalty_wallet w
   SET available = coalesce(t.points, 0), lot_expires_on = CASE WHEN t.points > 0 THEN ARRAY['2027-01-01'::date] ELSE '{}' END,
       lot_points = CASE WHEN t.points > 0 THEN ARRAY[t.points] ELSE '{}' END,
       tier_id = (SELECT (array_agg(id ORDER BY rank))[1 + (CASE WHEN w.id %% 10 = 0 THEN 2 WHEN w.id %% 10 < 4 THEN 1 ELSE 0 END)] FROM loyalty_tier)
  FROM loyalty_wallet v LEFT JOIN (SELECT wallet_id, sum(points)::bigint AS points FROM loyalty_transfer GROUP BY 1) t ON t.wallet_id = v.id
 WHERE v.id = w.id
"""
_GOODS = (
    """INSERT INTO sales_category (id, level, path, raw_name, name_en, name_zh, icon)
       SELECT i, 3, 'Bench > ' || i, 'Type ' || i, 'Type ' || i, '', '' FROM generate_series(1, %(types)s) AS i""",
    """INSERT INTO sales_product (id, code, name, brand, is_service, tags, category_id)
       SELECT i, 'P' || i, 'Product ' || i, '', false, '{}', 1 + i %% %(types)s FROM generate_series(1, %(products)s) AS i""",
)
_LINES = """
INSERT INTO sales_purchaseline (purchase_id, line_no, product_id, quantity, unit, total_minor)
SELECT id, 1, 1 + (id * 7919) %% %(products)s, 1, '', total_minor FROM sales_purchase
 WHERE id BETWEEN %(first)s AND %(last)s AND purchased_at > %(since)s
"""
_SCORES = """
INSERT INTO insights_score (run_id, member_id, value, reason_code, reason_params)
SELECT %(run)s, id, CASE %(kind)s WHEN 'rfm' THEN 100 * (1 + id %% 5) + 10 * (1 + (id / 5) %% 5) + 1 + (id / 25) %% 5
                                  WHEN 'value' THEN exp(7 + 3 * random()) ELSE power(random(), 2) END, '', '{}' FROM members_member
"""
_CARE = (
    """INSERT INTO care_case (public_id, member_id, topic_id, team_id, store_id, channel, status, outcome, subject, receipt, cause, source,
              client_key, opened_at, reply_due_at, close_due_at, first_replied_at, closed_at)
       SELECT gen_random_uuid(), 1 + (i * 104729) %% %(members)s, t.id, t.team_id, 1 + i %% 40,
              (ARRAY['portal','email','form','till','phone'])[1 + i %% 5], CASE WHEN i %% 4 = 0 THEN 'open' ELSE 'closed' END,
              CASE WHEN i %% 4 = 0 THEN '' ELSE 'solved' END, '', '', '', 'bench', i::text, at, at + interval '1 day', at + interval '5 days',
              CASE WHEN i %% 8 > 0 THEN at + (1 + i %% 47) * interval '1 hour' END, CASE WHEN i %% 4 > 0 THEN at + interval '3 days' END
         FROM (SELECT i, %(now)s::timestamptz - (i * 91.0 / %(cases)s) * interval '1 day' AS at FROM generate_series(1, %(cases)s) AS i) AS drawn
         JOIN (SELECT id, team_id, row_number() OVER (ORDER BY id) - 1 AS n, count(*) OVER () AS all_ FROM care_topic) t ON t.n = i %% t.all_""",
    """INSERT INTO care_survey (name, kind, question_en, question_zh, rest_days, valid_days, occasion, wait_hours, is_live)
       VALUES ('Would recommend', 'nps', '', '', 30, 14, '', 2, true), ('Satisfied', 'csat', '', '', 30, 14, '', 2, true) ON CONFLICT DO NOTHING""",
    """INSERT INTO care_invitation (survey_id, member_id, cause, token, invited_at, expires_at)
       SELECT s.id, 1 + (i * 7907) %% %(members)s, 'bench:' || i, 'bench' || i, %(now)s::timestamptz - (i * 365.0 / %(answers)s + 1) * interval '1 day', %(now)s
         FROM generate_series(1, %(answers)s) AS i JOIN care_survey s ON s.name = CASE WHEN i %% 2 = 0 THEN 'Would recommend' ELSE 'Satisfied' END""",
    """INSERT INTO care_answer (invitation_id, score, comment, answered_at)
       SELECT i.id, CASE s.kind WHEN 'nps' THEN (ARRAY[10,9,9,8,7,10,6,9,3,8])[1 + i.id %% 10] ELSE (ARRAY[5,4,5,3,4])[1 + i.id %% 5] END, '', i.invited_at
         FROM care_invitation i JOIN care_survey s ON s.id = i.survey_id WHERE i.cause LIKE 'bench:%%'""",
)
_ENROL = """
INSERT INTO campaigns_enrolment (journey_id, version_id, member_id, round, cause, state, step, due_at, until, arrived_at, entered_at, ended_at, why)
SELECT %(journey)s, %(version)s, id, 1, 'bench', CASE WHEN id %% 10 < 6 THEN 'active' WHEN id %% 10 < 8 THEN 'left' ELSE 'goal' END,
       CASE WHEN id %% 2 = 0 THEN 's1' ELSE 's2' END, '9999-01-01', NULL, %(now)s, %(now)s, CASE WHEN id %% 10 < 6 THEN NULL ELSE %(now)s::timestamptz END, ''
  FROM members_member WHERE id <= %(enrolled)s
"""


def steps(members: int, purchases: int) -> list:
    """The steps that follow those of the shop."""
    given = {
        "now": NOW, "since": LINES_SINCE, "members": members, "types": TYPES, "products": PRODUCTS, "cases": CASES, "answers": ANSWERS,
        "enrolled": min(ENROLLED, members),
    }  # fmt: skip
    lines = [
        scratch.Whole(scratch.fill, statement=_LINES, given=given | {"first": first, "last": last})
        for first, last in scratch.chunks(purchases, PIECE)
    ]
    one_by_one = [(_MEMBERS,), (_WALLETS,), _GOODS, _CARE]
    return [
        *[scratch.Whole(_all, statements=statements, given=given) for statements in one_by_one], *lines,
        *[scratch.Whole(_scores, kind=kind) for kind in ("rfm", "value", "churn")],
        scratch.Whole(_enrol, given=given), _rankers, _control, _measure, scratch.tidy,
    ]  # fmt: skip


def _all(db, *, statements, given: dict):
    for statement in statements:
        db.execute(statement, given)


def _scores(db, *, kind: str):
    run = db.execute(
        """INSERT INTO insights_scorerun (kind, subject, model, status, at, horizon_days, currency, parameters, metrics, code_version, verdict, created_at)
           VALUES (%s, '', 'bench', 'live', %s, 91, 'USD', '{}', '{"auc": 0.74}', '', 'Generated.', %s) RETURNING id""",
        [kind, NOW, NOW],
    ).fetchone()[0]
    db.execute("SELECT setseed(0.5)")
    db.execute(_SCORES, {"run": run, "kind": kind})


def _enrol(db, *, given: dict):
    definition = (
        '{"entry": {"kind": "event", "event": "joined", "which": "", "audience": ""}, "reentry": {"rule": "never"}, "goal": null, "exit": null,'
        ' "steps": [{"id": "s1", "type": "wait", "amount": 1, "unit": "days"}, {"id": "s2", "type": "wait", "amount": 30, "unit": "days"}], "last_id": 2}'
    )
    journey = db.execute(
        """INSERT INTO campaigns_journey (name, status, draft, revision, past, undone, webhook_secret, created_at, updated_at)
           VALUES ('Welcome', 'draft', '{}', 1, '[]', '[]', NULL, %s, %s) RETURNING id""",
        [NOW, NOW],
    ).fetchone()[0]
    version = db.execute(
        "INSERT INTO campaigns_journeyversion (journey_id, number, definition, published_at) VALUES (%s, 1, %s, %s) RETURNING id",
        [journey, definition, NOW],
    ).fetchone()[0]
    db.execute(
        "UPDATE campaigns_journey SET version_id = %s, status = 'live', live_from = %s WHERE id = %s",
        [version, NOW, journey],
    )
    db.execute(_ENROL, given | {"journey": journey, "version": version})


def _rankers(_db):
    """A year of monthly rankers in both slots."""
    from recommender.models import RankerVersion, Slot

    RankerVersion.objects.all().delete()
    for back in range(RANKERS):
        until = NOW - timedelta(days=30 * back)
        for place, slot in enumerate(Slot.values):
            RankerVersion.objects.create(
                slot=slot, ranker="bench", status="retired" if back else "live", artifact="", checksum="", seed=1,
                trained_from=until - timedelta(days=182), trained_until=until, evaluated_until=until + timedelta(days=7),
                metrics={"ndcg": round(0.3 - 0.1 * place - 0.004 * back + 0.01 * (back % 3), 4)}, verdict="Generated.", published_at=until,
            )  # fmt: skip


def _control(_db):
    """A standing control group of five per cent from the campaign's launch, read on its last day."""
    from campaigns import programme_lift
    from experiments import operations as experiments
    from experiments import queries as experimented

    if not experimented.control_at(NOW):
        experiments.open_control(percent=5, starts_at=LAUNCH)
    experiments.keep_control(at=LAUNCH)
    programme_lift.keep(at=NOW)


def _measure(_db):
    from campaigns import operations
    from campaigns.models import Campaign

    operations.measure(campaign=Campaign.objects.get(name="Bench"), at=NOW)
