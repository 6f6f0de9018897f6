"""Where each person of staff chooses their digests, and reads one before it comes."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from members import clock
from members.access import Role, staff_only
from reports.digests import writing
from reports.digests.kinds import KINDS, Asked, stores_for
from reports.models import DigestChoice

everybody = staff_only(*Role)


@never_cache
@everybody
@require_http_methods(["GET", "POST"])
def overview(request):
    """The digests one may take, and how often."""
    chosen = writing.choices_of(request.user)
    if request.method == "POST":
        for code in chosen:
            every = request.POST.get(code, "")
            if every in DigestChoice.Every.values:
                DigestChoice.objects.update_or_create(
                    user=request.user, kind=code, defaults={"every": every, "changed_at": clock.now()}
                )
        messages.success(request, _("Saved."))
        return redirect("digests:overview")
    rows = [(KINDS[code], every) for code, every in chosen.items()]
    return render(request, "reports/digests/overview.html", {"rows": rows, "every": DigestChoice.Every.choices})


@never_cache
@everybody
@require_GET
def preview(request, code):
    """What it would say now, of the last seven days."""
    if code not in writing.choices_of(request.user):
        raise Http404
    kind, at = KINDS[code], clock.now()
    asked = Asked(at - writing.LENGTH[DigestChoice.Every.WEEK], at, stores_for(kind, request.user))
    return render(
        request, "reports/digests/preview.html", {"kind": kind, "sections": writing.sections(kind, asked), "at": at}
    )
