"""From a policy back to what taught it: the causes whose outcomes stand behind what it believes of offers.

Every policy reads the same beliefs, and they are the sum of the lessons that stand. So a policy was taught by the lessons that stood when
it was judged, which are noted on it then, and, while it decides, by every lesson since.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from recommender.models import Lesson, PolicyVersion
from recommender.operations.learning import Learned


@dataclass(frozen=True)
class Taught:
    """One cause behind a policy. `offered` and `held_out` are how many outcomes it brought, weighed by their propensities (effective numbers)."""

    cause: str
    at: datetime
    offered: float
    held_out: float
    is_since: bool
    """It taught after the policy was judged: the policy was let in without it, and decides with it."""
    is_withdrawn: bool
    sentence: str


def of_policy(version: PolicyVersion | None) -> list[Taught]:
    """Which causes taught this policy, the earliest first; None asks for the standing one, which decides until another is promoted."""
    noted = version.metrics.get("taught_by", []) if version else []
    found = Lesson.objects.filter(Q(is_withdrawn=False) | Q(cause__in=noted)).order_by("at", "pk")
    if version and version.status == PolicyVersion.Status.RETIRED:  # nothing teaches it any more
        found = found.filter(Q(cause__in=noted) | Q(at__lte=version.changed_at))
    return [_taught(lesson, is_since=version is not None and lesson.cause not in noted) for lesson in found]


def _taught(lesson: Lesson, *, is_since: bool) -> Taught:
    offered, held_out = (sum(one[side] for one in lesson.evidence) for side in ("offered", "held_out"))
    return Taught(
        lesson.cause, lesson.at, offered, held_out, is_since=is_since, is_withdrawn=lesson.is_withdrawn,
        sentence=str(Learned(tuple(lesson.changes), lesson.verdict).sentence),
    )  # fmt: skip
