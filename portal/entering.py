"""How a member comes in: with a code to an address of theirs, or with a passkey; and how somebody becomes a member.

One field takes an e-mail address or a phone number. Whatever is typed, the next page is the same.
"""

import json

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from loyalty import operations as loyalty
from members import clock
from members import operations as members
from members import queries as member_queries
from members.confirmation import AskedConsent
from members.crypto import decrypt, encrypt
from portal import codes, wishes
from portal.accounts import BACKEND, account_of, member_only
from portal.forms import CodeForm, JoinForm, LoginForm

LOGIN, ADDRESS, NEXT, JOINING, FRIEND, PASSKEY = (
    "login_id", "login_address", "login_next", "login_joining", "login_friend", "passkey_state",
)  # fmt: skip


def sealed(address: str) -> str:
    """An address as a session may hold it: sessions are rows, and a login that is left alone leaves its row behind."""
    return encrypt(address, context=ADDRESS).hex()


def opened(address: str) -> str:
    return decrypt(bytes.fromhex(address), context=ADDRESS)


def network(request) -> str:
    return request.META.get("REMOTE_ADDR", "")


# -- by code -----------------------------------------------------------------------------------------------------------


@never_cache
def login_start(request):
    """Ask for an address; whatever it is, the next page is the same."""
    form = LoginForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _send_code(request, form, joins=False):
        request.session[NEXT] = request.GET.get("next", "")
        return redirect("portal:login_code")
    return render(request, "portal/login.html", {"form": form, "next": request.GET.get("next", "")})


@never_cache
def join(request):
    """Become a member: one field, a consent that nobody ticked beforehand. A friend's link brings their code along."""
    if friend := request.GET.get("friend", "")[:20]:
        request.session[FRIEND] = friend
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _send_code(request, form, joins=True):
        request.session[JOINING] = {"is_granted": form.cleaned_data["consent"]}
        return redirect("portal:login_code")
    context = {"form": form, "friend": request.session.get(FRIEND, "")}
    return render(request, "portal/join.html", context)


def _send_code(request, form, *, joins: bool) -> bool:
    """Send a code to the form's address and remember what it is for; False when the form says why not."""
    address = form.cleaned_data["address"]
    if members.kind_of(address) == "phone" and not codes.may_text():
        form.add_error("address", _("We send no text messages here. Use your e-mail address."))
        return False
    try:
        start = members.start_login(
            identifier=address,
            at=timezone.now(),
            network=network(request),
            language=get_language() or "en",
            joins=joins,
        )
    except (ValueError, members.TooManyLogins) as reason:
        form.add_error("address", str(reason))
        return False
    codes.send_soon(start)
    request.session[LOGIN], request.session[ADDRESS] = str(start.login_id), sealed(address)
    request.session.pop(JOINING, None)
    return True


@never_cache
def login_code(request):
    """Take the code; it opens once, whoever types it in this browser."""
    login_id = request.session.get(LOGIN)
    if not login_id:
        return redirect("portal:login")
    form = CodeForm(request.POST or None)
    address = opened(request.session[ADDRESS])
    if request.method == "POST" and form.is_valid():
        try:
            return _finish(request, login_id, form.cleaned_data["code"], address)
        except members.WrongCode as reason:
            form.add_error("code", str(reason))
    context = {"form": form, "address": address, "is_joining": JOINING in request.session}
    return render(request, "portal/login_code.html", context | codes.where_to_read(address))


def _finish(request, login_id: str, code: str, address: str):
    joining = request.session.get(JOINING)
    if joining is None:
        return enter(request, members.finish_login(login_id=login_id, code=code, at=timezone.now()))
    joined = members.finish_join(
        login_id=login_id, code=code, identifier=address, language=get_language() or "en", time_zone=settings.TIME_ZONE,
        at=timezone.now(),
    )  # fmt: skip
    if joining["is_granted"]:
        channel = "email" if members.kind_of(address) == "email" else "sms"
        note_consent(request, joined.member, channel, "marketing", is_granted=True)
    friend = request.session.pop(FRIEND, "")
    if joined.is_new and friend:
        _thank(friend, joined.member)
    response = enter(request, joined.member)
    return redirect("portal:welcome") if joined.is_new else response


def _thank(friend: str, member):
    """Write down who brought whom; a code that does not count keeps nobody from joining."""
    try:
        loyalty.refer(code=friend, friend_id=member.pk, at=clock.now())
    except loyalty.LedgerRefusal:
        return


def note_consent(request, member, channel: str, purpose: str, *, is_granted: bool) -> bool:
    """Write a member's word down with its proof. False: it counts once they have confirmed it by e-mail."""
    said = members.give_consent(
        member=member, channel=channel, purpose=purpose, is_granted=is_granted, at=clock.now(), source="portal",
        text_version=wishes.TEXT_VERSION, address=network(request),
    )  # fmt: skip
    return not isinstance(said, AskedConsent)


def enter(request, member):
    """Sign the member in and lead them to where they knocked."""
    wanted = request.session.get(NEXT, "")
    login(request, account_of(member), backend=BACKEND)
    for key in (LOGIN, ADDRESS, NEXT, JOINING, PASSKEY):
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


@member_only
def welcome(request):
    """The first page of a new member: the card is there already; a name and a passkey may follow, or not."""
    if request.method == "POST":
        member = request.member
        members.set_profile(
            member_id=member.pk, given_name=request.POST.get("given_name", "").strip()[:60], family_name=member.family_name,
            language=member.language,
        )  # fmt: skip
        return redirect("portal:home")
    waiting = member_queries.waiting_consent(request.member.pk, at=clock.now())
    return render(request, "portal/welcome.html", {"waiting": waiting})


# -- by passkey --------------------------------------------------------------------------------------------------------


@require_POST
def passkey_ask(request):
    """What the browser is to ask its passkeys."""
    asked = members.begin_passkey_login(host=request.get_host())
    request.session[PASSKEY] = asked.state
    request.session[NEXT] = request.GET.get("next", "")
    return JsonResponse(asked.options)


@require_POST
def passkey_answer(request):
    """Take the browser's answer; where to go next is told as `url`."""
    try:
        member = members.finish_passkey_login(
            host=request.get_host(), state=request.session.pop(PASSKEY, None), answer=_said(request)
        )
    except members.BadPasskey as reason:
        return HttpResponseBadRequest(str(reason))
    return JsonResponse({"url": enter(request, member).url})


@member_only
@require_POST
def passkey_make(request):
    """What the browser is to make a passkey of."""
    asked = members.begin_passkey(member=request.member, host=request.get_host())
    request.session[PASSKEY] = asked.state
    return JsonResponse(asked.options)


@member_only
@require_POST
def passkey_keep(request):
    """Keep the passkey the browser made."""
    said = _said(request)
    try:
        members.add_passkey(
            member=request.member, host=request.get_host(), state=request.session.pop(PASSKEY, None), answer=said,
            name=device_of(request.META.get("HTTP_USER_AGENT", "")),
        )  # fmt: skip
    except members.BadPasskey as reason:
        return HttpResponseBadRequest(str(reason))
    return JsonResponse({"is_kept": True})


@member_only
@require_POST
def passkey_remove(request, passkey_id):
    members.remove_passkey(member=request.member, passkey_id=passkey_id)
    return redirect("portal:preferences")


def _said(request) -> dict:
    try:
        said = json.loads(request.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def device_of(agent: str) -> str:
    """A device as its owner would call it, from what its browser says of itself."""
    for mark, name in (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
                       ("Macintosh", "Mac"), ("Linux", "Linux")):  # fmt: skip
        if mark in agent:
            return name
    return _("A device")
