"""Surveys: few are asked, once; a low score opens a case in the same transaction."""

from datetime import timedelta
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from care import signals, surveying
from care.models import Answer, Invitation, Survey
from care.operations.cases import open_case
from members import modules

# One statement: who was asked by any survey within the rest days is left alone, and a token is drawn for each.
_INVITE = """
    INSERT INTO care_invitation (survey_id, member_id, cause, token, invited_at, expires_at)
    SELECT %s::bigint, who.member_id, who.cause, replace(gen_random_uuid()::text, '-', ''), %s::timestamptz, %s::timestamptz
      FROM ({who}) who(member_id, cause)
     WHERE NOT EXISTS (SELECT 1 FROM care_invitation earlier
                        WHERE earlier.member_id = who.member_id AND earlier.invited_at > %s AND earlier.invited_at <= %s)
    ON CONFLICT DO NOTHING
    RETURNING id
"""


class CannotAnswer(ValueError):
    """The invitation is unknown or past, or the score is none of this survey."""


def invite(*, survey: Survey, members, cause: str, at) -> int:
    """Ask those of the QuerySet who were not asked anything lately. Returns how many; the same cause asks nobody twice."""
    if not modules.is_on("surveys"):
        return 0
    chosen, values = members.order_by().values("pk").distinct().query.sql_with_params()
    return _ask(survey, f"SELECT id, %s::text FROM ({chosen}) AS meant (id)", [cause, *values], at)  # noqa: S608 - a QuerySet's own SQL


def ask_oneself(*, survey_id: int, member_id: int, at) -> Invitation | None:
    """The question of a survey for a member who came to it by themselves: the one that waits for them, or a new one.

    None: there is no such survey, or they were asked something lately.
    """
    mine = Invitation.objects.filter(
        survey=survey_id, member=member_id, invited_at__lte=at, expires_at__gt=at
    ).order_by("-pk")
    survey = Survey.objects.filter(pk=survey_id, is_live=True).first()
    if survey is None:
        return None
    waiting = mine.filter(answer__isnull=True).first()
    if waiting is None and invite_each(survey=survey, rows=[(member_id, f"came:{at:%Y-%m-%d}")], at=at):
        waiting = mine.filter(answer__isnull=True).first()
    return waiting


def invite_each(*, survey: Survey, rows: list[tuple[int, str]], at) -> int:
    """The same where each member has a cause of their own: rows of (member, cause). Of several, the first by name counts."""
    if not rows or not modules.is_on("surveys"):
        return 0
    members, causes = (list(column) for column in zip(*rows, strict=True))
    asked = "SELECT DISTINCT ON (m) m, c FROM unnest(%s::bigint[], %s::text[]) AS rows (m, c) ORDER BY m, c"
    return _ask(survey, asked, [members, causes], at)


@transaction.atomic
def _ask(survey: Survey, who: str, values: list, at) -> int:
    with connection.cursor() as cursor:
        # Two callers at once ask one after the other, so that nobody is asked by both.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('care_invitation'))")
        cursor.execute(
            _INVITE.format(who=who),
            [survey.pk, at, at + timedelta(days=survey.valid_days), *values,
             at - timedelta(days=survey.rest_days), at],
        )  # fmt: skip
        invited = [pk for (pk,) in cursor.fetchall()]
    if invited:
        transaction.on_commit(partial(signals.survey_invited.send_robust, sender=Invitation, invitation_ids=invited))
    return len(invited)


@transaction.atomic
def answer(*, token: str, score: int, at, comment: str = "") -> Answer:
    """Write an answer down; within its time a member may change it. A low score opens a case, once. Raises CannotAnswer."""
    asked = Invitation.objects.select_for_update(of=("self",)).select_related("survey").filter(token=token).first()
    if asked is None or at >= asked.expires_at:
        raise CannotAnswer(_("This question is no longer open. Thank you for coming."))
    kind = asked.survey.kind
    if surveying.problem(kind, score):
        raise CannotAnswer(
            _("Choose a number from %(low)d to %(high)d.")
            % {"low": surveying.LOWEST[kind], "high": surveying.TOP[kind]}
        )
    said, _is_new = Answer.objects.update_or_create(
        invitation=asked, defaults={"score": score, "comment": comment.strip()[:2000], "answered_at": at}
    )
    if surveying.is_low(kind, score) and said.case_id is None and modules.is_on("cases"):
        said.case = _complain(asked, said, at=at)
        said.save(update_fields=["case"])
    transaction.on_commit(partial(signals.survey_answered.send_robust, sender=Answer, answer_id=said.pk))
    return said


def _complain(asked: Invitation, said: Answer, *, at):
    words = _("%(question)s – %(score)d of %(top)d") % {
        "question": asked.survey.question, "score": said.score, "top": surveying.TOP[asked.survey.kind],
    }  # fmt: skip
    return open_case(
        topic="survey", text=said.comment or words, subject=words, channel="survey", at=at, source="survey",
        client_key=str(asked.pk), member_id=asked.member_id, cause=f"survey:{asked.pk}",
        feeling=surveying.feeling(asked.survey.kind, said.score),
    ).case  # fmt: skip
