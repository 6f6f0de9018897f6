"""The card at the counter: its code, which changes while the phone is online, and the points as they come in."""

from django.http import JsonResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

import loyalty.queries
import loyalty.rewards
from members import card_tokens
from members import operations as members
from members.clock import now
from portal import glance, marks, passes
from portal.accounts import member_only


@member_only
@require_GET
def card(request):
    """One tap from everywhere. The code is asked for by the page; what is printed here is the number, which works always."""
    number = glance.card_number(request.member)
    seen = glance.of(request.member, at=now())
    return render(
        request,
        "portal/card.html",
        {
            "number": number, "qr": marks.qr(number), "barcode": marks.barcode(number), "glance": seen,
            "shown_ms": int(card_tokens.SHOWN_FOR.total_seconds() * 1000), "version": _version(request.member),
            "passes": passes.offered(),
        },
    )  # fmt: skip


@member_only
@require_GET
def token(request):
    """The next code, as a drawing. It names neither the member nor the number, and works once."""
    shown = members.card_token(member_id=request.member.pk)
    return JsonResponse({"qr": marks.qr(shown.text), "token": shown.text, "expires_at": shown.expires_at})


@member_only
@require_GET
def news(request):
    """What came in since the page was opened: asked every few seconds while the card is shown at a till."""
    wallet = loyalty.queries.wallet_of(request.member.pk)
    after = request.GET.get("after", "")
    if wallet is None or not after.isdigit() or wallet.version <= int(after):
        return JsonResponse({})
    new = [one for one in loyalty.queries.entries(request.member.pk, limit=5) if one.version > int(after)]
    change = sum(one.points for one in new)
    words = ngettext("%(points)s point", "%(points)s points", change) % {"points": f"{change:+,}".replace("-", "−")}
    return JsonResponse({"version": wallet.version, "points": f"{new[0].available_after:,}", "words": words})


def _version(member) -> int:
    wallet = loyalty.queries.wallet_of(member.pk)
    return wallet.version if wallet else 0


@member_only
@require_GET
def pocket(request):
    """Card, balance and vouchers on one page that needs nothing else: the phone keeps it, and shows it without a network."""
    at, number = now(), glance.card_number(request.member)
    vouchers = [one for one in loyalty.rewards.owned(request.member.pk, at=at) if one.code]
    return render(
        request,
        "portal/pocket.html",
        {
            "number": number, "qr": marks.qr(number), "barcode": marks.barcode(number), "at": at,
            "glance": glance.of(request.member, at=at), "vouchers": [(one, marks.qr(one.code)) for one in vouchers],
        },
    )  # fmt: skip
