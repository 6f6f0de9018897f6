"""What was sent to the member, and what they are asked: the same words, to be read again here."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

import care.operations
import care.queries
import delivery.queries
import push.queries
from care import surveying
from delivery import contents, tokens
from members.clock import now
from portal.accounts import member_of, member_only
from push.wording import fill_in

SHOWN = 40


@dataclass(frozen=True)
class Letter:
    """A message as its reader knows it: its first words, how and when it came, and where it can be read whole."""

    title: str
    body: str
    channel: str
    sent_at: datetime
    url: str


@member_only
def overview(request):
    """Newest first. What was held back or never arrived is not listed: it was not sent."""
    history = delivery.queries.member_history(request.member.pk, limit=SHOWN * 2)
    sent = [letter for one in history if one.state == one.State.SENT and (letter := _letter(one, request.member))]
    return render(
        request,
        "portal/messages.html",
        {
            "letters": sent[:SHOWN], "surveys": surveys(request.member),
            "cases": care.queries.cases_of(request.member.pk).order_by("-opened_at", "-pk")[:10],
            "push_key": push.queries.application_server_key(),
            "has_archive": delivery.queries.has_archive(),
        },
    )  # fmt: skip


def _letter(message, member) -> Letter | None:
    try:
        handler, frozen = contents.resolve(message.content)
    except contents.UnknownContent:
        return None
    named = {"given_name": member.given_name, "family_name": member.family_name}
    has_page = message.channel == "email" and handler.has_page
    url = reverse("delivery:view_online", args=[tokens.token_for(message.pk)]) if has_page else ""
    return Letter(*_first_words(handler, frozen, message.values | named), message.channel, message.sent_at, url)


def _first_words(handler, frozen, values: dict) -> tuple[str, str]:
    """An e-mail's subject, or a push message's title and text, with the member's own values in them."""
    if hasattr(frozen, "subject"):
        return fill_in(frozen.subject, values), ""
    if hasattr(frozen, "title"):
        return fill_in(frozen.title, values), fill_in(frozen.body, values)
    return handler.subject(frozen), ""


def surveys(member) -> list:
    return list(care.queries.open_surveys(member.pk, at=now())[:3])


@member_only
def survey_about(request, survey_id):
    """Where any message may lead, a note on the member's own page too: to this survey's question as it is put to them."""
    asked = care.operations.ask_oneself(survey_id=survey_id, member_id=request.member.pk, at=now())
    if asked is None:
        messages.info(request, _("You have told us lately, or this question is no longer open. Thank you."))
        return redirect("portal:messages")
    return redirect("portal:survey", asked.token)


@never_cache
def survey(request, token):
    """One question, one tap, and no sign-in: the token of an invitation is all that is needed to answer it.

    Who is signed in sees only their own; another member's question does not exist for them.
    """
    request.member = member_of(request)
    asked = care.queries.invitation(token)
    if asked is None or (request.member and asked.member_id != request.member.pk):
        raise Http404
    if request.method == "POST":
        score = request.POST.get("score", "")
        try:
            care.operations.answer(
                token=token,
                score=int(score) if score.isdigit() else -1,
                comment=request.POST.get("comment", ""),
                at=now(),
            )
        except care.operations.CannotAnswer as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Thank you. We read every answer."))
            return redirect("portal:messages" if request.member else "portal:survey_thanks")
    low, high = surveying.LOWEST[asked.survey.kind], surveying.TOP[asked.survey.kind]
    context = {"asked": asked, "scores": range(low, high + 1), "chosen": request.GET.get("score", "")}
    return render(request, "portal/survey.html", context)


@never_cache
def survey_thanks(request):
    """The end for who answered without signing in: nothing of theirs is shown."""
    request.member = member_of(request)
    return render(request, "portal/survey_thanks.html")
