"""The household: found one, ask others in, share, take out, hand it over, leave it.

Nobody is put into a household by somebody else's hand: whoever heads it gives out a signed link, good for a week, and who opens it joins
with a part of their own choice.
"""

import uuid
from datetime import datetime, timedelta

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
from members.clock import now
from portal import marks
from portal.accounts import member_only

SOURCE, SALT, INVITED_FOR = "portal", "portal.household", timedelta(days=7)


def _new_key() -> str:
    return uuid.uuid4().hex


class ShareForm(forms.Form):
    percent = forms.IntegerField(
        label=gettext_lazy("Share of every purchase, in per cent"), min_value=0, max_value=100, initial=50
    )


class DrawForm(forms.Form):
    key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=_new_key)
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1)


def context(request, *, at: datetime) -> dict:
    """What the page of sharing shows of the household, with the link for those who head one."""
    held = loyalty.queries.household_of(request.member.pk, at=at)
    shown = {
        "household": held, "draw_form": DrawForm(auto_id="draw_%s"),
        "share_form": ShareForm(auto_id="share_%s", initial={"percent": held.percent} if held else None),
    }  # fmt: skip
    if held and held.is_head:
        said = signing.dumps([held.household.pk, request.member.pk], salt=SALT)
        link = request.build_absolute_uri(reverse("portal:household_join", args=[said]))
        shown |= {"invitation": link, "invitation_qr": marks.qr(link)}
    return shown


# -- one's own -----------------------------------------------------------------------------------------------------------


@member_only
@require_POST
def found(request):
    form = ShareForm(request.POST, auto_id="share_%s")
    if not form.is_valid():
        return _again(request, form)
    return _tried(
        request, loyalty.operations.found_household, name=request.member.family_name, head_id=request.member.pk,
        percent=form.cleaned_data["percent"], at=now(),
    )  # fmt: skip


@member_only
@require_POST
def draw(request):
    """Take points out of the household, to spend them."""
    held, form = _held(request), DrawForm(request.POST, auto_id="draw_%s")
    if not form.is_valid():
        return _again(request, form)
    return _tried(
        request, loyalty.operations.draw_from_pool, household=held.household, member_id=request.member.pk,
        points=form.cleaned_data["points"], source=SOURCE, client_key=form.cleaned_data["key"], at=now(),
    )  # fmt: skip


@member_only
@require_POST
def part(request):
    """Change what one shares of one's own purchases."""
    held, form = _held(request), ShareForm(request.POST, auto_id="share_%s")
    if not form.is_valid():
        return _again(request, form)
    return _tried(
        request, loyalty.operations.change_share, household=held.household, member_id=request.member.pk,
        by_member_id=request.member.pk, percent=form.cleaned_data["percent"], may_spend=held.may_spend, at=now(),
    )  # fmt: skip


@member_only
@require_POST
def hand_over(request):
    """Another member of the household heads it from now on."""
    held = _held(request)
    heir = next((one.member for one in held.shares if str(one.member.public_id) == request.POST.get("to")), None)
    if heir is None:
        raise Http404
    return _tried(
        request, loyalty.operations.hand_over_household, household=held.household, to_member_id=heir.pk,
        by_member_id=request.member.pk,
    )  # fmt: skip


@member_only
@require_POST
def leave(request):
    return _tried(
        request, loyalty.operations.leave_household, household=_held(request).household, member_id=request.member.pk,
        by_member_id=request.member.pk, at=now(),
    )  # fmt: skip


def _again(request, form):
    messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
    return redirect("portal:sharing")


def _held(request):
    held = loyalty.queries.household_of(request.member.pk, at=now())
    if held is None:
        raise Http404
    return held


def _tried(request, act, **said):
    try:
        act(**said)
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Done."))
    return redirect("portal:sharing")


# -- joining -------------------------------------------------------------------------------------------------------------


@member_only
def join(request, invitation):
    """By the link of whoever heads it. Reading the page joins nobody."""
    try:
        household_id, head_id = signing.loads(invitation, salt=SALT, max_age=INVITED_FOR)
    except signing.BadSignature:
        return _over(request)
    held = loyalty.queries.household_of(head_id, at=now())
    if held is None or held.household.pk != household_id or not held.is_head:
        return _over(request)
    form = ShareForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _tried(
            request, loyalty.operations.join_household, household=held.household, member_id=request.member.pk,
            percent=form.cleaned_data["percent"], by_member_id=head_id, at=now(),
        )  # fmt: skip
    mine = loyalty.queries.household_of(request.member.pk, at=now())
    head = next(one.member for one in held.shares if one.is_head)
    return render(request, "portal/household_join.html", {"form": form, "head": head, "mine": mine})


def _over(request):
    messages.error(request, _("This invitation is no longer good. Ask for a new one: it holds for a week."))
    return redirect("portal:sharing")
