"""Read an experiment by its running sums: those, and what is not folded in yet from the tables themselves."""

from datetime import datetime

from django.db import connection

from campaigns import margins
from campaigns.tallies.keeping import BOUGHT, MOVED, NOT_FOLDED, is_placed_as_before
from campaigns.tallies.models import DAYS, TallyMark

_ADDED_LATER = """
SELECT EXISTS (SELECT FROM experiments_assignment WHERE id > %s AND experiment_id = %s AND skipped_reason = '')
    OR NOT EXISTS (SELECT FROM campaigns_tally WHERE experiment_id = %s)
"""

_SOURCE = f"""
WITH bought AS ({BOUGHT}), moved AS ({MOVED}), {{left_us}}, summed AS (
    SELECT t.arm_id, t.member_id, coalesce(least(t.before_minor, %(before_cap)s), 0)::float8 AS spend_before, t.orders_before::float8 AS orders_before,
           t.visits_before::float8 AS visits_before, (t.orders_before > 0)::int::float8 AS buyers_before,
           t.spend_minor + coalesce(b.spend, 0) AS whole, least(t.spend_minor + coalesce(b.spend, 0), %(cap)s)::float8 AS spend, (t.orders + coalesce(b.orders, 0))::float8 AS orders,
           bit_count(CASE WHEN b.days IS NULL THEN t.days ELSE t.days | b.days END)::float8 AS visits,
           (t.points_earned + coalesce(m.earned, 0))::float8 AS points_earned, (t.points_spent + coalesce(m.spent, 0))::float8 AS points_spent
           {{hundredths}}
      FROM campaigns_tally t LEFT JOIN bought b ON b.member_id = t.member_id LEFT JOIN moved m ON m.member_id = t.member_id {{beyond}}
     WHERE t.experiment_id = %(experiment)s
), outcome AS (
    SELECT a.*, CASE WHEN a.orders_before = 0 THEN 0 WHEN a.orders_before < 4 THEN 1 ELSE 2 END AS segment,
           (a.orders > 0)::int::float8 AS buyers, {{kept}} AS margin, {{kept}} - a.points_earned * %(point)s AS net,
           (u.member_id IS NOT NULL)::int::float8 AS withdrew, (s.member_id IS NOT NULL)::int::float8 AS complained {{offers}}
      FROM summed a LEFT JOIN left_us u USING (member_id) LEFT JOIN spoke_up s USING (member_id) {{redeemed}}
)
"""  # noqa: S608 - joined from constants


def source(*, by_category: bool, left_us: str, **of_offers: str) -> str:
    """The WITH clause that ends in `outcome`, with the columns that campaigns/outcomes.py counts for itself."""
    beyond, pieces = "a.hundredths" if by_category else None, {"hundredths": "", "beyond": ""}
    if by_category:
        left_us = f"{margins.BEYOND.format(mine='', which=NOT_FOLDED)}, {left_us}"
        pieces = {
            "hundredths": ", t.beyond_hundredths + coalesce(k.hundredths, 0) AS hundredths",
            "beyond": "LEFT JOIN beyond k ON k.member_id = t.member_id",
        }
    kept = margins.kept(spend="a.whole", capped="a.spend", beyond=beyond)
    return _SOURCE.format(left_us=left_us, kept=kept, **pieces, **of_offers)


def mark_for(subject, *, until: datetime) -> TallyMark | None:
    """How far the sums of this experiment go, if they can serve a reading up to `until`; None: read the tables alone.

    They cannot if something later than `until` is folded in, if members were assigned after they began, beyond their days, or when a
    product has found its category since they were folded.
    """
    if subject.is_staggered or subject.rehearsal_of or (until - subject.begin).days >= DAYS - 1:
        return None
    mark = TallyMark.objects.filter(experiment=subject.experiment, begin=subject.begin).first()
    if mark is None or (mark.newest_at is not None and mark.newest_at >= until):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ADDED_LATER, [mark.assignment_id_max, mark.experiment_id, mark.experiment_id])
        return None if cursor.fetchone()[0] or not is_placed_as_before(mark, subject) else mark


def rest_of(mark: TallyMark) -> dict:
    """The parameters by which `SOURCE` finds what is not folded in."""
    return {
        "after_id": mark.purchase_id, "until_id": 2**62, "after_posted": mark.posted_until, "until_posted": "infinity",
    }  # fmt: skip
