"""Rewards in the member's app: what points buy, and what waits to be used."""

import uuid

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import loyalty.fraud
import loyalty.operations
import loyalty.queries
import loyalty.rewards
from loyalty.models import Reward
from members.clock import now
from portal import marks
from portal.accounts import member_only

SOURCE = "portal"


@member_only
@never_cache
def rewards(request):
    """What is on offer, first what the member can have now; and what is theirs already."""
    at, member = now(), request.member
    offered = loyalty.rewards.on_offer(member_id=member.pk, at=at)
    return render(request, "portal/rewards.html", {
        "spendable": loyalty.queries.spendable(member.pk, at=at),
        "can_have": [one for one in offered if one.is_affordable],
        "later": [one for one in offered if one.why_not == "too_few"],
        "owned": [one for one in loyalty.rewards.owned(member.pk, at=at) if one.code],
        "gift_cards": loyalty.rewards.gift_cards_of(member.pk, at=at),
        "key": uuid.uuid4().hex,
    })  # fmt: skip


@member_only
@require_POST
def redeem(request):
    """Take a reward. The page's key makes a double tap one reward."""
    reward = Reward.objects.filter(public_id=_uuid(request.POST.get("reward"))).first()
    if reward is None:
        raise Http404
    try:
        done = loyalty.operations.redeem_reward(
            member_id=request.member.pk, reward_id=reward.pk, source=SOURCE,
            client_key=f"{request.member.pk}:{request.POST.get('key', '')[:64]}", at=now(),
        )  # fmt: skip
    except loyalty.operations.KeyReused:
        messages.info(request, _("You took a reward from this page already. Choose again if you want another one."))
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("“%(reward)s” is yours.") % {"reward": reward.name})
        if done.redemption.entitlement and done.code:
            return redirect("portal:voucher", done.redemption.entitlement.public_id)
    return redirect("portal:rewards")


@member_only
@require_POST
def undo(request, public_id):
    """Give a reward back that was not used: points return to their lots, the code is void."""
    mine = [one.public_id for one in loyalty.rewards.unused_rewards(request.member.pk)]
    if public_id not in mine:
        messages.info(request, _("This reward was used or given back already."))
        return redirect("portal:rewards")
    try:
        back = loyalty.operations.reverse_redemption(
            redemption_id=public_id, source=SOURCE, client_key=f"undo:{public_id}", at=now()
        )
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        said = ngettext("%(points)s point is yours again.", "%(points)s points are yours again.", back.points)
        messages.success(request, said % {"points": f"{back.points:,}"})
    return redirect("portal:rewards")


@member_only
@require_POST
def claim(request):
    """Type a code in: what it gives is the member's."""
    try:
        given = loyalty.operations.claim_voucher(
            code=request.POST.get("code", "")[:60], member_id=request.member.pk, actor=f"member:{request.member.pk}",
            at=now(),
        )  # fmt: skip
    except (loyalty.operations.LedgerRefusal, loyalty.fraud.TooManyAttempts) as refusal:
        messages.error(request, str(refusal))
        return redirect("portal:rewards")
    messages.success(request, _("The code is yours: %(gives)s.") % {"gives": loyalty.rewards.gives(given)})
    return redirect("portal:rewards")


@member_only
@never_cache
def voucher(request, public_id):
    """One voucher, large enough to be scanned or read out."""
    found = [
        one
        for one in loyalty.rewards.owned(request.member.pk, at=now())
        if one.entitlement.public_id == public_id and one.code
    ]
    if not found:
        messages.info(request, _("This voucher was used, or its time is over."))
        return redirect("portal:rewards")
    unused = {one.pk for one in loyalty.rewards.unused_rewards(request.member.pk)}
    redemption = found[0].redemption
    return render(
        request,
        "portal/voucher.html",
        {
            "voucher": found[0], "qr": marks.qr(found[0].code),
            "may_undo": redemption is not None and redemption.pk in unused,
        },
    )  # fmt: skip


def _uuid(text):
    try:
        return uuid.UUID(text or "")
    except ValueError:
        raise Http404 from None
