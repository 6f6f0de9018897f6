"""The recording inbox: what the programme sent, as it arrived."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from demo import queries
from demo.models import InboxMessage
from demo.reading import read
from demo.views import demo_only

PER_PAGE = 25
VIEWS = ("html", "text", "headers", "source")


def _listed(request) -> dict:
    channel = request.GET.get("channel", "")
    channel = channel if channel in InboxMessage.Channel.values else ""
    to = request.GET.get("to", "").strip()
    page = Paginator(queries.inbox(channel=channel, to=to), PER_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "channel": channel, "to": to, "is_filtered": bool(channel or to)}


@demo_only
def inbox(request):
    return render(request, "demo/inbox.html", _listed(request))


@demo_only
def message(request, pk):
    found = get_object_or_404(InboxMessage, pk=pk)
    reading = read(found)
    shown = [name for name in VIEWS if getattr(reading, name)]
    chosen = request.GET.get("as", "")
    return render(
        request,
        "demo/inbox.html",
        _listed(request)
        | {
            "message": found, "reading": reading, "views": shown,
            "chosen": chosen if chosen in shown else (shown[0] if shown else "source"),
        },
    )  # fmt: skip


@demo_only
@xframe_options_sameorigin
def message_html(request, pk):
    """The mail's own HTML, in a frame that may run nothing, read nothing and call nobody but this site's pictures."""
    reading = read(get_object_or_404(InboxMessage, pk=pk, channel=InboxMessage.Channel.EMAIL))
    # Links leave the frame: a mail program opens them in the browser.
    html = reading.html.replace("<head>", '<head><base target="_blank">', 1)
    response = HttpResponse(html)
    response["Content-Security-Policy"] = (
        f"sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' {settings.SITE_URL} data:; "
        "style-src 'unsafe-inline'"
    )
    response["Referrer-Policy"] = "no-referrer"
    return response
