"""Questions about scores: today's and the history, of one member or of all."""

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from insights.models import Score, ScoreKind, ScoreRun


def live(kind: str, subject: str = "") -> ScoreRun | None:
    """The run whose scores of this kind are read now."""
    return ScoreRun.objects.filter(kind=kind, subject=subject, status=ScoreRun.Status.LIVE).first()


def scores(kind: str, subject: str = "") -> QuerySet[Score]:
    """Today's scores of one kind, of all members: join it, filter `value`, `on`, `member_id`."""
    return Score.objects.filter(run__kind=kind, run__subject=subject, run__status=ScoreRun.Status.LIVE)


def members_scored(kind: str, *, at_least: float | None = None, at_most: float | None = None, subject: str = ""):
    """Ids of members whose score of today lies within these bounds, as a QuerySet for `pk__in`."""
    bounds = Q()
    if at_least is not None:
        bounds &= Q(value__gte=at_least)
    if at_most is not None:
        bounds &= Q(value__lte=at_most)
    return scores(kind, subject).filter(bounds).values("member_id")


def score_of(kind: str, member: str = "pk") -> Subquery:
    """Today's value as a subquery: `Member.objects.annotate(churn=queries.score_of("churn"))`."""
    return Subquery(scores(kind).filter(member_id=OuterRef(member), category__isnull=True).values("value")[:1])


def profile(member_id: int) -> list[Score]:
    """Everything said of a member today, in order of kind; each with its `run` loaded. One query."""
    found = Score.objects.filter(member_id=member_id, run__status=ScoreRun.Status.LIVE)
    return list(found.select_related("run", "category").order_by("run__kind", F("on").asc(nulls_last=True), "pk"))


def history(member_id: int, kind: str, *, limit: int = 24) -> list[Score]:
    """What earlier runs said of a member, the latest first; refused runs left out."""
    found = Score.objects.filter(member_id=member_id, run__kind=kind, category__isnull=True)
    return list(found.exclude(run__status=ScoreRun.Status.REFUSED).select_related("run").order_by("-run_id")[:limit])


def earlier(member_id: int, *, limit: int = 6) -> dict[str, list[Score]]:
    """What runs before today's said of a member, by kind, the latest first; refused runs left out. One query."""
    said = Score.objects.filter(
        member_id=member_id, category__isnull=True, run__status=ScoreRun.Status.RETIRED, run__subject=""
    )
    found: dict[str, list[Score]] = {}
    for one in said.select_related("run").order_by("-run_id")[: limit * len(ScoreKind)]:
        found.setdefault(one.run.kind, []).append(one)
    return {kind: rows[:limit] for kind, rows in found.items()}


def runs(kind: str, *, limit: int = 24) -> list[ScoreRun]:
    """Runs of one kind, the latest first, refused ones included: their metrics are quality over time."""
    return list(ScoreRun.objects.filter(kind=kind).order_by("-pk")[:limit])
