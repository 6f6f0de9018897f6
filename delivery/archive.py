"""Past mails that everybody may read: no member's name, offers or points are in them, and nobody's visit is noted."""

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from delivery import queries
from delivery.models import ArchivedMail
from delivery.visiting import PAGE_POLICY


@require_safe
def listing(request):
    """The latest first: those in the reader's language before the others."""
    both = queries.archived(language=translation.get_language() or "")
    return render(request, "delivery/archive.html", {"both": both})


@require_safe
@xframe_options_sameorigin
def mail(request, pk: int):
    page = queries.archived_page(get_object_or_404(ArchivedMail, pk=pk))
    if page is None:
        raise Http404
    response = HttpResponse(page)
    response["Content-Security-Policy"] = PAGE_POLICY
    return response


@require_safe
def follow(request, pk: int, link: str):
    """Where a link of the mail leads for somebody nobody knows: what was stored when it was frozen, and nothing else."""
    target = queries.archived_target(get_object_or_404(ArchivedMail, pk=pk), link)
    if target is None:
        raise Http404
    return HttpResponseRedirect(target)
