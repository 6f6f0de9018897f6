"""What every address inside a message begins and ends with: whose message it is, its reader's language, and that nobody learns it."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils import translation

from delivery import queries
from delivery.models import Message
from delivery.tokens import BadToken
from members.clock import now

LINKS_LIVE = timedelta(days=400)
# What an author wrote is shown in the reader's browser under our name: pictures and styles, and nothing that acts.
PAGE_POLICY = (
    "default-src 'none'; img-src 'self' https: data:; style-src 'unsafe-inline'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


def message_at(token: str) -> Message:
    try:
        return queries.message_of(token)
    except BadToken:
        raise Http404 from None


def young_message_at(token: str) -> Message:
    """The message, while its links still lead somewhere."""
    message = message_at(token)
    if now() - message.enqueued_at > LINKS_LIVE:
        raise Http404
    return message


def private(response: HttpResponse) -> HttpResponse:
    """The address names a person's message: neither search engines nor the next site shall learn it."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def language_of(request, message: Message) -> str:
    """The reader's own choice on this site, else the language the message was written in."""
    if settings.LANGUAGE_COOKIE_NAME in request.COOKIES or message.member is None:
        return translation.get_language()
    return (
        message.member.language if message.member.language in dict(settings.LANGUAGES) else translation.get_language()
    )
