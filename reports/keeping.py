"""The pages of what is kept: evaluations of changes, monthly editions, and the report by mail."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from members import clock
from reports import evaluating, letters
from reports.figures import readers
from reports.models import Edition, Evaluation, Mailing


class EvaluationForm(forms.ModelForm):
    kpi = forms.ChoiceField(
        label=gettext_lazy("Figure"),
        choices=[(code, label) for code, (label, *_rest) in evaluating.KPIS.items()],
    )

    class Meta:
        model = Evaluation
        fields = ("name", "kpi", "changed_on", "days", "target_percent", "store")
        widgets = {"changed_on": forms.DateInput(attrs={"type": "date"})}

    def clean_days(self):
        days = self.cleaned_data["days"]
        if not 7 <= days <= 366:
            raise forms.ValidationError(_("Compare between 7 and 366 days."))
        return days


@readers
@require_http_methods(["GET", "POST"])
def evaluations(request):
    """Every evaluation with what it says now, and the form of a new one."""
    at = clock.now()
    form = EvaluationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = form.save(commit=False)
        made.by_user, made.created_at = request.user, at
        made.save()
        return redirect("reports:evaluations")
    rows = [
        (one, evaluating.answer(one, at=at), evaluating.KPIS[one.kpi])
        for one in Evaluation.objects.select_related("store")[:50]
    ]
    return render(
        request, "reports/evaluations.html", {"rows": rows, "form": form, "at": at}, status=422 if form.errors else 200
    )


@readers
@require_GET
def edition_list(request):
    mailing = Mailing.objects.filter(user=request.user).first()
    return render(
        request,
        "reports/editions.html",
        {"editions": Edition.objects.defer("panels"), "mailing": mailing, "every": Mailing.Every},
    )


@readers
@require_GET
def edition(request, month):
    found = get_object_or_404(Edition, month=f"{month}-01") if _is_month(month) else None
    if found is None:
        raise Http404(_("There is no such edition."))
    return render(request, "reports/edition.html", {"edition": found, "panels": list(found.panels.items())})


def _is_month(words: str) -> bool:
    year, _dash, month = words.partition("-")
    return len(year) == 4 and year.isdigit() and month.isdigit() and 1 <= int(month) <= 12


@readers
@require_POST
def subscribe(request):
    """Have the own dashboard mailed, or no longer."""
    every = request.POST.get("every", "")
    if every in Mailing.Every.values:
        due_at = letters.next_due(every, at=clock.now())
        Mailing.objects.update_or_create(user=request.user, defaults={"every": every, "due_at": due_at})
        messages.success(request, _("Your dashboard comes by mail from now on."))
    else:
        Mailing.objects.filter(user=request.user).delete()
        messages.success(request, _("No report is mailed to you any more."))
    return redirect("reports:editions")
