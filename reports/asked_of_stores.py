"""From the cases per thousand visits to the very cases: a page with as many rows as the figure says, of one store or of all."""

from datetime import datetime, timedelta

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from care.models import Case
from members import clock
from members.access import Role, has_role, staff_only
from sales.models import Store

readers = staff_only(Role.ANALYST, Role.MARKETER, Role.APPROVER)
DAYS, A_PAGE = 91, 50


@readers
@require_GET
def cases(request):
    """Cases that name a store, in the 91 days before a moment. What they are about, never who asked: that is the desk's page."""
    code, at = request.GET.get("store", ""), _moment(request.GET.get("at", ""))
    store = get_object_or_404(Store, code=code) if code else None
    found = Case.objects.filter(store__isnull=False, opened_at__gt=at - timedelta(days=DAYS), opened_at__lte=at)
    found = found.filter(store=store) if store else found
    rows = found.select_related("topic", "team", "store").order_by("-opened_at", "-pk")
    page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "store": store, "at": at, "page": page, "count": page.paginator.count, "days": DAYS,
        "opens_cases": has_role(request.user, Role.SERVICE, Role.STORE_MANAGER),
    }  # fmt: skip
    return render(request, "reports/cases.html", context)


def _moment(text: str) -> datetime:
    """The moment of the figure one came from; without one, now. Raises Http404."""
    if not text:
        return clock.now()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Http404(_("There is no such moment.")) from None
    if at.tzinfo is None:
        raise Http404(_("There is no such moment."))
    return at
