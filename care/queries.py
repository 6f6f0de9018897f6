"""Questions about cases, surveys, tasks and opportunities."""

from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Avg, CharField, Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import translation

from care import surveying
from care.models import Answer, Case, CaseEntry, Invitation, Opportunity, Stage, Survey, Task, Topic
from members import queries as members


def cases_of(member_id: int) -> QuerySet[Case]:
    """A member's cases, newest first; those of records merged into theirs too."""
    return Case.objects.filter(member__in=members.ids_of(member_id)).select_related("topic", "team", "owner", "store")


def case(public_id) -> Case | None:
    """One case with everything its page shows."""
    found = Case.objects.select_related("topic", "team", "owner", "store", "member").filter(public_id=public_id)
    return found.prefetch_related("entries__by_user").first()


@dataclass(frozen=True)
class Reply:
    """What goes out to a member who asked: the words, and how they are addressed."""

    subject: str
    text: str
    language: str
    is_automatic: bool


def reply(entry_id: int) -> Reply | None:
    """The words of an answer; None where there is no such answer any more."""
    entry = answers().filter(pk=entry_id).select_related("case__member").first()
    if entry is None:
        return None
    case = entry.case
    subject = f"[{case.number}] {case.subject}".strip()
    return Reply(subject, entry.text, case.member.language, entry.kind == CaseEntry.Kind.AUTO)


@dataclass(frozen=True)
class Question:
    """What an invitation asks, in the member's language: the words, and the scores to tap with what the ends mean."""

    text: str
    token: str
    language: str
    scores: range


def question(invitation_id: int) -> Question | None:
    """The question of an invitation; None where it is gone."""
    asked = Invitation.objects.select_related("survey", "member").filter(pk=invitation_id).first()
    if asked is None:
        return None
    kind, language = asked.survey.kind, asked.member.language or settings.LANGUAGE_CODE
    with translation.override(language):
        text = asked.survey.question
    return Question(text, asked.token, language, range(surveying.LOWEST[kind], surveying.TOP[kind] + 1))


@dataclass(frozen=True)
class Asked:
    """What somebody asked, and nobody answered yet."""

    case: Case
    text: str
    channel: str
    language: str


def unanswered(case_id: int) -> Asked | None:
    """A case that a page may answer: a member's, open, of a topic for it, and nothing but the member's own first word in it."""
    case = (
        Case.objects.open().filter(pk=case_id, member__isnull=False, topic__is_answered_by_pages=True)
        .select_related("member").first()
    )  # fmt: skip
    entries = list(case.entries.all()) if case else []
    if [entry.kind for entry in entries] != [CaseEntry.Kind.HEARD]:
        return None
    return Asked(case, entries[0].text, case.channel, case.member.language)


def waiting_for_an_answer(*, since, at) -> list[int]:
    """Ids of members' cases opened since then of topics that a page may answer, and that hold one word only; oldest first."""
    found = Case.objects.open().filter(
        opened_at__gt=since, opened_at__lte=at, member__isnull=False, topic__is_answered_by_pages=True
    )
    return list(found.annotate(words=Count("entries")).filter(words=1).order_by("pk").values_list("pk", flat=True))


def answers() -> QuerySet[CaseEntry]:
    """What was said to members in their cases, with `member_id` and the `content` that an outbox names it by."""
    said = CaseEntry.objects.filter(kind__in=[CaseEntry.Kind.REPLIED, CaseEntry.Kind.AUTO], case__member__isnull=False)
    return said.annotate(
        member_id=F("case__member_id"), content=Concat(Value("care.CaseEntry:"), Cast("pk", CharField()))
    )


def topics_for_members() -> QuerySet[Topic]:
    """What a member may choose a case to be about, in the order of the list."""
    return Topic.objects.filter(is_for_members=True)


def inbox(*, at, teams=None, owner=None) -> QuerySet[Case]:
    """Open cases, the overdue first, then by the clock that runs out next. `teams`: only theirs."""
    found = Case.objects.open().select_related("topic", "team", "owner", "store", "member")
    if teams is not None:
        found = found.filter(team__in=teams)
    if owner is not None:
        found = found.filter(owner=owner)
    return found.annotate(
        is_overdue=Q(first_replied_at__isnull=True, reply_due_at__lte=at) | Q(close_due_at__lte=at),
    ).order_by("-is_overdue", "reply_due_at", "pk")


def feedback(*, by_user=None) -> QuerySet[Case]:
    """What users of the house, staff and members, said could be better, the newest first; `by_user`: what one of staff said."""
    found = Case.objects.filter(topic__code="feedback").select_related("team").order_by("-opened_at", "-pk")
    if by_user is not None:
        mine = CaseEntry.objects.filter(by_user=by_user, kind=CaseEntry.Kind.HEARD)
        found = found.filter(member=None, pk__in=mine.values("case"))
    return found.prefetch_related("entries__by_user")


def closed() -> QuerySet[Case]:
    """Cases that ended, the latest first."""
    found = Case.objects.filter(status=Case.Status.CLOSED)
    return found.select_related("topic", "team", "owner", "store", "member").order_by("-closed_at", "-pk")


def tasks_of(member_id: int) -> QuerySet[Task]:
    """A member's tasks, the open ones first."""
    theirs = Task.objects.filter(member__in=members.ids_of(member_id)).select_related("team", "owner")
    return theirs.order_by("done_at", "due_at", "pk")


def open_tasks(*, teams=None, owner=None) -> QuerySet[Task]:
    """What is to be done, the most urgent first; of these teams, and what is asked of this one person."""
    found = Task.objects.filter(done_at__isnull=True).select_related("team", "owner", "member")
    return found.filter(Q(team__in=teams) | Q(owner=owner, owner__isnull=False)) if teams is not None else found


def open_surveys(member_id: int, *, at) -> QuerySet[Invitation]:
    """Questions a member is asked and has not answered."""
    asked = Invitation.objects.filter(member=member_id, invited_at__lte=at, expires_at__gt=at, answer__isnull=True)
    return asked.select_related("survey").order_by("-invited_at")


def invitation(token: str) -> Invitation | None:
    """The invitation of a token, with its survey."""
    return Invitation.objects.select_related("survey").filter(token=token).first()


def tokens(*, survey_ids, member_ids, cause: str) -> dict[int, str]:
    """The token of each member who was asked one of these surveys for this cause. One query, none where there is no survey."""
    if not survey_ids:
        return {}
    rows = Invitation.objects.filter(survey__in=survey_ids, member__in=member_ids, cause=cause).order_by("pk")
    return dict(rows.values_list("member_id", "token"))


def counts(survey_kind: str, *, start, end, survey: Survey | None = None) -> Counter:
    """How often each score was given in [start, end)."""
    given = Answer.objects.filter(invitation__survey__kind=survey_kind, answered_at__gte=start, answered_at__lt=end)
    if survey is not None:
        given = given.filter(invitation__survey=survey)
    return Counter(dict(given.values_list("score").annotate(Count("pk")).order_by("score")))


def nps(*, start, end) -> surveying.Score | None:
    """Net promoter score of the answers in [start, end), with its interval; None without answers."""
    return surveying.nps(counts("nps", start=start, end=end))


def csat(*, start, end) -> surveying.Score | None:
    """Share of content answers in [start, end), in per cent, with its interval; None without answers."""
    return surveying.content_share("csat", counts("csat", start=start, end=end))


def feeling_of(member_ids) -> dict[int, float]:
    """Mean feeling of each member (−100 … 100) from their answers and cases; members who never said anything are absent."""
    felt: dict[int, list[float]] = {}
    given = Answer.objects.filter(invitation__member__in=member_ids).values_list(
        "invitation__member", "invitation__survey__kind", "score"
    )
    for member_id, kind, score in given:
        felt.setdefault(member_id, []).append(surveying.feeling(kind, score))
    told = Case.objects.filter(member__in=member_ids, feeling__isnull=False).exclude(channel=Case.Channel.SURVEY)
    for member_id, mean in told.values_list("member").annotate(Avg("feeling")):
        felt.setdefault(member_id, []).append(float(mean))
    return {member_id: sum(values) / len(values) for member_id, values in felt.items()}


def pipeline(*, currency: str) -> list[dict]:
    """Each stage with how many open opportunities stand there, their value and the value weighted by the stage's chance."""
    standing = Q(opportunities__closed_at__isnull=True, opportunities__currency=currency)
    stages = Stage.objects.annotate(
        standing=Count("opportunities", filter=standing),
        value_minor=Coalesce(Sum("opportunities__value_minor", filter=standing), 0),
    ).order_by("place")  # grouping forgets the model's own order
    return [
        {
            "stage": stage,
            "count": stage.standing,
            "value_minor": int(stage.value_minor),
            "weighted_minor": round(int(stage.value_minor) * stage.chance_percent / 100),
        }
        for stage in stages
    ]


def opportunities() -> QuerySet[Opportunity]:
    """All opportunities, the open ones first."""
    return Opportunity.objects.select_related("stage", "owner", "member").order_by("closed_at", "-opened_at")
