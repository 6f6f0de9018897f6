"""Tasks and the pipeline: what staff have to do, and the sales they work on."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from care import operations, queries
from care.models import Opportunity, Stage, Task, Team
from desk.forms import KeyedForm
from desk.showing import render
from members import clock
from members.access import Role, access_member, has_role, staff_only

service = staff_only(Role.SERVICE, Role.STORE_MANAGER)
A_PAGE = 30


class TaskForm(KeyedForm):
    title = forms.CharField(label=gettext_lazy("What is to be done"), max_length=160)
    team = forms.ModelChoiceField(
        Team.objects.all(), label=gettext_lazy("Team"), to_field_name="code", empty_label=None
    )
    due_on = forms.DateField(
        label=pgettext_lazy("a date", "By"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class OpportunityForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("What it is about"), max_length=120)
    value = forms.DecimalField(label=gettext_lazy("What it would bring"), min_value=0, max_digits=12, decimal_places=2)


def _back(request, public_id) -> str:
    """To the member's history, or to the tasks for who may not read it."""
    is_service = has_role(request.user, Role.SERVICE)
    return reverse("desk:timeline", args=[public_id]) if is_service else reverse("desk:tasks")


@never_cache
@service
def tasks(request):
    """Open tasks, the most urgent first; of the own teams, or all."""
    own, shown = request.user.care_teams.all(), request.GET.get("show", "mine")
    found = queries.open_tasks(teams=own if shown == "mine" and own.exists() else None, owner=request.user)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "shown": shown, "has_team": own.exists(), "at": clock.now()}
    return render(request, "desk/tasks.html", context)


@service
@require_POST
def finish(request, public_id):
    """Done, with what came of it."""
    task = get_object_or_404(Task, public_id=public_id)
    try:
        operations.finish_task(task=task, outcome=request.POST.get("outcome", ""), by_user=request.user, at=clock.now())
    except operations.CannotFinish as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("Done: %(title)s") % {"title": task.title})
    return redirect("desk:tasks")


@service
@require_POST
def add(request, public_id):
    """A task about a member, for a team."""
    person, form = access_member(request.user, public_id), TaskForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what is to be done, and who does it."))
        return redirect(_back(request, public_id))
    said, at = form.cleaned_data, clock.now()
    due = said["due_on"] and at.replace(year=said["due_on"].year, month=said["due_on"].month, day=said["due_on"].day)
    operations.add_task(
        title=said["title"], team=said["team"].code, due_at=due, cause=f"desk:{said['key']}", member_id=person.pk, at=at
    )
    messages.success(request, _("The task stands on the list of %(team)s.") % {"team": said["team"]})
    return redirect(_back(request, public_id))


@never_cache
@service
def pipeline(request):
    """Every open opportunity under its stage, with what it would bring."""
    stages = queries.pipeline(currency=settings.CURRENCY)
    standing = list(queries.opportunities().filter(closed_at=None))
    for row in stages:
        row["opportunities"] = [one for one in standing if one.stage_id == row["stage"].pk]
    context = {
        "stages": stages, "currency": settings.CURRENCY, "at": clock.now(),
        "weighted_minor": sum(row["weighted_minor"] for row in stages),
        "closed": queries.opportunities().exclude(closed_at=None).order_by("-closed_at")[:10],
    }  # fmt: skip
    return render(request, "desk/pipeline.html", context)


@service
@require_POST
def open_opportunity(request, public_id):
    """A sale to work on, with this member."""
    person, form = access_member(request.user, public_id), OpportunityForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say what it is about, and what it would bring."))
        return redirect(_back(request, public_id))
    operations.open_opportunity(
        name=form.cleaned_data["name"], member_id=person.pk, value_minor=int(form.cleaned_data["value"] * 100),
        currency=settings.CURRENCY, owner=request.user, at=clock.now(),
    )  # fmt: skip
    return redirect("desk:pipeline")


@service
@require_POST
def move(request, public_id):
    """To another stage, or to its end: won or lost."""
    one, where = get_object_or_404(Opportunity, public_id=public_id), request.POST.get("stage", "")
    try:
        if where in ("won", "lost"):
            operations.close_opportunity(opportunity=one, is_won=where == "won", at=clock.now())
        else:
            operations.move_opportunity(
                opportunity=one, stage=get_object_or_404(Stage, code=where), by_user=request.user, at=clock.now()
            )
    except operations.CannotMove as reason:
        messages.error(request, str(reason))
    return redirect("desk:pipeline")
