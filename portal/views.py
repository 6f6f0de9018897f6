"""The member's pages: each asks the rooms below once, and puts the answer into words."""

import json

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import Http404, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

import push.operations
import push.queries
import recommender.operations
from members import operations as members
from members.clock import now
from members.crypto import decrypt, encrypt
from portal import codes, glance, goals, marks, wishes
from portal.accounts import BACKEND, account_of, member_only
from portal.forms import AddressForm, CodeForm

SESSION_LOGIN, SESSION_ADDRESS, SESSION_NEXT = "login_id", "login_address", "login_next"
HISTORY_PAGE = 20


def sealed(address: str) -> str:
    """An address as a session may hold it: sessions are rows, and a login that is left alone leaves its row behind."""
    return encrypt(address, context=SESSION_ADDRESS).hex()


def opened(address: str) -> str:
    return decrypt(bytes.fromhex(address), context=SESSION_ADDRESS)


def _network(request) -> str:
    return request.META.get("REMOTE_ADDR", "")


# -- signing in --------------------------------------------------------------------------------------------------------


@never_cache
def login_start(request):
    """Ask for an address; whatever it is, the next page is the same."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["email"]
        try:
            start = members.start_login(identifier=address, at=timezone.now(), network=_network(request))
        except (ValueError, members.TooManyLogins) as reason:
            form.add_error(None, str(reason))
        else:
            codes.send_soon(start)
            request.session[SESSION_LOGIN] = str(start.login_id)
            request.session[SESSION_ADDRESS] = sealed(address)
            request.session[SESSION_NEXT] = request.GET.get("next", "")
            return redirect("portal:login_code")
    return render(request, "portal/login.html", {"form": form})


@never_cache
def login_code(request):
    """Take the code; it opens once, whoever types it in this browser."""
    login_id = request.session.get(SESSION_LOGIN)
    if not login_id:
        return redirect("portal:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            member = members.finish_login(login_id=login_id, code=form.cleaned_data["code"], at=timezone.now())
        except members.WrongCode as reason:
            form.add_error("code", str(reason))
        else:
            return _enter(request, member)
    return render(
        request, "portal/login_code.html", {"form": form, "address": opened(request.session[SESSION_ADDRESS])}
    )


def _enter(request, member):
    wanted = request.session.get(SESSION_NEXT, "")
    login(request, account_of(member), backend=BACKEND)
    for key in (SESSION_LOGIN, SESSION_ADDRESS, SESSION_NEXT):
        request.session.pop(key, None)
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith(reverse("portal:home"))
    response = redirect(wanted if is_ours else "portal:home")
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, member.language, max_age=365 * 24 * 3600, samesite="Lax")
    return response


@require_POST
def leave(request):
    logout(request)
    return redirect("portal:login")


# -- pages -------------------------------------------------------------------------------------------------------------


@member_only
def home(request):
    at = now()
    return render(
        request,
        "portal/home.html",
        {
            "glance": glance.of(request.member, at=at),
            "entries": glance.history(request.member, at=at, limit=3).entries,
            "offers": wishes.of(request.member, at=at, limit=2),
            "collected": goals.of(request.member, at=at),
        },
    )


@member_only
def card(request):
    number = glance.card_number(request.member)
    return render(
        request,
        "portal/card.html",
        {
            "number": number,
            "qr": marks.qr(number),
            "barcode": marks.barcode(number),
            "glance": glance.of(request.member, at=now()),
        },
    )


@member_only
def history(request):
    before = request.GET.get("before", "")
    if before and not before.isdigit():
        raise Http404
    page = glance.history(request.member, at=now(), limit=HISTORY_PAGE, before_version=int(before) if before else None)
    months = glance.by_month(request.member, page.entries)
    return render(request, "portal/history.html", {"page": page, "months": months, "is_first": not before})


@member_only
def entry(request, version):
    found = glance.entry(request.member, version)
    if found is None:
        raise Http404
    return render(request, "portal/entry.html", {"entry": found, "receipt": glance.receipt(request.member, found)})


@member_only
def offers(request):
    return render(request, "portal/offers.html", {"offers": wishes.of(request.member, at=now(), limit=6)})


@member_only
@require_POST
def dismiss(request):
    """“Not interested”: obeyed from the next page on."""
    category = request.POST.get("category", "")
    if not category.isdigit() or not wishes.is_offered(request.member, int(category)):
        raise Http404
    recommender.operations.dismiss(member_id=request.member.pk, category_id=int(category), at=now())
    messages.success(request, _("We will not suggest this again."))
    return redirect("portal:offers")


# -- what the member allows --------------------------------------------------------------------------------------------


@member_only
def preferences(request):
    return render(
        request,
        "portal/preferences.html",
        {
            "choices": wishes.consents(request.member, at=timezone.now()),
            "details": glance.details(request.member),
            "push_key": push.queries.application_server_key(),
            "languages": settings.LANGUAGES,
        },
    )


@member_only
@require_POST
def consent(request):
    channel, purpose = request.POST.get("channel", ""), request.POST.get("purpose", "")
    if (channel, purpose) not in wishes.ASKED:
        raise Http404
    is_granted = request.POST.get("is_granted") == "1"
    _note_consent(request, channel, purpose, is_granted=is_granted)
    messages.success(request, _("Saved. It counts from now on."))
    return redirect("portal:preferences")


def _note_consent(request, channel, purpose, *, is_granted):
    members.give_consent(
        member=request.member, channel=channel, purpose=purpose, is_granted=is_granted, at=timezone.now(),
        source="portal", text_version=wishes.TEXT_VERSION, address=_network(request),
    )  # fmt: skip


@member_only
@require_POST
def language(request):
    wanted = request.POST.get("language", "")
    if wanted not in dict(settings.LANGUAGES):
        raise Http404
    member = request.member
    members.set_profile(
        member_id=member.pk, given_name=member.given_name, family_name=member.family_name, language=wanted
    )
    with translation.override(wanted):
        messages.success(request, _("Saved. We write to you in this language from now on."))
    response = redirect("portal:preferences")
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, wanted, max_age=365 * 24 * 3600, samesite="Lax")
    return response


# -- push on this device -----------------------------------------------------------------------------------------------


@member_only
@require_POST
def push_subscribe(request):
    """Keep this device's subscription, and the word that came with it."""
    try:
        push.operations.subscribe(
            member_id=request.member.pk, subscription_json=request.body.decode(), at=timezone.now()
        )
    except (push.operations.BadSubscription, UnicodeDecodeError) as reason:
        return HttpResponseBadRequest(str(reason))
    _note_consent(request, "push", "marketing", is_granted=True)
    return JsonResponse({"is_on": True})


@member_only
@require_POST
def push_unsubscribe(request):
    try:
        endpoint = json.loads(request.body)["endpoint"]
    except (ValueError, KeyError, TypeError):
        return HttpResponseBadRequest(_("The address of the device is missing."))
    if not isinstance(endpoint, str):
        return HttpResponseBadRequest(_("The address of the device is missing."))
    push.operations.unsubscribe(endpoint=endpoint, member_id=request.member.pk)
    return JsonResponse({"is_on": False})


@require_GET
def service_worker(request):
    """The script that shows pushes; served from the portal's own path, because a worker's reach is its folder."""
    return render(request, "portal/sw.js", {"icon": static("design/icon-192.png")}, content_type="text/javascript")


@require_GET
def manifest(request):
    return JsonResponse(
        {
            "name": settings.SHOP_NAME,
            "short_name": settings.SHOP_NAME,
            "start_url": reverse("portal:home"),
            "scope": reverse("portal:home"),
            "display": "standalone",
            "background_color": "#fbf7ef",
            "theme_color": "#17594a",
            "icons": [
                {"src": static("design/mark.svg"), "sizes": "any", "type": "image/svg+xml"},
                {"src": static("design/icon-192.png"), "sizes": "192x192", "type": "image/png"},
            ],
        },
        content_type="application/manifest+json",
    )
