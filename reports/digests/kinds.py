"""The digests there are: who may take which, and what stands in each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import verdicts
from campaigns.models import Campaign
from campaigns.retention import queries as retention
from care import queries as care
from loyalty import fraud
from members.access import Role, stores_of
from reports.panels import PANELS, read
from reports.panels.registry import rows_of
from reports.templatetags.report_cells import told_lines

LINES_MOST = 8


@dataclass(frozen=True)
class Asked:
    """What a digest is written about: the stores it speaks of (ids; None: all), and its period."""

    since: datetime
    at: datetime
    stores: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Section:
    """A heading with its lines; `url` leads to all of it, for who may open it."""

    title: str
    lines: list[str]
    url: str = ""


@dataclass(frozen=True)
class Kind:
    code: str
    title: str
    purpose: str
    roles: tuple
    sections: tuple[Callable[[Asked], Section | None], ...]
    is_own: tuple = ()  # roles that get it without having asked
    is_by_store: bool = False


def panel(code: str):
    """A figure of the house, as its page shows it to who may not see persons."""

    def told(asked: Asked) -> Section | None:
        found = PANELS[code]
        table = read(found, at=asked.at)
        if table is None or not table.rows:
            return None
        lines = told_lines(table.for_eyes(sees_persons=False), LINES_MOST)
        return Section(str(found.title), lines, f"{settings.SITE_URL}/reports/figures/{code}/")

    return told


_SALES = """
SELECT s.name, count(p.id) FILTER (WHERE p.kind = 1), coalesce(sum(p.total_minor), 0), count(p.id) FILTER (WHERE p.kind = 2),
       count(DISTINCT p.member_id) FILTER (WHERE p.kind = 1)
  FROM sales_store s JOIN sales_purchase p ON p.store_id = s.id AND p.purchased_at > %(since)s AND p.purchased_at <= %(at)s
 WHERE %(stores)s::bigint[] IS NULL OR s.id = ANY(%(stores)s::bigint[])
 GROUP BY s.id ORDER BY 3 DESC, s.code
"""


def sales(asked: Asked) -> Section | None:
    given = {"since": asked.since, "at": asked.at, "stores": list(asked.stores) if asked.stores is not None else None}
    lines = [
        _("%(store)s: %(sales)d sales, %(money)s after refunds, %(refunds)d refunds, %(members)s with a card")
        % {
            "store": store, "sales": n, "money": verdicts.money(float(minor), settings.CURRENCY), "refunds": refunds,
            "members": members if members >= 10 else _("fewer than 10"),
        }
        for store, n, minor, refunds, members in rows_of(_SALES, given)[: 3 * LINES_MOST]
    ]  # fmt: skip
    return Section(_("Sales"), lines) if lines else None


def sent(asked: Asked) -> Section | None:
    found = (
        Campaign.objects.ordinary()
        .filter(launched_at__gt=asked.since, launched_at__lte=asked.at)
        .order_by("-launched_at")
    )
    lines = [f"{one.name}: {one.get_status_display()}" for one in found[:LINES_MOST]]
    return Section(_("Campaigns that went out"), lines, f"{settings.SITE_URL}/cms/campaigns/") if lines else None


def warned(_asked: Asked) -> Section | None:
    counts = retention.counts()
    if not sum(counts.values()):
        return None
    lines = [_("%(n)d about to leave; %(suggested)d wait for a yes, %(alone)d are left alone by chance") % {
        "n": sum(counts.values()), "suggested": counts["suggested"], "alone": counts["held_out"],
    }]  # fmt: skip
    return Section(_("Early warning"), lines, f"{settings.SITE_URL}/cms/retention/")


def waiting(asked: Asked) -> Section | None:
    open_ = care.inbox(at=asked.at)
    late = open_.filter(is_overdue=True).count()
    tasks = care.open_tasks()
    lines = [
        _("%(open)d cases are open, %(late)d of them past their clock") % {"open": open_.count(), "late": late},
        _("%(open)d tasks are open, %(late)d of them late")
        % {"open": tasks.count(), "late": tasks.filter(due_at__lt=asked.at).count()},
    ]
    return Section(_("What waits"), lines, f"{settings.SITE_URL}/desk/cases/")


def satisfied(asked: Asked) -> Section | None:
    found = [
        (_("Satisfied"), care.csat(start=asked.since, end=asked.at), " %"),
        (_("Net promoter score"), care.nps(start=asked.since, end=asked.at), ""),
    ]
    lines = [
        _("%(name)s: %(value).0f%(unit)s (%(low).0f to %(high).0f), %(n)d answers")
        % {"name": name, "value": one.value, "low": one.low, "high": one.high, "unit": unit, "n": one.answers}
        for name, one, unit in found if one and one.answers >= 10
    ]  # fmt: skip
    return Section(_("Satisfaction"), lines) if lines else None


def to_check(_asked: Asked) -> Section | None:
    n = fraud.waiting().count()
    return Section(_("To be checked"), [_("%(n)d acts wait to be checked") % {"n": n}]) if n else None


_MANAGERS = (Role.STORE_MANAGER, Role.ADMINISTRATOR)

KINDS: dict[str, Kind] = {
    one.code: one
    for one in (
        Kind("marketer", gettext_lazy("For marketers"), gettext_lazy("Campaigns, what marketing changed, who is about to leave"), (Role.MARKETER, Role.APPROVER), (sent, panel("programme_lift"), warned, panel("new_and_lost")), (Role.MARKETER,)),
        Kind("manager", gettext_lazy("For managers"), gettext_lazy("Sales, points, members, what waits"), _MANAGERS, (sales, panel("new_and_lost"), panel("earn_and_burn"), waiting, to_check), _MANAGERS, is_by_store=True),
        Kind("service", gettext_lazy("For the head of service"), gettext_lazy("Cases, clocks, satisfaction, complaints by store"), (Role.SERVICE,), (waiting, panel("cases"), satisfied, panel("complaints")), (Role.SERVICE,)),
        Kind("analyst", gettext_lazy("For analysts"), gettext_lazy("Lift, cohorts, stages, the quality of models"), (Role.ANALYST,), (panel("programme_lift"), panel("new_and_lost"), panel("stages"), panel("model_quality")), (Role.ANALYST,)),
        Kind("counter", gettext_lazy("For who leads the tills"), gettext_lazy("Sales and refunds of your stores, work of staff, what is to be checked"), (Role.CASHIER, *_MANAGERS), (sales, panel("staff"), to_check), is_by_store=True),
    )
}  # fmt: skip


def stores_for(kind: Kind, user) -> tuple[int, ...] | None:
    """The stores a reader's digest speaks of; None: all of them, for who serves every store."""
    from members.access import has_role

    if not kind.is_by_store or has_role(user, Role.ADMINISTRATOR):
        return None
    return tuple(stores_of(user).order_by("pk").values_list("pk", flat=True))
