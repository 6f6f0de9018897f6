"""What the member collects: cards of stamps, challenges, streaks, badges, and the code for friends."""

from dataclasses import dataclass
from datetime import date, datetime

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from loyalty import collecting
from loyalty import operations as loyalty
from members.clock import now
from portal import marks
from portal.accounts import member_only


@dataclass(frozen=True)
class Seal:
    """A badge as it is shown: once, with the last day it was won and how many times."""

    name: str
    rule: str
    won_on: date
    times: int


@dataclass(frozen=True)
class Collected:
    goals: list[collecting.Goal]
    badges: list[collecting.Badge]
    referral: collecting.Referred | None

    @property
    def is_empty(self) -> bool:
        return not (self.goals or self.badges or self.referral)

    @property
    def seals(self) -> list[Seal]:
        """One for each badge, however often it was won."""
        won = {}
        for badge in self.badges:
            won.setdefault((badge.name, badge.rule), []).append(badge.won_on)
        return [Seal(name, rule, max(days), len(days)) for (name, rule), days in won.items()]

    @property
    def nearest(self) -> list[collecting.Goal]:
        """The three goals that are furthest on their way."""
        return sorted((goal for goal in self.goals if not goal.is_won), key=lambda goal: -goal.percent)[:3]


def of(member, *, at: datetime) -> Collected:
    return Collected(
        collecting.goals(member.pk, at=at), collecting.badges(member.pk), collecting.referred(member.pk, at=at)
    )


@member_only
def overview(request):
    at = now()
    return render(
        request,
        "portal/goals/overview.html",
        {
            "collected": of(request.member, at=at), "wallets": collecting.beside_points(request.member.pk, at=at),
            **_link(request, collecting.referred(request.member.pk, at=at)),
        },
    )  # fmt: skip


def _link(request, referral) -> dict:
    """The address a friend joins by, and its QR code for a friend who stands beside."""
    if referral is None or not referral.code:
        return {}
    address = request.build_absolute_uri(f"{reverse('portal:join')}?{urlencode({'friend': referral.code})}")
    return {"link": address, "link_qr": marks.qr(address)}


@member_only
@require_POST
def referral_code(request):
    """Make the member's code, if the programme has referrals."""
    if collecting.referred(request.member.pk, at=now()) is not None:
        loyalty.referral_code(member_id=request.member.pk, at=now())
    return redirect("portal:goals")
