"""What can set off a campaign or a journey: happenings that other rooms already keep as rows, asked for by time.

Nobody tells us of a purchase; we look. So nothing is lost while we sleep, the till pays nothing for it, and asking twice for the
same hours is harmless, because every happening has a key of its own. Each trigger is one SELECT of member_id, key, occurred_at
for what happened in (after, until]; `settings` are the trigger's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as site
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.conditions import Field, Invalid
from members.models import Member

RECORDED_LATE = timedelta(hours=6)
"""Tills may be offline and files may come at night: so much before `after` is asked again. Keys keep it single."""
DAYS_AT_ONCE = 14
DAYS_AHEAD_MAX = 90
NAME_MAX = 40

Asked = tuple[str, dict]


@dataclass(frozen=True)
class Trigger:
    """One kind of happening. `still` is a condition over an entry `e` asked again when the message is due."""

    code: str
    label: str
    ask: Callable[[dict, datetime, datetime], Asked | None]
    fields: tuple[Field, ...] = ()
    still: str = ""


def happened(code: str, settings: dict, *, after: datetime, until: datetime) -> Asked | None:
    """The statement and its parameters; None when nothing can have happened in between. Raises Invalid for an unknown code."""
    if code not in TRIGGERS:
        raise Invalid(_("There is no such trigger."))
    trigger = TRIGGERS[code]
    return trigger.ask(clean(code, settings), after, until)


def clean(code: str, settings: dict) -> dict:
    """The settings with every field checked and in its own type. Raises Invalid, saying what to change."""
    if code not in TRIGGERS:
        raise Invalid(_("There is no such trigger."))
    return {one.name: _cleaned(one, settings.get(one.name, one.default)) for one in TRIGGERS[code].fields}


def _cleaned(one: Field, value):
    if one.kind != "name":
        return one.clean(value)
    text = str(value).strip()
    if not text or len(text) > NAME_MAX:
        raise Invalid(_("Say which event, in the name the other system gives it."))
    return text


def words(code: str) -> str:
    return str(TRIGGERS[code].label) if code in TRIGGERS else ""


def choices() -> list[tuple[str, str]]:
    return [(one.code, one.label) for one in TRIGGERS.values()]


def _between(after, until, **more) -> dict:
    return {"after": after, "late": after - RECORDED_LATE, "until": until} | more


def _dawned(after: datetime, until: datetime) -> list[date]:
    """The shop's days that began since `after`: what happens on a date is looked for once that date has come."""
    zone = ZoneInfo(site.TIME_ZONE)
    first, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    return [last - timedelta(days=n) for n in range(min((last - first).days, DAYS_AT_ONCE) - 1, -1, -1)]


def _joined(_settings, after, until):
    # Members who are imported joined elsewhere, long ago; who joins at a till that is offline may be some hours late.
    asked = "SELECT id, 'joined', joined_at FROM members_member WHERE joined_at > %(late)s AND joined_at <= %(until)s"
    return asked, _between(after, until)


def _birthday(settings, after, until):
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


def _tier(settings, after, until):
    asked = """
    SELECT w.member_id, 'tier:' || c.id, c.at
      FROM loyalty_tierchange c JOIN loyalty_wallet w ON w.id = c.wallet_id AND w.member_id IS NOT NULL
      JOIN loyalty_tier t ON t.id = c.to_tier_id LEFT JOIN loyalty_tier f ON f.id = c.from_tier_id
     WHERE c.at > %(late)s AND c.at <= %(until)s
       AND CASE WHEN %(way)s = 'up' THEN t.rank > coalesce(f.rank, -1) ELSE t.rank < f.rank END
    """
    return asked, _between(after, until, way=settings["way"])


def _points_expiring(settings, after, until):
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


def _purchase(settings, after, until):
    asked = """
    SELECT p.member_id, 'purchase:' || p.id, p.purchased_at FROM sales_purchase p
     WHERE p.kind = 1 AND p.member_id IS NOT NULL AND p.purchased_at > %(late)s AND p.purchased_at <= %(until)s
       AND p.total_minor >= %(minor)s
    """
    return asked, _between(after, until, minor=settings["spend"] * 100)


def _stage(settings, after, until):
    asked = """
    SELECT s.member_id, 'stage:' || s.id, s.at FROM members_stagechange s
     WHERE s.after = ANY(%(stages)s) AND s.at > %(late)s AND s.at <= %(until)s
    """
    return asked, _between(after, until, stages=settings["stages"])


def _offer_expiring(settings, after, until):
    ahead = timedelta(days=settings["days_before"])
    asked = """
    SELECT e.member_id, 'offer:' || (max(e.valid_until) AT TIME ZONE 'UTC')::date, %(until)s::timestamptz
      FROM loyalty_entitlement e
     WHERE e.uses_left > 0 AND e.valid_until > %(after)s AND e.valid_until <= %(ends)s AND e.valid_from <= %(until)s
     GROUP BY e.member_id
    """
    return asked, {"after": after + ahead, "ends": until + ahead, "until": until}


def _replenishment(settings, after, until):
    days = _dawned(after, until)
    if not days:
        return None
    asked = """
    SELECT s.member_id, 'refill:' || min(s.on), %(until)s::timestamptz
      FROM insights_score s JOIN insights_scorerun r ON r.id = s.run_id AND r.kind = 'replenishment' AND r.status = 'live'
     WHERE s.on = ANY(%(days)s::date[]) GROUP BY s.member_id
    """
    return asked, {"until": until, "days": [day + timedelta(days=settings["days_before"]) for day in days]}


def _visited(_settings, after, until):
    asked = """
    SELECT t.member_id, 'visit:' || (max(t.at) AT TIME ZONE 'UTC')::date, max(t.at) FROM members_touchpoint t
     WHERE t.member_id IS NOT NULL AND t.kind IN ('page', 'search', 'cart') AND t.at > %(late)s AND t.at <= %(until)s
     GROUP BY t.member_id
    """
    return asked, _between(after, until)


def _event(settings, after, until):
    asked = """
    SELECT t.member_id, 'touch:' || t.id, t.at FROM members_touchpoint t
     WHERE t.member_id IS NOT NULL AND t.event = %(event)s AND t.at > %(late)s AND t.at <= %(until)s
     UNION ALL
    SELECT e.member_id, 'event:' || e.id, e.occurred_at FROM loyalty_memberevent e
     WHERE e.event = %(event)s AND e.occurred_at > %(late)s AND e.occurred_at <= %(until)s
    """
    return asked, _between(after, until, event=settings["event"])


def _ways():
    return [("up", _("a higher tier")), ("down", _("a lower tier"))]


def _stages():
    return Member.LifecycleStage.choices


_BEFORE = Field(
    "days_before", pgettext_lazy("a number of days", "days before"), "number", 0, low=0, high=DAYS_AHEAD_MAX
)
_NOTHING_BOUGHT = """
NOT EXISTS (SELECT 1 FROM sales_purchase p WHERE p.member_id = e.member_id AND p.kind = 1
                   AND p.purchased_at >= e.occurred_at AND p.purchased_at <= %(at)s)
"""

TRIGGERS = {
    one.code: one
    for one in (
        Trigger("joined", _("A member joined"), _joined),
        Trigger("birthday", _("It is the member's birthday"), _birthday, (_BEFORE,)),
        Trigger("tier", _("The tier changed"), _tier, (Field("way", pgettext_lazy("after a change", "to"), "choice", "up", _ways),)),
        Trigger(
            "points_expiring",
            _("Points are about to expire"),
            _points_expiring,
            (
                Field("days_before", pgettext_lazy("a number of days", "days before"), "number", 30, low=0, high=DAYS_AHEAD_MAX),
                Field("points", _("at least this many points"), "number", 1, low=1),
            ),
        ),
        Trigger(
            "purchase", _("A purchase was recorded"), _purchase,
            (Field("spend", _("of at least, in whole units of the currency"), "number", 0, low=0),),
        ),
        Trigger(
            "stage", _("The life-cycle stage changed"), _stage,
            (Field("stages", pgettext_lazy("after a change", "to"), "choices", ["at_risk", "lapsed"], _stages),),
        ),
        Trigger(
            "offer_expiring", _("An offer is about to end"), _offer_expiring,
            (Field("days_before", pgettext_lazy("a number of days", "days before"), "number", 2, low=0, high=DAYS_AHEAD_MAX),),
        ),
        Trigger(
            "replenishment", _("Something is about to run out"), _replenishment,
            (Field("days_before", pgettext_lazy("a number of days", "days before"), "number", 2, low=0, high=DAYS_AHEAD_MAX),),
        ),
        Trigger("visited", _("A visit to the shop's site, and nothing bought since"), _visited, still=_NOTHING_BOUGHT),
        Trigger("event", _("Another system tells of it"), _event, (Field("event", _("name of the event"), "name", ""),)),
    )
}  # fmt: skip
