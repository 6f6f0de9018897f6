"""What comes with a day of the calendar or is seen only by looking: asked of the other rooms' tables by time.

Each function gives one SELECT of member_id, key, occurred_at for what came in (after, until], with its parameters by name, or None
when nothing can have come in between; the settings are clean. Asking twice for the same hours is harmless: every one has a key.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as site

DAYS_AT_ONCE = 14
VISITS_LATE = timedelta(hours=6)

NOTHING_BOUGHT = """
NOT EXISTS (SELECT 1 FROM sales_purchase p WHERE p.member_id = e.member_id AND p.kind = 1
                   AND p.purchased_at >= e.occurred_at AND p.purchased_at <= %(at)s)
"""


def _dawned(after: datetime, until: datetime) -> list[date]:
    """The shop's days that began since `after`: what happens on a date is looked for once that date has come."""
    zone = ZoneInfo(site.TIME_ZONE)
    first, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    return [last - timedelta(days=n) for n in range(min((last - first).days, DAYS_AT_ONCE) - 1, -1, -1)]


def birthday(settings, after, until):
    days = _dawned(after, until)
    if not days:
        return None
    meant = [(day, day + timedelta(days=settings["days_before"])) for day in days]
    born = [(day, that.month, that.day, that.year) for day, that in meant]
    # Who was born on 29 February is congratulated on the 28th in other years.
    born += [
        (day, 2, 29, that.year) for day, that in meant if (that.month, that.day) == (2, 28) and not _is_leap(that.year)
    ]
    asked = """
    SELECT m.id, 'birthday:' || b.year, b.dawn
      FROM members_member m
      JOIN unnest(%(dawns)s::timestamptz[], %(months)s::int[], %(days)s::int[], %(years)s::int[]) AS b (dawn, month, day, year)
        ON m.birth_month = b.month AND m.birth_day = b.day
    """
    dawns, months, numbers, years = zip(
        *((_dawn(day), month, number, year) for day, month, number, year in born), strict=True
    )
    return asked, {"dawns": list(dawns), "months": list(months), "days": list(numbers), "years": list(years)}


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _dawn(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(site.TIME_ZONE))


def points_expiring(settings, after, until):
    days = _dawned(after, until)
    if not days:
        return None
    asked = """
    SELECT w.member_id, 'expiring:' || lot.expires_on, %(until)s::timestamptz
      FROM loyalty_wallet w JOIN loyalty_currency c ON c.id = w.currency_id AND c.code = 'points',
           LATERAL unnest(w.lot_expires_on, w.lot_points) AS lot (expires_on, points)
     WHERE w.member_id IS NOT NULL AND lot.expires_on = ANY(%(days)s::date[]) AND lot.points >= %(points)s
    """
    ahead = [day + timedelta(days=settings["days_before"]) for day in days]
    return asked, {"until": until, "days": ahead, "points": settings["points"]}


def offer_expiring(settings, after, until):
    ahead = timedelta(days=settings["days_before"])
    asked = """
    SELECT e.member_id, 'offer:' || (max(e.valid_until) AT TIME ZONE 'UTC')::date, %(until)s::timestamptz
      FROM loyalty_entitlement e
     WHERE e.uses_left > 0 AND e.valid_until > %(after)s AND e.valid_until <= %(ends)s AND e.valid_from <= %(until)s
     GROUP BY e.member_id
    """
    return asked, {"after": after + ahead, "ends": until + ahead, "until": until}


def replenishment(settings, after, until):
    days = _dawned(after, until)
    if not days:
        return None
    asked = """
    SELECT s.member_id, 'refill:' || min(s.on), %(until)s::timestamptz
      FROM insights_score s JOIN insights_scorerun r ON r.id = s.run_id AND r.kind = 'replenishment' AND r.status = 'live'
     WHERE s.on = ANY(%(days)s::date[]) GROUP BY s.member_id
    """
    return asked, {"until": until, "days": [day + timedelta(days=settings["days_before"]) for day in days]}


def visited(_settings, after, until):
    asked = """
    SELECT t.member_id, 'visit:' || (max(t.at) AT TIME ZONE 'UTC')::date, max(t.at) FROM members_touchpoint t
     WHERE t.member_id IS NOT NULL AND t.kind IN ('page', 'search', 'cart') AND t.at > %(late)s AND t.at <= %(until)s
     GROUP BY t.member_id
    """
    return asked, {"late": after - VISITS_LATE, "until": until}
