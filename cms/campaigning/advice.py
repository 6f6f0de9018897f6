"""Recommended actions: what the figures speak for, what it should bring, and the yes that makes a draft of it."""

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import audiences
from campaigns.advice import operations
from campaigns.advice.ideas import HOLDOUT_PERCENT
from members import clock
from members.access import Role, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)


@marketers_only
@require_GET
def recommended(request):
    """The actions, the greatest expected value first; each with its data, its rule, and whom it is for."""
    at = clock.now()
    rows = [(one, audiences.sentences(one.idea.conditions)) for one in operations.recommended(at=at)]
    context = {"rows": rows, "at": at, "currency": settings.CURRENCY, "holdout_percent": HOLDOUT_PERCENT}
    return TemplateResponse(request, "cms/campaigning/advice.html", context)


@marketers_only
@require_POST
def accept(request, code):
    """Make the draft, and open it."""
    try:
        made = operations.accept(code, at=clock.now(), by=request.user)
    except operations.NothingToDo as reason:
        messages.error(request, str(reason))
        return redirect("cms_campaign_advice")
    messages.success(request, _("Made as a draft. Read it through; it goes out only when you say so."))
    return redirect("cms_campaign_edit" if made.is_draft else "cms_campaign", made.pk)
