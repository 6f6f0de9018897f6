"""What we hold about the member: to read, to take along, to have deleted."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

import loyalty.queries
from members import operations, personal_data
from members.clock import now
from portal import glance
from portal.accounts import member_only


@dataclass(frozen=True)
class Loss:
    """What a member gives up by leaving, as their pages show it today."""

    points: int
    pending: int
    tier: str
    offers: int
    beside: list[str]


def _loss(member) -> Loss:
    at = now()
    seen = glance.of(member, at=at)
    return Loss(
        points=seen.points, pending=seen.pending, tier=seen.tier, beside=seen.beside,
        offers=loyalty.queries.active_entitlements(member.pk, at=at).count(),
    )  # fmt: skip


@member_only
@require_GET
def overview(request):
    return render(request, "portal/my_data.html", {"sections": personal_data.of(request.member)})


@member_only
@require_GET
def download(request):
    """Everything in one file, made while the member waits: a person's own rows are few."""
    at = timezone.now()
    response = HttpResponse(personal_data.archive(request.member, at=at), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="my-data-{at:%Y-%m-%d}.zip"'
    return response


@member_only
@require_GET
def what_is_lost(request):
    """The first of two steps: nothing happens here but reading."""
    return render(request, "portal/what_is_lost.html", {"loss": _loss(request.member)})


@member_only
def delete(request):
    """The second step. Only a ticked box and a press of the button delete anything."""
    if request.method == "POST":
        if request.POST.get("understood") != "yes":
            messages.error(request, _("Tick the box first: what is deleted cannot be brought back."))
            return redirect("portal:delete_account")
        operations.erase(member_id=request.member.pk, at=now(), source="portal")
        logout(request)
        return redirect("portal:goodbye")
    return render(request, "portal/delete_account.html", {"loss": _loss(request.member)})


@require_GET
def goodbye(request):
    return render(request, "portal/goodbye.html")
