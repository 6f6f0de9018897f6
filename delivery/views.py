"""The addresses inside messages. Everybody who holds a message may use them: no session, no cookie, no script.

A token that is not ours, or too old to follow, is a 404 without explanation.
"""

from base64 import b64decode

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from delivery import operations, queries
from delivery import receipts as receipts_of_providers
from delivery.machines import is_machine, network_of
from delivery.models import BY_CONSENT, Channel, Message, MessageEvent
from delivery.visiting import PAGE_POLICY, language_of, message_at, private, young_message_at
from emails.drawing import qr_png
from members import queries as people
from members.clock import now
from members.crypto import keyed_hash

_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def _note(request, message: Message, kind: str, *, link: str = ""):
    at = now()
    seconds = (at - message.sent_at).total_seconds() if message.sent_at else None
    machine = kind == MessageEvent.Kind.TRAPPED or is_machine(
        user_agent=request.headers.get("User-Agent", ""), seconds_since_sent=seconds, method=request.method
    )
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    operations.record_event(
        message_id=message.pk, kind=kind, at=at, link=link, is_machine=machine,
        network=keyed_hash(network, kind="network")[:8] if network else None,
    )  # fmt: skip


@require_safe
@never_cache
def click(request, token: str, link: str):
    """Follow a link of a message. Where it leads was stored when the content was frozen; nothing of the request decides it."""
    message = young_message_at(token)
    target = queries.link_target(message, link)
    if target is None:
        raise Http404
    _note(request, message, MessageEvent.Kind.CLICKED, link=link)
    return private(HttpResponseRedirect(target))


@require_safe
@never_cache
def trap(request, token: str):
    """The link that no reader sees. Nothing is behind it; whoever comes here follows every link there is."""
    _note(request, young_message_at(token), MessageEvent.Kind.TRAPPED)
    return private(HttpResponse(status=204))


@require_safe
@never_cache
def voucher_qr(request, token: str):
    """The code that a message shows, to be scanned at the till. Nothing is noted: a picture is fetched by machines too."""
    code = queries.voucher_code(young_message_at(token))
    if not code:
        raise Http404
    return private(HttpResponse(qr_png(code), content_type="image/png"))


@require_safe
@never_cache
def opened(request, token: str):
    _note(request, young_message_at(token), MessageEvent.Kind.OPENED)
    return private(HttpResponse(_PIXEL, content_type="image/gif"))


@csrf_exempt  # RFC 8058: the mail program posts without cookies; the signed token is the permission
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request, token: str):
    """GET asks, because scanners follow links; POST acts at once, once or ten times, also long after the message."""
    message = message_at(token)
    is_done = request.method == "POST"
    if is_done:
        operations.unsubscribe(token=token, at=now(), network_address=request.META.get("REMOTE_ADDR", ""))
    if is_done and request.POST.get("List-Unsubscribe") == "One-Click":
        return private(HttpResponse("Unsubscribed.\n", content_type="text/plain"))
    with translation.override(language_of(request, message)):
        return private(
            render(
                request,
                "delivery/unsubscribe.html",
                {"message": message, "token": token, "is_done": is_done, "about": operations.asked_by(message)[1]},
            )
        )


_CHANNELS = (Channel.EMAIL, Channel.PUSH, Channel.SMS)
_TOPICS = tuple(Message.Purpose(purpose) for purpose in BY_CONSENT)
_ASKED = tuple((str(channel), str(topic)) for topic in _TOPICS for channel in _CHANNELS)


@csrf_exempt  # as unsubscribing: the signed token is the permission, and no cookie is needed
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def preferences(request, token: str):
    """What a member wants to hear by which channel, without signing in. GET changes nothing; POST says all of it anew."""
    message = message_at(token)
    if message.member is None:
        raise Http404
    is_done = request.method == "POST"
    if is_done:
        wanted = {(channel, topic) for channel, topic in _ASKED if request.POST.get(f"{topic}:{channel}")}
        operations.set_preferences(
            message=message, asked=_ASKED, wanted=wanted, at=now(), network_address=request.META.get("REMOTE_ADDR", "")
        )
    given = people.consent_now(message.member_id, at=now())
    waiting = people.waiting_consent(message.member_id, at=now())
    given |= {(Channel.EMAIL, topic): True for topic in waiting.purposes} if waiting else {}
    topics = [(topic, [(one, given.get((one, topic), False)) for one in _CHANNELS]) for topic in _TOPICS]
    with translation.override(language_of(request, message)):
        return private(
            render(
                request,
                "delivery/preferences.html",
                {"token": token, "topics": topics, "is_done": is_done, "waiting": waiting},
            )
        )


@require_safe
@never_cache
def view_online(request, token: str):
    """The message as it was sent, for mail programs that garble it."""
    page = queries.page_of(young_message_at(token))
    if page is None:
        raise Http404
    if queries.has_archive():
        page = _with_the_archive(page)
    response = HttpResponse(page)
    response["Content-Security-Policy"] = PAGE_POLICY
    return private(response)


_PAST_IN_THE_DARK = """<style>@media (prefers-color-scheme: dark) {
  .past { background: #121a16 !important } .past a { color: #8fb3a2 !important }
}</style>"""


def _with_the_archive(page: str) -> str:
    """A line under the mail that leads to the others. The mail's own styles do not reach it: it brings what it needs."""
    line = format_html(
        '<p class="past" style="margin:0;padding:16px;text-align:center;font:14px Arial,sans-serif;background:#fff">'
        '<a style="color:#17594a" href="{}">{}</a></p>',
        reverse("delivery:archive"), translation.gettext("Past e-mails"),
    )  # fmt: skip
    if "prefers-color-scheme" in page:  # the mail has a dark mode
        line = f"{_PAST_IN_THE_DARK}{line}"
    before, end, after = page.rpartition("</body>")
    return f"{before}{line}{end}{after}" if end else page


@csrf_exempt  # a provider has no cookie of ours; its call proves itself by the secret that only it and we know
def receipts(request, provider: str):
    """A provider's news about messages. Checked, read and answered by django-anymail."""
    try:
        view = receipts_of_providers.view_of(provider)
    except receipts_of_providers.NotConfigured:
        raise Http404 from None
    return view(request)
