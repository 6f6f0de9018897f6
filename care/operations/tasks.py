"""Tasks: one for one cause, done only with an outcome."""

from django.db import transaction
from django.utils.translation import gettext as _

from care.models import Task, Team


class CannotFinish(ValueError):
    """A task is finished once, with an outcome."""


@transaction.atomic
def add_task(*, title, cause, at, member_id=None, team="service", owner=None, due_at=None, text="") -> Task:
    """Give a team something to do. The same cause answers the same task; raises ValueError for an unknown team."""
    known = Team.objects.filter(code=team).first()
    if known is None:
        codes = ", ".join(Team.objects.order_by("code").values_list("code", flat=True))
        raise ValueError(_("There is no team “%(code)s”. There are: %(codes)s.") % {"code": team, "codes": codes})
    task, _is_new = Task.objects.get_or_create(
        cause=cause,
        defaults={
            "title": title[:160], "text": text, "member_id": member_id, "team": known, "owner": owner,
            "due_at": due_at, "opened_at": at,
        },
    )  # fmt: skip
    return task


@transaction.atomic
def finish_task(*, task, outcome, by_user, at) -> None:
    """Done, with what came of it. Raises CannotFinish."""
    task = Task.objects.select_for_update(of=("self",)).get(pk=task.pk)
    if not outcome.strip():
        raise CannotFinish(_("Say what came of it: a task is done only with an outcome."))
    if task.done_at is not None:
        raise CannotFinish(_("This task is done already."))
    Task.objects.filter(pk=task.pk).update(
        outcome=outcome.strip()[:160], done_at=at, owner_id=task.owner_id or getattr(by_user, "pk", None)
    )
