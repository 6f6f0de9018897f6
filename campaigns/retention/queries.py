"""Questions about warnings: the list with what is felt beside what is spent, and what an intervention changed."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

import care.queries
from campaigns import figures
from campaigns.models import AnalysisPlan, EarlyWarning, Intervention, MemberDriver
from campaigns.outcomes import Subject
from campaigns.retention import reasons

State = EarlyWarning.State


@dataclass(frozen=True)
class Row:
    """One member of the list. `feeling`: −100 … 100, None where nothing was ever said."""

    warning: EarlyWarning
    words: str
    feeling: int | None


@dataclass(frozen=True)
class Figures:
    """An intervention's figures as `campaigns.verdicts` reads them."""

    figures: dict


def standing(state: str = ""):
    """The warnings that stand, the biggest spenders first; of one state, or of all."""
    found = EarlyWarning.objects.filter(ended_at=None).select_related("member", "intervention", "by_user")
    return found.filter(state=state) if state else found


def rows(warnings) -> list[Row]:
    """With their reasons in the reader's words and how each member feels; two queries more, however many there are."""
    warnings = list(warnings)
    felt = care.queries.feeling_of([one.member_id for one in warnings])
    return [
        Row(one, reasons.words(one.reasons), None if one.member_id not in felt else round(felt[one.member_id]))
        for one in warnings
    ]


def counts() -> dict[str, int]:
    """How many warnings stand in each state."""
    found = EarlyWarning.objects.filter(ended_at=None).order_by("state").values_list("state")
    return dict.fromkeys(State.values, 0) | dict(found.annotate(n=Count("pk")))


def of_member(member_id: int) -> Row | None:
    """The warning that stands for a member, if one does."""
    found = rows(standing().filter(member=member_id)[:1])
    return found[0] if found else None


def driver_of(member_id: int) -> MemberDriver | None:
    return MemberDriver.objects.filter(member=member_id).first()


def interventions():
    """All interventions, each with how many members it was meant for and how many were left alone."""
    given, alone = Q(warnings__state=State.GIVEN), Q(warnings__state=State.HELD_OUT)
    open_ = Q(warnings__state=State.SUGGESTED, warnings__ended_at=None)
    return Intervention.objects.select_related("experiment", "team").annotate(
        given=Count("warnings", filter=given), alone=Count("warnings", filter=alone), open=Count("warnings", filter=open_)
    ).order_by("driver", "name")  # fmt: skip


def running() -> list[Intervention]:
    """Interventions that have met somebody."""
    return list(Intervention.objects.filter(experiment__isnull=False).select_related("experiment").order_by("pk"))


def subject_of(intervention: Intervention) -> Subject:
    """What is measured: everybody drawn, from the moment they were, whatever became of the suggestion."""
    plan = AnalysisPlan.objects.filter(experiment=intervention.experiment).first()
    return Subject(intervention.experiment, intervention.starts_at, plan, cause=intervention.cause, is_staggered=True)


def lift(intervention: Intervention, *, at: datetime) -> Figures | None:
    """What it changed so far, as any campaign's: arms, lift with its interval, the split. None before anybody was met."""
    if intervention.experiment is None:
        return None
    return Figures(figures.read(subject_of(intervention), until=at, is_final=False, planned_end=None))
