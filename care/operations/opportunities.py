"""Opportunities: a pipeline whose every move is kept."""

from django.db import transaction
from django.utils.translation import gettext as _

from care.models import Opportunity, Stage, StageChange


class CannotMove(ValueError):
    """A closed opportunity stays where it ended."""


@transaction.atomic
def open_opportunity(*, name, member_id, value_minor, currency, owner, at, stage: Stage | None = None) -> Opportunity:
    """Begin one at the first stage, or at a given one. `value_minor`: what it would bring, in minor units."""
    first = stage or Stage.objects.order_by("place").first()
    made = Opportunity.objects.create(
        name=name[:120], member_id=member_id, value_minor=value_minor, currency=currency, owner=owner, stage=first,
        opened_at=at,
    )  # fmt: skip
    StageChange.objects.create(opportunity=made, stage=first, by_user=owner, at=at)
    return made


@transaction.atomic
def move_opportunity(*, opportunity, stage: Stage, by_user, at) -> None:
    """To another stage, forth or back. Raises CannotMove."""
    one = _open(opportunity)
    if one.stage_id != stage.pk:
        Opportunity.objects.filter(pk=one.pk).update(stage=stage)
        StageChange.objects.create(opportunity=one, stage=stage, by_user=by_user, at=at)


@transaction.atomic
def close_opportunity(*, opportunity, is_won: bool, at) -> None:
    """Won or lost. Raises CannotMove."""
    Opportunity.objects.filter(pk=_open(opportunity).pk).update(is_won=is_won, closed_at=at)


def _open(opportunity) -> Opportunity:
    one = Opportunity.objects.select_for_update(of=("self",)).get(pk=opportunity.pk)
    if one.closed_at is not None:
        raise CannotMove(_("This opportunity is closed. Open a new one."))
    return one
