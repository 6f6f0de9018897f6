"""Cases: the inbox of the teams, one case with its conversation, and what can be done with it."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import members.operations
from care import operations, queries, sentiment
from care.models import Case, Team, Topic
from desk.forms import KeyedForm
from desk.showing import render
from members import clock
from members.access import Role, access_member, staff_only
from members.models import User
from sales.models import Store

service = staff_only(Role.SERVICE, Role.STORE_MANAGER)
SOURCE, A_PAGE = "desk", 30
WORDS = {"widget": forms.Textarea(attrs={"rows": 4}), "max_length": 8000}


class NewCaseForm(KeyedForm):
    channel = forms.ChoiceField(
        label=gettext_lazy("How they reached us"),
        choices=[(c, Case.Channel(c).label) for c in ("phone", "desk", "email", "till")],
    )
    topic = forms.ModelChoiceField(
        Topic.objects.all(), label=gettext_lazy("Topic"), to_field_name="code", required=False,
        empty_label=gettext_lazy("Let the words decide"),
    )  # fmt: skip
    store = forms.ModelChoiceField(
        Store.objects.order_by("name"), label=gettext_lazy("Store"), to_field_name="code", required=False
    )
    receipt = forms.CharField(label=gettext_lazy("Receipt number"), max_length=120, required=False)
    text = forms.CharField(label=gettext_lazy("What they say"), **WORDS)


class ReplyForm(forms.Form):
    text = forms.CharField(label=gettext_lazy("Your words"), **WORDS)


class NoteForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your words"), help_text=gettext_lazy("@name calls a colleague: they find it among their tasks."), **WORDS
    )  # fmt: skip


class CloseForm(forms.Form):
    outcome = forms.ChoiceField(
        label=gettext_lazy("How it ended"), choices=[("", gettext_lazy("Choose …")), *Case.Outcome.choices]
    )
    text = forms.CharField(label=gettext_lazy("A last word to the member, if any"), required=False, **WORDS)


class AssignForm(forms.Form):
    team = forms.ModelChoiceField(
        Team.objects.all(), label=gettext_lazy("Team"), to_field_name="code", empty_label=None
    )


def _own_teams(user):
    return user.care_teams.all()


def _access(request, public_id) -> Case:
    """The case, when its member may be seen by this user. Raises Http404."""
    found = queries.case(public_id)
    if found is None:
        raise Http404(_("There is no such case."))
    if found.member is not None:
        access_member(request.user, found.member.public_id)
    return found


@never_cache
@service
def inbox(request):
    """Open cases, those past their clock first; of the own teams, or all."""
    at, shown = clock.now(), request.GET.get("show", "mine")
    own = _own_teams(request.user)
    teams = own if shown == "mine" and own.exists() else None
    found = queries.closed() if shown == "closed" else queries.inbox(at=at, teams=teams)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "shown": shown,
        "has_team": own.exists(),
        "at": at,
        "overdue": Case.objects.overdue(at=at).count(),
    }
    return render(request, "desk/cases.html", context)


@never_cache
@service
def case(request, public_id, **changed):
    """One case: what was said, by whom, and the ways on."""
    found = _access(request, public_id)
    if found.member is not None:
        members.operations.note_access(user=request.user, member_id=found.member_id, act="viewed", door="desk")
    context = {
        "case": found, "at": clock.now(), "mood": sentiment.mood(found.feeling) if found.feeling is not None else "",
        "reply_form": ReplyForm(), "note_form": NoteForm(prefix="note"), "close_form": CloseForm(),
        "assign_form": AssignForm(initial={"team": found.team.code}),
        "others": queries.cases_of(found.member_id).exclude(pk=found.pk)[:5] if found.member_id else [],
    }  # fmt: skip
    return render(request, "desk/case.html", context | changed, status=422 if changed else 200)


@never_cache
@service
def new_case(request, public_id):
    """Write down what a member says on the phone or at the counter."""
    person, form = access_member(request.user, public_id), NewCaseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        opened = operations.open_case(
            topic=said["topic"].code if said["topic"] else "", text=said["text"], channel=said["channel"],
            store_code=said["store"].code if said["store"] else "", receipt=said["receipt"], member_id=person.pk,
            source=SOURCE, client_key=said["key"], at=clock.now(),
        )  # fmt: skip
        messages.success(request, _("Case %(number)s is open.") % {"number": opened.case.number})
        return redirect("desk:case", opened.case.public_id)
    return render(request, "desk/new_case.html", {"member": person, "form": form}, status=422 if form.errors else 200)


@service
@require_POST
def act(request, public_id, act):
    """Reply, note, close, hand over, take, or open again."""
    found = _access(request, public_id)
    if act not in _ACTS:
        raise Http404
    return _ACTS[act](request, found)


def _reply(request, found):
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return case(request, found.public_id, reply_form=form)
    operations.reply(case=found, text=form.cleaned_data["text"], by_user=request.user, at=clock.now())
    messages.success(request, _("Your reply goes out."))
    return redirect("desk:case", found.public_id)


def _note(request, found):
    form = NoteForm(request.POST, prefix="note")
    if not form.is_valid():
        return case(request, found.public_id, note_form=form)
    done = operations.note(
        case=found, text=form.cleaned_data["text"], by_user=request.user, at=clock.now(), colleagues=_colleagues()
    )
    if done.told:
        names = ", ".join(one.get_full_name() or one.email for one in done.told)
        messages.success(request, _("It stands among the tasks of %(names)s.") % {"names": names})
    if done.unknown:
        names = ", ".join(f"@{name}" for name in done.unknown)
        messages.error(request, _("Nobody who may open cases is called %(names)s.") % {"names": names})
    return redirect("desk:case", found.public_id)


def _colleagues():
    """Who may open a case: a note calls nobody else, however they are called."""
    roles = (Role.SERVICE, Role.STORE_MANAGER, Role.ADMINISTRATOR)
    return User.objects.filter(is_active=True, is_staff=True, groups__name__in=roles).distinct().order_by("pk")


def _close(request, found):
    form = CloseForm(request.POST)
    try:
        if form.is_valid():
            operations.close(case=found, by_user=request.user, at=clock.now(), **form.cleaned_data)
            messages.success(request, _("Closed."))
            return redirect("desk:cases")
    except operations.CannotClose as reason:
        form.add_error(None, str(reason))
    return case(request, found.public_id, close_form=form)


def _hand_over(request, found):
    form = AssignForm(request.POST)
    if not form.is_valid():
        return case(request, found.public_id, assign_form=form)
    operations.assign(case=found, team=form.cleaned_data["team"], by_user=request.user, at=clock.now())
    messages.success(request, _("Handed over to %(team)s.") % {"team": form.cleaned_data["team"]})
    return redirect("desk:case", found.public_id)


def _take(request, found):
    operations.assign(case=found, owner=request.user, by_user=request.user, at=clock.now())
    return redirect("desk:case", found.public_id)


def _reopen(request, found):
    operations.reopen(case=found, by_user=request.user, at=clock.now())
    return redirect("desk:case", found.public_id)


_ACTS = {"reply": _reply, "note": _note, "close": _close, "team": _hand_over, "take": _take, "reopen": _reopen}
