"""The page behind the link of a letter that asks whether a yes was meant. Opening it changes nothing; a POST confirms."""

from django.http import Http404
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from delivery import operations
from delivery.contents import ASKED_CONSENT
from delivery.models import Message
from delivery.visiting import language_of, message_at, private
from members import queries as people
from members.clock import now
from members.operations import CannotConfirm


@csrf_exempt  # as unsubscribing: the signed token is the permission, and no cookie is needed
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm(request, token: str):
    """Ask, because scanners follow links; a POST turns the topics that the page named into words of consent."""
    message = message_at(token)
    asked = _asked(message)
    told = {"token": token, "asked": asked}
    with translation.override(language_of(request, message)):
        if request.method == "POST":
            told |= _confirmed(request, message, asked)
        else:
            told |= {"is_done": asked.outcome == asked.Outcome.CONFIRMED, "is_open": asked.is_open(at=now())}
        told["topics"] = [Message.Purpose(one).label for one in told.pop("given", asked.purposes)]
        return private(render(request, "delivery/confirm.html", told))


def _asked(message: Message):
    kind, _colon, pk = message.content.partition(":")
    asked = people.asked_consent(int(pk)) if kind == ASKED_CONSENT else None
    if asked is None or asked.member_id != message.member_id:
        raise Http404
    return asked


def _confirmed(request, message: Message, asked) -> dict:
    try:
        given = operations.confirm(
            message=message, asked_id=asked.pk, purposes=request.POST.getlist("topic"), at=now(),
            network_address=request.META.get("REMOTE_ADDR", ""),
        )  # fmt: skip
    except CannotConfirm as reason:
        return {"why_not": str(reason)}
    return {"is_done": True, "given": given}
