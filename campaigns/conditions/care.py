"""What is asked of cases and surveys."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.conditions.asking import (
    AT_LEAST,
    DAYS,
    DID,
    Condition,
    Field,
    Rows,
    days_words,
    name_of,
    tell_day,
    tell_number,
    window,
)  # fmt: skip
from care.models import Survey, Topic


def _surveys():
    return [(str(survey.pk), survey.name) for survey in Survey.objects.all()]


def _topics():
    return [(topic.code, topic.name) for topic in Topic.objects.all()]


def _score(at, survey, op, score, days):
    """The latest answer counts, as a member sees it."""
    source = """care_answer a JOIN care_invitation i ON i.id = a.invitation_id
        WHERE a.answered_at > %(since)s AND a.answered_at <= %(until)s"""
    given = window(at, days) | {"score": score}
    if survey:
        source, given = f"{source} AND i.survey_id = %(survey)s", given | {"survey": int(survey)}
    found = "(array_agg(a.score ORDER BY a.answered_at DESC, a.id DESC))[1]"
    return Rows(
        source, given, f"{found} {'>=' if op == 'at_least' else '<='} %(score)s", found, "i.member_id", is_merged=True
    )


def _score_words(survey, op, score, days):
    shown = {"survey": name_of(_surveys(), survey, _("any survey")), "score": score, "days": days_words(days)}
    if op == "at_least":
        return _("Last answered %(survey)s with at least %(score)s, in the last %(days)s") % shown
    return _("Last answered %(survey)s with at most %(score)s, in the last %(days)s") % shown


def _cases(test: str, topic: str, given: dict, *, is_absent: bool) -> Rows:
    source = f"care_case c WHERE c.member_id IS NOT NULL AND {test}"
    if topic:
        source, given = (
            f"{source} AND c.topic_id = (SELECT id FROM care_topic WHERE code = %(topic)s)",  # noqa: S608 - ours
            given | {"topic": topic},
        )
    return Rows(source, given, found="max(c.opened_at)", member="c.member_id", is_absent=is_absent, is_merged=True)


def _open(at, op, topic):
    return _cases(
        "c.opened_at <= %(at)s AND (c.closed_at IS NULL OR c.closed_at > %(at)s)",
        topic,
        {"at": at},
        is_absent=op == "no",
    )


def _open_words(op, topic):
    about = {"topic": name_of(_topics(), topic, _("anything"))}
    return (_("Has an open case about %(topic)s") if op == "yes" else _("Has no open case about %(topic)s")) % about


def _had(at, op, topic, days):
    return _cases("c.opened_at > %(since)s AND c.opened_at <= %(until)s", topic, window(at, days), is_absent=op == "no")


def _had_words(op, topic, days):
    shown = {"topic": name_of(_topics(), topic, _("anything")), "days": days_words(days)}
    if op == "yes":
        return _("Opened a case about %(topic)s in the last %(days)s") % shown
    return _("Opened no case about %(topic)s in the last %(days)s") % shown


_TOPIC = Field("topic", gettext_lazy("topic"), "choice", "", _topics, is_optional=True)

CONDITIONS = (
    Condition(
        "survey_score", gettext_lazy("Survey answered"),
        (
            Field("survey", gettext_lazy("survey"), "choice", "", _surveys, is_optional=True),
            AT_LEAST,
            Field("score", gettext_lazy("score"), "number", 9, low=0, high=10),
            DAYS,
        ),
        _score, _score_words, tell_number,
    ),
    Condition("open_case", gettext_lazy("Open case"), (DID, _TOPIC), _open, _open_words, tell_day),
    Condition("case", gettext_lazy("Case opened"), (DID, _TOPIC, DAYS), _had, _had_words, tell_day),
)  # fmt: skip
