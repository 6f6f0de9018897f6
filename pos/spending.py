"""What a member spends at the till: rewards they can have, codes they bring, points and rewards a sale is paid with."""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

import loyalty.fraud
import loyalty.operations
import loyalty.rewards
import members.operations
import members.queries
from loyalty.models import Reward
from loyalty.sentences import money
from members import clock
from members.access import access_member
from pos.taking_turns import cashiers
from pos.tills import till_of


@dataclass(frozen=True)
class Choices:
    """What may be taken off or handed out now. `points_step` is None where points pay for nothing."""

    benefits: list
    rewards: list
    points_step: str | None
    key: str


@dataclass(frozen=True)
class Tender:
    """What a sale was paid with. `parts` are (kind in words, amount in minor units)."""

    parts: list
    to_pay_minor: int


def choices(_request, person, here, *, at) -> Choices:
    """For the member's page."""
    offered = loyalty.rewards.on_offer(member_id=person.pk, store_code=here.store.code if here else None, at=at)
    return Choices(
        benefits=[one for one in loyalty.rewards.owned(person.pk, at=at) if one.entitlement.needs_code],
        rewards=[one for one in offered if one.is_affordable],
        points_step=_step(),
        key=uuid.uuid4().hex,
    )


def _step() -> str | None:
    rate = loyalty.rewards.pay_rate()
    if not rate.pay_minor or rate.pay_currency != settings.CURRENCY:
        return None
    return _("%(points)s points pay %(money)s") % {
        "points": f"{rate.pay_points:,}", "money": money(rate.pay_minor, rate.pay_currency, whole=True)
    }  # fmt: skip


def chosen(request) -> loyalty.operations.Spend:
    """What the cashier ticked beside the amount. What cannot be read is refused by the ledger, not dropped."""
    points = request.POST.get("points", "").strip()
    benefits = []
    for text in request.POST.getlist("benefit"):
        try:
            benefits.append(str(uuid.UUID(text)))
        except ValueError:
            benefits.append(text[:40])
    return loyalty.operations.Spend(points=int(points) if points.isdecimal() else 0, benefits=tuple(benefits))


def tender_of(sale) -> Tender | None:
    """What paid for a sale beside money; None when nothing did."""
    parts = loyalty.rewards.tender_of(sale.pk)
    if not parts:
        return None
    paid = sum(part.minor for part in parts if part.kind != part.Kind.BENEFIT)
    return Tender([(part.get_kind_display(), part.minor) for part in parts], sale.total_minor - paid)


@cashiers
@require_POST
def redeem(request, public_id):
    """Hand a reward out. The page's key makes a second press the same act."""
    person, here = access_member(request.user, public_id), till_of(request)
    reward = Reward.objects.filter(public_id=_uuid(request.POST.get("reward"))).first()
    if members.queries.is_own_account(request.user, person):
        messages.error(request, _("This is your own account. A colleague hands out your rewards."))
    elif here and reward:
        _redeem(request, person, here, reward)
    return redirect("pos:member", public_id)


def _redeem(request, person, here, reward):
    try:
        done = loyalty.operations.redeem_reward(
            member_id=person.pk, reward_id=reward.pk, source=here.source, client_key=request.POST.get("key", "")[:64],
            at=clock.now(), store_code=here.store.code, by_user_id=request.user.pk,
        )  # fmt: skip
    except loyalty.operations.KeyReused:
        messages.info(
            request, _("A reward was handed out from this page already. Look at the list, then choose again.")
        )
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        _note(request, person, done.redemption.public_id, is_replay=done.is_replay)
        messages.success(request, _("“%(reward)s” is theirs.") % {"reward": reward.name})


@cashiers
@require_POST
def apply_code(request, public_id):
    """A voucher code the member brings: from now on theirs, ready to be ticked."""
    person, here = access_member(request.user, public_id), till_of(request)
    if here:
        try:
            loyalty.operations.claim_voucher(
                code=request.POST.get("code", "")[:60], member_id=person.pk, actor=f"user:{request.user.pk}",
                at=clock.now(),
            )  # fmt: skip
        except (loyalty.operations.LedgerRefusal, loyalty.fraud.TooManyAttempts) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The code is right. Tick it to use it on this sale."))
    return redirect("pos:member", public_id)


def _note(request, person, note, *, is_replay):
    if not is_replay:
        members.operations.note_access(
            user=request.user, member_id=person.pk, act="adjusted", door="pos", note=str(note)
        )


def _uuid(text):
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
