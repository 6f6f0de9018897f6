"""The page of refused orders, one screen of them, and letting one go."""

from collections import defaultdict
from urllib.parse import urlencode

from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from api.refused_orders import queue, wording
from loyalty.programme.menu import managers_only
from members import clock

SCREEN = 25


@managers_only
@require_GET
def listing(request):
    """The latest that wait, of one shop or one error if asked for, and what was let go."""
    chosen = _chosen(request.GET)
    rows = queue.waiting().filter(**chosen)
    shown, total = list(rows[:SCREEN]), rows.count()
    context = {
        "rows": shown,
        "groups": _by_what_helps(shown),
        "total": total,
        "others": total - len(shown),
        "chosen": chosen,
        "sources": queue.by_source(),
        "codes": [(code, wording.label(code), n) for code, n in queue.by_code()],
        "let_go": [(row, wording.wrong(row)) for row in queue.let_go_lately()],
    }
    return TemplateResponse(request, "api/refused_orders.html", context)


def _by_what_helps(rows: list) -> list[tuple[str, str, list]]:
    """(What is wrong, what helps, the rows), the error that came last first: a remedy is read once for all it helps, and rows stay low."""
    groups = defaultdict(list)
    for row in rows:
        groups[wording.wrong(row), wording.helps(row)].append(row)
    return [(wrong, helps, some) for (wrong, helps), some in groups.items()]


@managers_only
@require_POST
def let_go(request, pk):
    if queue.let_go(pk=pk, by_user_id=request.user.pk, at=clock.now()):
        messages.success(request, _("Let go. If it is refused once more, it stands here again."))
    else:
        messages.warning(request, _("It was closed already."))
    asked = urlencode(_chosen(request.POST))
    return redirect(reverse("programme_refused_orders") + (f"?{asked}" if asked else ""))


def _chosen(said) -> dict:
    """What the reader narrowed the list to; what cannot be meant is left out."""
    source, code = said.get("source", ""), said.get("code", "")
    chosen = {"source": int(source)} if source.isdecimal() and len(source) < 10 else {}
    return chosen | ({"code": code} if code in wording.WORDS else {})
