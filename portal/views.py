"""The member's pages: each asks the rooms below once, and puts the answer into words."""

import json

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

import push.operations
import push.queries
import recommender.operations
from loyalty import beside_points
from members import operations as members
from members import queries as member_queries
from members.clock import now
from portal import glance, goals, inbox, next_reward, notes, wishes
from portal.accounts import member_only
from portal.articles import good_to_know
from portal.entering import note_consent

HISTORY_PAGE = 20


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
            "reward": next_reward.of(request.member, at=at),
            "surveys": inbox.surveys(request.member),
            "notes": notes.of(request.member, at=at),
        },
    )


@member_only
def me(request):
    """Everything that is the member's, one tap away."""
    return render(
        request,
        "portal/me.html",
        {
            "glance": glance.of(request.member, at=now()), "details": glance.details(request.member),
            "articles": good_to_know(),
        },
    )  # fmt: skip


@member_only
def history(request):
    before = request.GET.get("before", "")
    if before and not before.isdigit():
        raise Http404
    page = glance.history(request.member, at=now(), limit=HISTORY_PAGE, before_version=int(before) if before else None)
    months = glance.by_month(request.member, page.entries)
    beside = [] if before else beside_points.wallets(request.member.pk)
    return render(
        request, "portal/history.html", {"page": page, "months": months, "is_first": not before, "beside": beside}
    )


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
    if request.htmx:  # the offer goes where it stands, and says so in its place
        return render(request, "portal/dismissed.html")
    messages.success(request, _("We will not suggest this again."))
    return redirect("portal:offers")


# -- what the member allows --------------------------------------------------------------------------------------------


@member_only
def preferences(request):
    topics, recommendations = wishes.consents(request.member, at=now())
    return render(
        request,
        "portal/preferences.html",
        {
            "topics": topics,
            "waiting": member_queries.waiting_consent(request.member.pk, at=now()),
            "recommendations": recommendations,
            "recommendations_hint": wishes.RECOMMENDATIONS[1],
            "details": glance.details(request.member),
            "push_key": push.queries.application_server_key(),
            "languages": settings.LANGUAGES,
            "passkeys": request.member.passkeys.order_by("pk"),
        },
    )


@member_only
@require_POST
def consent(request):
    channel, purpose = request.POST.get("channel", ""), request.POST.get("purpose", "")
    if (channel, purpose) not in wishes.ASKED:
        raise Http404
    is_granted = request.POST.get("is_granted") == "1"
    if note_consent(request, request.member, channel, purpose, is_granted=is_granted):
        messages.success(request, _("Saved. It counts from now on."))
    else:
        messages.success(
            request, _("One more step: we have written to you. It counts once you follow the link in that e-mail.")
        )
    return redirect("portal:preferences")


@member_only
@require_POST
def confirm_again(request):
    """One more letter that asks whether the yes was meant."""
    try:
        members.ask_again(member_id=request.member.pk, at=now())
    except members.TooManyLetters as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("Sent again. Look among the junk mail, too."))
    return redirect("portal:preferences")


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
    note_consent(request, request.member, "push", "marketing", is_granted=True)
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
    return render(
        request,
        "portal/sw.js",
        {"icon": static("design/icon-192.png"), "static_url": settings.STATIC_URL},
        content_type="text/javascript",
    )


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
