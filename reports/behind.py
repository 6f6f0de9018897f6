"""From a number to its people: the members behind a row of a panel, and behind an arm of a campaign. No names stand here.

The first two hundred are listed, who spent most in the year before first; all are counted. A group of under ten stays closed to who may not
open members, as its figures do.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import verdicts
from campaigns.models import Campaign
from experiments import queries as experimented
from members import clock
from members.access import Role, has_role
from members.models import Member
from reports import readings
from reports.asking import rows_of
from reports.figures import readers, sees_persons
from reports.panels import PANELS, Panel, read
from reports.panels.tables import SMALL
from reports.templatetags.report_cells import LABELS, NAMED, by_unit
from reports.waiting import begin, patient

SHOWN = 200
NAME_MOST = 110
YEAR = "interval '1 year'"

_LISTED = """
WITH behind AS MATERIALIZED (SELECT DISTINCT member_id FROM ({statement}) AS found), shown AS (
    SELECT m.id, m.public_id FROM members_member m WHERE m.status = 'active' AND m.id IN (SELECT member_id FROM behind) ORDER BY m.id LIMIT {shown}
)
SELECT s.public_id, p.purchases, p.minor, p.last, (SELECT count(*) FROM behind)
  FROM shown s CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE kind = 1) AS purchases, coalesce(sum(total_minor), 0)::bigint AS minor, max(purchased_at) AS last
        FROM sales_purchase WHERE member_id = s.id AND purchased_at > %(moment)s - {year} AND purchased_at <= %(moment)s
  ) AS p ORDER BY 3 DESC, s.id
"""


@dataclass(frozen=True)
class Listed:
    """Members of a group: public id, purchases, spend in minor units and last purchase of each, and how many there are in all."""

    rows: list[tuple[str, int, int, datetime | None]]
    count: int


def listed(statement: str, given: dict, *, at: datetime) -> list[list]:
    """The lines of a group as they can be kept: public id, purchases, spend, last purchase as text, how many in all."""
    asked = _LISTED.format(statement=statement, shown=SHOWN, year=YEAR)
    return [
        [str(public_id), purchases, minor, last and last.isoformat(), count]
        for public_id, purchases, minor, last, count in rows_of(asked, given | {"moment": at})
    ]


def still_there(lines: list[list]) -> Listed:
    """Who was erased since is not in an answer that was kept."""
    known = (
        Member.objects.active().filter(public_id__in=[line[0] for line in lines]).values_list("public_id", flat=True)
    )
    still = {str(public_id) for public_id in known}
    rows = [
        (public_id, purchases, minor, last and datetime.fromisoformat(last)) for public_id, purchases, minor, last, _count in lines
        if public_id in still
    ]  # fmt: skip
    return Listed(rows, lines[0][4] if lines else 0)


# -- of a panel --------------------------------------------------------------------------------------------------------


def members_of(panel: Panel, named: tuple[str, ...], *, at: datetime, begin: Callable | None = None) -> Listed:
    """Who stands behind the row of these names, as of the moment of the panel's table."""
    asked = _question(panel, named, at)
    if _named(asked.name.partition(":")[2]) is None:
        begin = None  # a worker could not tell from its digest what was asked
    return still_there(readings.read(asked, at=at, begin=begin).value)


def _question(panel: Panel, named: tuple[str, ...], moment: datetime) -> readings.Question:
    asked = json.dumps([panel.code, named, moment.isoformat()], ensure_ascii=False)
    name = asked if len(asked) <= NAME_MOST else hashlib.sha256(asked.encode()).hexdigest()
    return readings.Question(f"behind:{name}", partial(_ask, panel, named, moment), is_settled=True)


def _ask(panel: Panel, named: tuple[str, ...], moment: datetime, _at) -> list[list]:
    return listed(*panel.people.ask(named, moment), at=moment)


def _named(rest: str) -> readings.Question | None:
    try:
        code, named, moment = json.loads(rest)
    except ValueError:  # a digest
        return None
    panel = PANELS.get(code)
    return _question(panel, tuple(named), datetime.fromisoformat(moment)) if panel and panel.people else None


readings.KINDS["behind"] = _named


@readers
@require_GET
@patient
def people(request, code):
    """The members behind one row of a panel."""
    panel, named = PANELS.get(code), tuple(request.GET.getlist(NAMED))
    table = read(panel, at=clock.now(), begin=begin) if panel and panel.people else None
    place = _place(table, panel.people.named_by, named) if table else None
    if place is None:
        raise Http404(_("There is no such figure."))
    is_hidden = place in table.for_eyes(sees_persons=sees_persons(request.user)).hidden
    found = Listed([], 0) if is_hidden else members_of(panel, named, at=table.at, begin=begin)
    where = [
        (column.label, by_unit(cell, column.unit)) for column, cell in zip(table.columns, table.rows[place], strict=True)
        if column.unit in LABELS or column.code in panel.people.named_by
    ]  # fmt: skip
    back = (reverse("reports:panel", args=[code]), panel.title)
    return show(request, found, where=where, is_hidden=is_hidden, back=back, at=table.at)


def _place(table, named_by: tuple[str, ...], named: tuple[str, ...]) -> int | None:
    """Where the row of these names stands; None where there is none."""
    columns = [table.place(code) for code in named_by]
    for place, row in enumerate(table.rows):
        if tuple(_text(row[column]) for column in columns) == named:
            return place
    return None


def _text(cell) -> str:
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


# -- of a campaign -----------------------------------------------------------------------------------------------------

_OF_ARM = """
SELECT a.member_id FROM experiments_assignment a JOIN experiments_arm r ON r.id = a.arm_id
 WHERE a.experiment_id = %(experiment)s AND a.skipped_reason = '' AND r.name = %(arm)s
"""


@readers
@require_GET
def of_arm(request, pk):
    """The members assigned to one arm of a campaign, whatever became of their message."""
    campaign, arm = get_object_or_404(Campaign, pk=pk, experiment__isnull=False), request.GET.get(NAMED, "")
    counted = experimented.eligible_counts(campaign.experiment)
    if arm not in counted:
        raise Http404(_("There is no such figure."))
    at, is_hidden = clock.now(), 0 < counted[arm] < SMALL and not sees_persons(request.user)
    given = {"experiment": campaign.experiment_id, "arm": arm}
    found = Listed([], 0) if is_hidden else still_there(listed(_OF_ARM, given, at=at))
    back = (reverse("reports:campaign", args=[pk]), campaign.name)
    return show(request, found, where=[(_("Arm"), verdicts.arm_words([arm]))], is_hidden=is_hidden, back=back, at=at)


def show(request, found: Listed, **more):
    """The page of a group: `where` says in pairs of words which, `back` is an address with its words."""
    back, back_words = more.pop("back")
    context = more | {
        "people": [(*row, found.count) for row in found.rows], "count": found.count, "shown": SHOWN, "back": back, "back_words": back_words,
        "opens_members": has_role(request.user, Role.SERVICE), "is_year": True,
    }  # fmt: skip
    return render(request, "reports/people.html", context)
