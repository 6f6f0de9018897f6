"""Records that are probably one person: shown side by side, and decided by somebody."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from members import clock, operations, queries
from members.access import Role, staff_only

service = staff_only(Role.SERVICE)
A_PAGE = 20


@never_cache
@service
@require_safe
def overview(request):
    """The pairs nobody has decided on, the surest first."""
    found = queries.duplicate_pairs().prefetch_related("low__identifiers", "high__identifiers")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    pairs = [(pair, [queries.masked(pair.low), queries.masked(pair.high)]) for pair in page]
    return render(request, "desk/duplicates.html", {"page": page, "pairs": pairs})


@service
@require_POST
def dismiss(request, pk):
    """Two people after all."""
    pair = queries.duplicate_pairs().filter(pk=pk).first()
    if pair is None:
        raise Http404
    operations.dismiss_pair(pair=pair, by_user=request.user, at=clock.now())
    messages.success(request, _("They stay two. The pair is not shown again."))
    return redirect("desk:duplicates")
