"""The till while it is cut off: the page and the worker that keep it going, and the door through which its sales come in."""

import json

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from members import card_tokens, clock
from members.access import Role, staff_only, stores_of
from pos.handing_in import AT_ONCE, hand_in
from pos.tills import till_of

cashiers = staff_only(Role.CASHIER, Role.STORE_MANAGER)
ASSETS = ("pos/till.css", "pos/codes.js", "pos/queue.js", "pos/offline.js", "pos/connection.js")


@require_GET
def worker(request):
    """The service worker; served from the till's own path, because a worker's reach is its folder."""
    return render(
        request,
        "pos/sw.js",
        {"assets": [static(name) for name in ASSETS], "queue": static("pos/queue.js"), "language": get_language()},
        content_type="text/javascript",
    )


@require_GET
def shell(request):
    """The page of a till that is cut off. It knows nobody and nothing: a browser keeps it."""
    lengths = {"token_length": card_tokens.LENGTH, "token_prefix": card_tokens.PREFIX}
    return render(request, "pos/offline.html", lengths)


@never_cache
@require_GET
def status(request):
    """Whether the house can be reached, and by whom: what a till asks every few seconds."""
    if "ping" in request.GET:
        return HttpResponse(status=204)
    is_cashier = request.user.is_authenticated and request.user.is_staff
    here = till_of(request) if is_cashier else None
    return JsonResponse({"store": here.store.code if here else "", "csrf": get_token(request) if here else ""})


@never_cache
@cashiers
@require_POST
def sales(request):
    """Take the sales a till tells; each is answered for itself."""
    try:
        said = json.loads(request.body)["sales"]
    except (ValueError, KeyError, TypeError):
        said = None
    if not isinstance(said, list) or len(said) > AT_ONCE:
        return JsonResponse({"error": _("Tell at most 200 sales at a time, as a list.")}, status=400)
    stores = {store.code: store for store in stores_of(request.user)}
    return JsonResponse({"answers": hand_in(said, user=request.user, stores=stores, now=clock.now())})
