"""Who stands behind the rows of panels: for each a statement of member ids, by the very bounds the panel counts with.

A row is named by its cells as the reader sees them, so that a link still leads to the same group when the table was read anew.
"""

from datetime import date, timedelta

from django.utils.translation import gettext as _

from insights import queries as scored
from loyalty import queries as loyalty
from members.languages import reads_chinese
from members.models import Member
from reports.calendar import midnight, month_after, months_until
from reports.panels.registry import People, zone_at

ACTIVE_DAYS = SHOP_DAYS = 91
COHORT_MONTHS = 12
WEEKS = 52
NOBODY = "SELECT id AS member_id FROM members_member WHERE false", {}

_BOUGHT = "SELECT member_id FROM sales_purchase WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at >= %(begin)s AND purchased_at < %(end)s AND purchased_at <= %(at)s"


def _first(month: str) -> date:
    return date.fromisoformat(month).replace(day=1)


# -- members -----------------------------------------------------------------------------------------------------------


def _stage(named, _at):
    codes = [code for code, label in Member.LifecycleStage.choices if str(label) == named[0]]
    statement = (
        "SELECT id AS member_id FROM members_member WHERE status = 'active' AND lifecycle_stage = ANY(%(codes)s)"
    )
    return statement, {"codes": codes}


def _active(named, at):
    end = midnight(month_after(_first(named[0])))
    return _BOUGHT, {
        "begin": midnight(month_after(_first(named[0])) - timedelta(days=ACTIVE_DAYS)),
        "end": end,
        "at": at,
    }


_COHORT = """
SELECT member_id FROM sales_purchase WHERE kind = 1 AND member_id IS NOT NULL AND purchased_at >= %(since)s AND purchased_at <= %(at)s
 GROUP BY member_id
HAVING min(purchased_at) >= %(first)s AND min(purchased_at) < %(first_end)s
   AND bool_or(purchased_at >= %(begin)s AND purchased_at < %(end)s)
"""


def _cohort(named, at):
    first = _first(named[0])
    month = month_after(first, int(named[1]))
    return _COHORT, {
        "since": midnight(months_until(at, COHORT_MONTHS + 1)[0]), "at": at, "first": midnight(first),
        "first_end": midnight(month_after(first)), "begin": midnight(month), "end": midnight(month_after(month)),
    }  # fmt: skip


def _rfm(named, _at):
    run = scored.live("rfm")
    statement = "SELECT member_id FROM insights_score WHERE run_id = %(run)s AND value::int / 100 = %(r)s AND (value::int / 10) %% 10 = %(f)s"
    return (statement, {"run": run.pk, "r": int(named[0]), "f": int(named[1])}) if run else NOBODY


_TENTH = """
SELECT member_id FROM (SELECT member_id, ntile(10) OVER (ORDER BY value, id) AS tenth FROM insights_score WHERE run_id = %(run)s) AS cut
 WHERE tenth = %(tenth)s
"""


def _tenth(kind: str):
    def ask(named, _at):
        run = scored.live(kind)
        return (_TENTH, {"run": run.pk, "tenth": int(named[0])}) if run else NOBODY

    return ask


# -- points and tiers --------------------------------------------------------------------------------------------------


def _named_tiers(label: str) -> list[str]:
    return [tier.code for tier, _percent in loyalty.ladder() if label in (tier.name, tier.code)]


_HOLDS = """
SELECT w.member_id FROM loyalty_wallet w JOIN loyalty_tier t ON t.id = w.tier_id
 WHERE w.currency_id = 1 AND w.member_id IS NOT NULL AND t.code = ANY(%(codes)s)
"""


def _tier(named, _at):
    return _HOLDS, {"codes": _named_tiers(named[0])}


_STEPPED = """
SELECT w.member_id FROM loyalty_tierchange c JOIN loyalty_wallet w ON w.id = c.wallet_id
  JOIN loyalty_tier after ON after.id = c.to_tier_id LEFT JOIN loyalty_tier before ON before.id = c.from_tier_id
 WHERE c.at > %(at)s - interval '12 months' AND c.at <= %(at)s AND w.member_id IS NOT NULL
   AND coalesce(before.code, '') = ANY(%(before)s) AND after.code = ANY(%(after)s)
"""


def _step(named, at):
    before = [""] if named[0] == _("none") else _named_tiers(named[0])
    return _STEPPED, zone_at(at, before=before, after=_named_tiers(named[1]))


# -- the shop ----------------------------------------------------------------------------------------------------------

_IN_STORE = """
SELECT p.member_id FROM sales_purchase p JOIN sales_store s ON s.id = p.store_id
 WHERE s.code = %(code)s AND p.member_id IS NOT NULL AND p.purchased_at > %(at)s - %(days)s * interval '1 day' AND p.purchased_at <= %(at)s
"""


def _store(named, at):
    return _IN_STORE, zone_at(at, code=named[0], days=SHOP_DAYS)


TYPE_NAME = (
    "coalesce(nullif(CASE WHEN %(chinese)s THEN c.name_zh ELSE c.name_en END, ''), nullif(c.name_en, ''), c.raw_name)"
)
_OF_TYPE = f"""
SELECT p.member_id FROM sales_category c JOIN sales_product r ON r.category_id = c.id JOIN sales_purchaseline l ON l.product_id = r.id
  JOIN sales_purchase p ON p.id = l.purchase_id
 WHERE {TYPE_NAME} = %(name)s AND p.member_id IS NOT NULL AND p.purchased_at > %(at)s - %(days)s * interval '1 day' AND p.purchased_at <= %(at)s
"""  # noqa: S608 - of constants


def _type(named, at):
    return _OF_TYPE, zone_at(at, name=named[0], days=SHOP_DAYS, chinese=reads_chinese())


def _week(named, at):
    monday = date.fromisoformat(named[0])
    since = max(midnight(monday), at - timedelta(weeks=WEEKS))
    return _BOUGHT, {"begin": since, "end": midnight(monday + timedelta(days=7)), "at": at}


# -- service -----------------------------------------------------------------------------------------------------------

_ASKED = """
SELECT c.member_id FROM care_case c JOIN care_topic t ON t.id = c.topic_id
 WHERE coalesce(nullif(CASE WHEN %(chinese)s THEN t.name_zh END, ''), t.name_en) = %(name)s AND c.member_id IS NOT NULL
   AND c.opened_at > %(at)s - interval '91 days' AND c.opened_at <= %(at)s
"""


def _topic(named, at):
    return _ASKED, zone_at(at, name=named[0], chinese=reads_chinese())


_ANSWERED = """
SELECT i.member_id FROM care_answer a JOIN care_invitation i ON i.id = a.invitation_id JOIN care_survey s ON s.id = i.survey_id
 WHERE s.name = %(survey)s AND a.answered_at >= %(begin)s AND a.answered_at < %(end)s
   AND a.answered_at > %(at)s - interval '13 months' AND a.answered_at <= %(at)s
"""


def _answered(named, at):
    month = _first(named[1])
    return _ANSWERED, {"survey": named[0], "begin": midnight(month), "end": midnight(month_after(month)), "at": at}


STAGE, ACTIVE, COHORT = People(("stage",), _stage), People(("month",), _active), People(("cohort", "later"), _cohort)
RFM = People(("recency", "frequency"), _rfm)
VALUE, CHURN = People(("tenth",), _tenth("value")), People(("tenth",), _tenth("churn"))
TIER, STEP = People(("tier",), _tier), People(("from", "to"), _step)
STORE, TYPE, WEEK = People(("code",), _store), People(("type",), _type), People(("week",), _week)
TOPIC, ANSWER = People(("topic",), _topic), People(("survey", "month"), _answered)
