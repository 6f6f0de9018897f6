"""Rules under trial: what a rule changed, measured against the members who do not get it, as a campaign is measured.

Everybody assigned counts from the moment the rule was in force for them (intention to treat), whether or not they bought
anything it applies to. The figures are read when the page is; their mathematics is that of a campaign's report.
"""

from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from campaigns import figures, programme_lift, verdicts
from loyalty.models import RuleTrial
from members import clock
from members.access import Role, staff_only
from reports import lift

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)


def figures_of(trial: RuleTrial, *, at) -> dict:
    """The figures of a campaign's report: arms, comparisons with their doubt, the sample-ratio check."""
    subject = programme_lift.subject_of_trial(trial)
    return figures.read(subject, until=max(at, trial.starts_at), is_final=False, planned_end=None)


@readers
@require_GET
def rule_trials(request):
    at = clock.now()
    rows = [
        (trial, verdicts.of(lift.Read(figures_of(trial, at=at))))
        for trial in RuleTrial.objects.select_related("rule_set", "experiment")
    ]
    return render(request, "reports/rule_trials.html", {"rows": rows})


@readers
@require_GET
def rule_trial(request, pk):
    trial = get_object_or_404(RuleTrial.objects.select_related("rule_set", "experiment"), pk=pk)
    at = clock.now()
    found = figures_of(trial, at=at)
    context = lift.context(found) | {
        "trial": trial,
        "at": at,
        "verdict": verdicts.of(lift.Read(found)),
        "said": _("%(held)s members held out, %(given)s with the rule.")
        % {
            "held": f"{found['comparisons'][0]['n_control']:,}",
            "given": f"{found['comparisons'][0]['n_treated']:,}",
        },
    }
    return render(request, "reports/rule_trial.html", context)
