"""Keep running sums: begin them, fold in what is settled, drop them when they are no longer asked for."""

from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from campaigns import margins
from campaigns.bulk import in_bulk
from campaigns.tallies.models import DAYS, Tally, TallyMark
from members.statistics import refresh_statistics

MEMBERS_MIN = 10_000
"""Experiments with fewer assigned members are read at once without."""

_NOW = """
SELECT coalesce((SELECT max(id) FROM sales_purchase), 0), coalesce((SELECT max(id) FROM experiments_assignment), 0), clock_timestamp(),
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint
"""

# The same sums as the report's own (campaigns/outcomes.py), of one stretch of ids and of posting times. Sums of bigint are numeric, and
# each row of a report would pay for that ten times over: they are cast back, where they fit.
NOT_FOLDED = "AND p.id > %(after_id)s AND p.id <= %(until_id)s"
BOUGHT = f"""
    SELECT p.member_id, sum(p.total_minor)::bigint AS spend, count(*) FILTER (WHERE p.kind = 1) AS orders, max(p.purchased_at) AS newest,
           bit_or(set_bit(0::bit({DAYS}), ((p.purchased_at AT TIME ZONE %(zone)s)::date - (%(begin)s::timestamptz AT TIME ZONE %(zone)s)::date), 1))
               FILTER (WHERE p.kind = 1) AS days
      FROM sales_purchase p
     WHERE p.purchased_at >= %(begin)s AND p.purchased_at < %(end)s AND p.member_id IS NOT NULL
       {NOT_FOLDED}
     GROUP BY p.member_id
"""  # noqa: S608 - joined from constants
MOVED = """
    SELECT w.member_id, max(t.occurred_at) AS newest,
           sum(CASE WHEN t.debit_account = 1 THEN t.points WHEN t.credit_account = 4 THEN -t.points ELSE 0 END)::bigint AS earned,
           sum(CASE WHEN t.credit_account = 2 THEN t.points WHEN t.debit_account = 2 THEN -t.points ELSE 0 END)::bigint AS spent
      FROM loyalty_transfer t JOIN loyalty_wallet w ON w.id = t.wallet_id AND w.currency_id = 1
     WHERE t.posted_at >= greatest(%(begin)s, %(after_posted)s) AND t.posted_at < %(until_posted)s
       AND t.occurred_at >= %(begin)s AND t.occurred_at < %(end)s AND (t.debit_account IN (1, 2) OR t.credit_account IN (2, 4))
       AND w.member_id IS NOT NULL
     GROUP BY w.member_id
"""
NOTHING_BEYOND = "beyond AS (SELECT NULL::bigint AS member_id, 0::bigint AS hundredths WHERE false)"
_BEGIN = f"""
WITH bought AS ({BOUGHT}), moved AS ({MOVED}), {{beyond}}, made AS (
    INSERT INTO campaigns_tally (assignment_id, experiment_id, arm_id, member_id, before_minor, orders_before, visits_before,
                                 spend_minor, orders, days, points_earned, points_spent, beyond_hundredths)
    SELECT a.id, a.experiment_id, a.arm_id, a.member_id, coalesce(l.spend_minor, 0), coalesce(l.orders, 0), coalesce(l.visits, 0),
           coalesce(b.spend, 0), coalesce(b.orders, 0), coalesce(b.days, 0::bit({DAYS})), coalesce(m.earned, 0), coalesce(m.spent, 0),
           coalesce(k.hundredths, 0)
      FROM experiments_assignment a LEFT JOIN campaigns_baseline l ON l.assignment_id = a.id
      LEFT JOIN bought b ON b.member_id = a.member_id LEFT JOIN moved m ON m.member_id = a.member_id
      LEFT JOIN beyond k ON k.member_id = a.member_id
     WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND a.assigned_at < %(end)s
    RETURNING 1
)
SELECT (SELECT count(*) FROM made), greatest((SELECT max(newest) FROM bought), (SELECT max(newest) FROM moved))
"""  # noqa: S608 - joined from constants
_FOLD = f"""
WITH bought AS ({BOUGHT}), moved AS ({MOVED}), {{beyond}}, changed AS (
    UPDATE campaigns_tally t
       SET spend_minor = t.spend_minor + coalesce(n.spend, 0), orders = t.orders + coalesce(n.orders, 0),
           days = t.days | coalesce(n.days, 0::bit({DAYS})), points_earned = t.points_earned + coalesce(n.earned, 0),
           points_spent = t.points_spent + coalesce(n.spent, 0), beyond_hundredths = t.beyond_hundredths + coalesce(n.hundredths, 0)
      FROM (SELECT member_id, b.spend, b.orders, b.days, m.earned, m.spent, k.hundredths
              FROM bought b FULL JOIN moved m USING (member_id) LEFT JOIN beyond k USING (member_id)) n
     WHERE t.experiment_id = %(experiment)s AND t.member_id = n.member_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM changed), greatest((SELECT max(newest) FROM bought), (SELECT max(newest) FROM moved))
"""  # noqa: S608 - joined from constants


def keep(subject, *, end: datetime) -> str:
    """Begin the sums of a campaign, or bring them further: "begun", "noted", "settling", "waiting" or "folded". `end`: of its window.

    What is folded was noted by an earlier run, and every transaction of that time is over: nothing older can still appear.
    """
    said = _keep(subject, end)
    if said == "begun":
        refresh_statistics(Tally)
    return said


@transaction.atomic
def _keep(subject, end: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('campaigns_tally', %s))", [subject.experiment.pk])
        mark = TallyMark.objects.filter(experiment=subject.experiment).first()
        cursor.execute(_NOW)
        newest = cursor.fetchone()
        if mark is not None and not is_placed_as_before(mark, subject):
            drop(subject.experiment.pk)
            mark = None
        if mark is None:
            return _note_first(subject, newest)
        if mark.settles_at is None:
            mark.settles_at = newest[4]
            mark.save()
            return "settling"
        if newest[3] < mark.settles_at:
            return "waiting"
        return _fold(cursor, mark, newest, subject, end)


def is_placed_as_before(mark: TallyMark, subject) -> bool:
    """Whether each product that belonged to no category when it was folded in still belongs to none; asked where margins go by category."""
    return not subject.margins or margins.unplaced(mark.product_id_max)[1] == mark.products_unplaced


def drop(experiment_id: int):
    """Forget an experiment's sums: it has been read for the last time."""
    Tally.objects.filter(experiment=experiment_id).delete()
    TallyMark.objects.filter(experiment=experiment_id).delete()


def _note_first(subject, newest) -> str:
    """A mark of an empty fold: the first real one begins the rows."""
    purchase_id, assignment_id, moment, _oldest, _next = newest
    TallyMark.objects.create(
        experiment=subject.experiment, begin=subject.begin, assignment_id_max=assignment_id, purchase_id=0,
        posted_until=subject.begin, next_purchase_id=purchase_id, next_posted_until=moment,
    )  # fmt: skip
    return "noted"


def _fold(cursor, mark: TallyMark, newest, subject, end: datetime) -> str:
    is_first = not Tally.objects.filter(experiment=mark.experiment_id).exists()
    given = {
        "experiment": mark.experiment_id, "begin": mark.begin, "end": end, "zone": settings.TIME_ZONE,
        "after_id": 0 if is_first else mark.purchase_id, "until_id": mark.next_purchase_id,
        "after_posted": mark.begin if is_first else mark.posted_until, "until_posted": mark.next_posted_until,
    }  # fmt: skip
    # Before the lines are read: a product that is placed meanwhile shows as a difference at the next look.
    placed = margins.unplaced() if subject.margins else (0, 0)
    beyond = margins.BEYOND.format(mine="", which=NOT_FOLDED) if subject.margins else NOTHING_BEYOND
    with in_bulk():
        cursor.execute((_BEGIN if is_first else _FOLD).format(beyond=beyond), given | margins.given(subject))
    _rows, latest = cursor.fetchone()
    mark.purchase_id, mark.posted_until = mark.next_purchase_id, mark.next_posted_until
    mark.next_purchase_id, _assignment, mark.next_posted_until, *_ = newest
    mark.newest_at = max(filter(None, [mark.newest_at, latest]), default=None)
    mark.settles_at = None
    mark.product_id_max, mark.products_unplaced = placed
    mark.save()
    return "begun" if is_first else "folded"
