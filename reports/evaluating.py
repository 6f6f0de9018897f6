"""Before and after a change: a figure held against the time before, its target, and the other stores as a control.

A before-and-after says what happened, not what the change did: seasons and other changes are in it. With a control the part that
happened everywhere is taken off (difference in differences, on the logarithm: relative to before). It is still no random
assignment, and the page says so.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext_lazy

from reports import readings
from reports.models import Evaluation
from reports.panels.registry import rows_of

KPIS = {
    "sales": (gettext_lazy("Sales less refunds"), "money", "coalesce(sum(total_minor), 0)::float8"),
    "purchases": (gettext_lazy("Purchases"), "count", "(count(*) FILTER (WHERE kind = 1))::float8"),
    "members": (gettext_lazy("Members who bought"), "count", "count(DISTINCT member_id)::float8"),
    "repeat": (
        gettext_lazy("Purchases per member who bought"), "number",
        "(count(*) FILTER (WHERE kind = 1 AND member_id IS NOT NULL))::float8 / nullif(count(DISTINCT member_id), 0)",
    ),
    "refunds": (
        gettext_lazy("Refunds per sale"), "percent",
        "(count(*) FILTER (WHERE kind = 2))::float8 / nullif(count(*) FILTER (WHERE kind = 1), 0)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One figure before and after; `change` relative to before (0.1 is +10 %), None where before was nothing."""

    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        return self.after / self.before - 1 if self.before and self.after is not None else None


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation says. `beyond_control` is the change less what happened to the control meanwhile."""

    begins: datetime
    ends: datetime
    is_complete: bool
    changed: Side
    control: Side | None
    target: float

    @property
    def beyond_control(self) -> float | None:
        if self.control is None or self.changed.change is None or self.control.change in (None, -1):
            return None
        return (1 + self.changed.change) / (1 + self.control.change) - 1

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached: beyond the control where there is one. None while nothing can be said."""
        judged = self.beyond_control if self.control else self.changed.change
        return None if judged is None or not self.is_complete else judged >= self.target


def evaluate(evaluation: Evaluation, *, at: datetime) -> Evaluated:
    """Both times, of the changed store and of the others, as they were read last: as many days after as before."""
    return answer(evaluation, at=at).value


def answer(evaluation: Evaluation, *, at: datetime) -> readings.Answer:
    """The same with the moment it speaks of."""
    return readings.read(_question(evaluation), at=at)


def _question(evaluation: Evaluation) -> readings.Question:
    return readings.Question(f"evaluation:{evaluation.pk}", partial(_evaluate, evaluation), _packed, _unpacked)


def _named(rest: str) -> readings.Question | None:
    found = Evaluation.objects.filter(pk=rest).first()
    return _question(found) if found else None


readings.KINDS["evaluation"] = _named


def _packed(found: Evaluated) -> dict:
    return asdict(found)


def _unpacked(held: dict) -> Evaluated:
    control = held["control"]
    return Evaluated(
        datetime.fromisoformat(held["begins"]), datetime.fromisoformat(held["ends"]), held["is_complete"], Side(**held["changed"]),
        Side(**control) if control else None, held["target"],
    )  # fmt: skip


def _evaluate(evaluation: Evaluation, at: datetime) -> Evaluated:
    """Read both times from purchases."""
    zone = ZoneInfo(settings.TIME_ZONE)
    changed_at = datetime.combine(evaluation.changed_on, time(), tzinfo=zone)
    window = timedelta(days=evaluation.days)
    ends = min(changed_at + window, max(at, changed_at))
    begins = changed_at - (ends - changed_at)  # before the end, the same days of both
    asked = {"begins": begins, "changed": changed_at, "ends": ends, "store": evaluation.store_id}
    expression = KPIS[evaluation.kpi][2]
    held = {
        (is_after, is_changed): value
        for is_after, is_changed, value in rows_of(
            f"""SELECT purchased_at >= %(changed)s, %(store)s::bigint IS NULL OR store_id = %(store)s, {expression} FROM sales_purchase
                 WHERE purchased_at >= %(begins)s AND purchased_at < %(ends)s GROUP BY 1, 2""",  # noqa: S608 - of KPIS
            asked,
        )
    }

    def side(is_changed: bool) -> Side:
        return Side(held.get((False, is_changed)), held.get((True, is_changed)))

    return Evaluated(
        begins, ends, at >= changed_at + window, side(is_changed=True),
        side(is_changed=False) if evaluation.store_id else None, evaluation.target_percent / 100,
    )  # fmt: skip
