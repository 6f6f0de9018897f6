"""Refreshing what insights say of members."""

from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import Coalesce, TruncDate

from insights import lifecycle
from members import operations as members
from members.models import Member
from sales.models import Purchase

DAY_S = 86_400


def refresh_lifecycle(*, at) -> dict[str, int]:
    """Give every active member the stage their purchases up to `at` speak of; answer how many are in each.

    One reading and one writing, whatever the number of members; repeating it changes nothing.
    """
    bought = Q(purchases__kind=Purchase.Kind.SALE, purchases__purchased_at__lte=at)
    rows = list(
        Member.objects.active()
        .filter(joined_at__lte=at)
        .annotate(
            first=Coalesce(Min("purchases__purchased_at", filter=bought), F("joined_at")),
            last=Coalesce(Max("purchases__purchased_at", filter=bought), F("joined_at")),
            visits=Count(TruncDate("purchases__purchased_at"), filter=bought, distinct=True),
        )
        .values_list("pk", "first", "last", "visits")
    )
    if not rows:
        return {}
    ids, firsts, lasts, visits = zip(*rows, strict=True)
    found = lifecycle.stages(_days(at, firsts), _days(at, lasts), visits)
    members.set_lifecycle_stages({pk: str(stage) for pk, stage in zip(ids, found, strict=True)})
    return {stage: int((found == stage).sum()) for stage in Member.LifecycleStage.values}


def _days(at, moments) -> list[float]:
    return [(at - moment).total_seconds() / DAY_S for moment in moments]
