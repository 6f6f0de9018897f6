"""One till, several cashiers: it locks when left alone, and is taken over by a PIN instead of a password.

Only people of the same store take turns, and only where one of them has signed in in full. A till that is left for two minutes
asks for the PIN before it does anything; what was typed meanwhile is carried along and done after it.
"""

import functools
import time

from django.contrib import messages
from django.contrib.auth import BACKEND_SESSION_KEY, get_user_model, login
from django.db.models import Q
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from members import operations
from members.access import Role, staff_only, stores_of
from members.models import TillPin

IDLE_SECONDS = 120
NOTED_EVERY = 10
SEEN, BY_PIN, BEFORE, STORE = "till_seen", "till_by_pin", "till_before", "store"
PIN = "till_pin"
crew_only = staff_only(Role.CASHIER, Role.STORE_MANAGER)


def cashiers(view):
    """A page of the till: for cashiers and managers, and not while it is locked."""

    @functools.wraps(view)
    def guarded(request, *args, **kwargs):
        if not _is_locked(request):
            _note_seen(request)
            return view(request, *args, **kwargs)
        if request.method != "POST" or PIN not in request.POST:
            return _locked(request)
        try:
            operations.check_pin(user=request.user, pin=request.POST[PIN])
        except operations.WrongPin as reason:
            return _locked(request, reason=str(reason))
        _note_seen(request)
        return view(request, *args, **kwargs) if request.POST.get("carried") else redirect(request.get_full_path())

    return crew_only(guarded)


def _is_locked(request) -> bool:
    seen = request.session.get(SEEN)
    return seen is not None and time.time() - seen > IDLE_SECONDS and has_pin(request.user)


def has_pin(user) -> bool:
    return TillPin.objects.filter(user=user).exists()


def _note_seen(request):
    """Written rarely: a session is a row, and a till asks often."""
    now = time.time()
    if now - request.session.get(SEEN, 0) > NOTED_EVERY:
        request.session[SEEN] = now


def _locked(request, *, reason: str = "") -> HttpResponse:
    carried = [(name, value) for name, value in request.POST.items() if name not in {PIN, "csrfmiddlewaretoken"}]
    if request.method == "POST" and PIN not in request.POST:
        carried.append(("carried", "yes"))
    return render(request, "pos/locked.html", {"carried": carried, "reason": reason}, status=423)


@never_cache
@crew_only
@require_POST
def unlock(request):
    """The PIN typed over a page that locked itself: the page stays as it was."""
    try:
        operations.check_pin(user=request.user, pin=request.POST.get(PIN, ""))
    except operations.WrongPin as reason:
        return JsonResponse({"reason": str(reason)}, status=403)
    request.session[SEEN] = time.time()
    return HttpResponse(status=204)


# -- taking over -------------------------------------------------------------------------------------------------------


def colleagues(user):
    """Who may take over from this cashier: people of the same stores who have a PIN, by name."""
    people = get_user_model().objects.filter(is_active=True, is_staff=True, till_pin__isnull=False)
    at_the_counter = Q(groups__name__in=[Role.CASHIER, Role.STORE_MANAGER])
    return (
        people.filter(at_the_counter, stores__in=stores_of(user))
        .exclude(pk=user.pk)
        .distinct()
        .order_by("first_name", "pk")
    )


@never_cache
@crew_only
def switch(request):
    """Another cashier takes over. It works at a locked till too: the one who left need not come back."""
    others, reason = list(colleagues(request.user)), ""
    if request.method == "POST":
        chosen = next((one for one in others if str(one.pk) == request.POST.get("cashier")), None)
        try:
            _check(chosen, request.POST.get(PIN, ""))
        except operations.WrongPin as refused:
            reason = str(refused)
        else:
            _hand_over(request, chosen)
            messages.success(request, _("%(name)s is at the till.") % {"name": chosen.first_name or chosen.username})
            return redirect("pos:till")
    before = request.session.get(BEFORE)
    first = request.POST.get("cashier") or (str(before) if before else "") or (str(others[0].pk) if others else "")
    return render(
        request, "pos/switch.html", {"others": others, "first": first, "reason": reason}, status=422 if reason else 200
    )


def _check(chosen, pin: str):
    if chosen is None:
        raise operations.WrongPin(_("Choose who takes over."))
    operations.check_pin(user=chosen, pin=pin)


def _hand_over(request, chosen):
    left, store = request.user.pk, request.session.get(STORE)
    login(request, chosen, backend=request.session[BACKEND_SESSION_KEY])  # a new session, with nothing of the old one
    request.session.update({BY_PIN: True, BEFORE: left, SEEN: time.time()})
    if store and stores_of(chosen).filter(code=store).exists():
        request.session[STORE] = store


@never_cache
@cashiers
def choose_pin(request):
    """One's own PIN, after signing in in full: who came in by a PIN cannot make another."""
    reason, is_by_pin = "", bool(request.session.get(BY_PIN))
    if request.method == "POST" and not is_by_pin:
        pin = request.POST.get("pin", "")
        try:
            _set(request.user, pin, again=request.POST.get("again", ""))
        except ValueError as refused:
            reason = str(refused)
        else:
            messages.success(request, _("Your PIN is set. F9 hands the till over."))
            return redirect("pos:till")
    return render(request, "pos/pin.html", {"reason": reason, "is_by_pin": is_by_pin}, status=422 if reason else 200)


def _set(user, pin: str, *, again: str):
    if pin != again:
        raise ValueError(_("The two are not the same. Type the PIN twice."))
    operations.set_pin(user=user, pin=pin)
