"""Acts that look like fraud and wait for a person: the desk decides, with a reason that is kept."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import loyalty.operations
from desk.views import service
from loyalty import fraud
from members import clock

PAGE = 30


@never_cache
@service
def checks(request):
    """What waits for a decision, oldest first, each with what was seen."""
    page = Paginator(fraud.waiting(), PAGE).get_page(request.GET.get("page"))
    return render(request, "desk/checks.html", {"page": page, "waiting": [(one, fraud.reason(one)) for one in page]})


@service
@require_POST
def decide(request, pk):
    """Release the points of one act, or take them away."""
    is_released = request.POST.get("decision") == "release"
    try:
        done = loyalty.operations.decide_review(
            review_id=pk, release=is_released, reason=request.POST.get("reason", ""), by_user_id=request.user.pk,
            at=clock.now(),
        )  # fmt: skip
    except loyalty.operations.LedgerRefusal as reason:
        messages.error(request, str(reason))
    else:
        points = done.returned + done.debt_paid if is_released else done.cancelled
        said = _("%(points)s points are released.") if is_released else _("%(points)s points are taken away.")
        messages.success(request, said % {"points": f"{points:,}"})
    return redirect("desk:checks")
