"""What the whole of marketing changed: the standing control group against everybody else, read once a day.

Also keeps the plans and baselines of experiments that run without a launch of their own: rules under trial, and the group itself.
"""

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import figures, plans
from campaigns.models import AnalysisPlan, ProgrammeLift
from campaigns.outcomes import Subject
from campaigns.retention import queries as warnings
from experiments import operations as experiments
from experiments import queries as experimented
from experiments.models import ControlPeriod
from loyalty.models import RuleTrial


def keep(*, at: datetime) -> dict[str, int]:
    """Assign who joined, fix what is not fixed yet, and read today's programme lift. Repeatable."""
    joined = experiments.keep_control(at=at)
    noted = 0
    for experiment, starts_at in _running(at):
        plans.make(experiment=experiment, starts_at=starts_at, at=at)
        noted += plans.note_baselines(experiment=experiment, starts_at=starts_at, at=at)
    return {"joined": joined, "noted": noted, "read": int(read_today(at=at) is not None)}


def _running(at):
    for trial in RuleTrial.objects.select_related("experiment"):
        yield trial.experiment, trial.starts_at
    for one in warnings.running():
        yield one.experiment, one.starts_at
    period = experimented.control_at(at)
    if period:
        yield period.experiment, period.starts_at


def subject_of_control(period: ControlPeriod) -> Subject:
    plan = AnalysisPlan.objects.filter(experiment=period.experiment).first()
    return Subject(period.experiment, period.starts_at, plan, is_staggered=True)


def subject_of_trial(trial: RuleTrial) -> Subject:
    plan = AnalysisPlan.objects.filter(experiment=trial.experiment).first()
    return Subject(trial.experiment, trial.starts_at, plan, is_staggered=True)


def read_today(*, at: datetime) -> ProgrammeLift | None:
    """Read the programme's lift for the business day of `at`, once; None when it was read or there is nothing to read."""
    period = experimented.control_at(at)
    day = timezone.localtime(at, timezone=_zone()).date()
    if period is None or ProgrammeLift.objects.filter(experiment=period.experiment, day=day).exists():
        return None
    found = figures.read(subject_of_control(period), until=at, is_final=False, planned_end=period.rotates_at)
    try:
        with transaction.atomic():
            return ProgrammeLift.objects.create(experiment=period.experiment, day=day, as_of=at, figures=found)
    except IntegrityError:  # another worker read it at the same moment
        return None


def _zone():
    from zoneinfo import ZoneInfo

    return ZoneInfo(settings.TIME_ZONE)


def latest() -> ProgrammeLift | None:
    return ProgrammeLift.objects.order_by("-as_of", "-pk").first()


def of_day(day) -> ProgrammeLift | None:
    """The reading of one business day."""
    return ProgrammeLift.objects.filter(day=day).order_by("-as_of", "-pk").first()


def days(*, limit: int) -> list[ProgrammeLift]:
    """The latest readings, whatever period they belong to."""
    return list(ProgrammeLift.objects.order_by("-as_of", "-pk")[:limit])


def history(experiment) -> list[ProgrammeLift]:
    """Every day's reading of one period, oldest first."""
    return list(ProgrammeLift.objects.filter(experiment=experiment).order_by("day"))
