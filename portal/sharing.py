"""Points with others: the household, gifts to other members, and the paid membership."""

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
import members.queries
from members.clock import now
from portal.accounts import member_only

SOURCE = "portal"


def _new_key() -> str:
    return uuid.uuid4().hex


class GiftForm(forms.Form):
    """To whom: by the number on their card, which they tell; nobody is looked up by name."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=_new_key)
    card = forms.CharField(
        label=gettext_lazy("Number on their card"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1)

    def clean_card(self):
        found = members.queries.by_identifier("card", self.cleaned_data["card"])
        if found is None:
            raise forms.ValidationError(_("No card has this number. Check it with them."))
        return found


class DrawForm(forms.Form):
    key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=_new_key)
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1)


@member_only
def sharing(request):
    """The household, gifts and the membership on one page."""
    return _page(request)


def _page(request, *, status=200, **changed):
    at = now()
    context = {
        "balance": loyalty.queries.balance(request.member.pk, at=at),
        "household": loyalty.queries.household_of(request.member.pk, at=at),
        "gift_form": GiftForm(auto_id="gift_%s"), "draw_form": DrawForm(auto_id="draw_%s"),
    }  # fmt: skip
    return render(request, "portal/sharing.html", context | changed, status=status)


@member_only
def membership(request):
    """The paid membership: what it gives, until when it is paid, how to end it."""
    return render(
        request,
        "portal/membership.html",
        {
            "membership": loyalty.operations.membership_of(request.member.pk), "plans": loyalty.operations.open_plans(),
            "is_paid": request.GET.get("paid") == "1",
        },
    )  # fmt: skip


@member_only
@require_POST
def gift(request):
    form = GiftForm(request.POST, auto_id="gift_%s")
    if form.is_valid():
        try:
            loyalty.operations.give_points(
                from_member_id=request.member.pk, to_member_id=form.cleaned_data["card"].pk,
                points=form.cleaned_data["points"], source=SOURCE, client_key=form.cleaned_data["key"], at=now(),
            )  # fmt: skip
        except loyalty.operations.LedgerRefusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Given. They keep their last day."))
            return redirect("portal:sharing")
    return _page(request, gift_form=form, status=422)


@member_only
@require_POST
def household(request, act):
    """Draw points from the household, or leave it."""
    held = loyalty.queries.household_of(request.member.pk, at=now())
    if held is None or act not in {"draw", "leave"}:
        raise Http404
    form = DrawForm(request.POST, auto_id="draw_%s")
    if act == "draw" and not form.is_valid():
        return _page(request, draw_form=form, status=422)
    try:
        if act == "draw":
            loyalty.operations.draw_from_pool(
                household=held.household, member_id=request.member.pk, points=form.cleaned_data["points"], source=SOURCE,
                client_key=form.cleaned_data["key"], at=now(),
            )  # fmt: skip
        else:
            loyalty.operations.leave_household(
                household=held.household, member_id=request.member.pk, by_member_id=request.member.pk, at=now()
            )
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Done."))
    return redirect("portal:sharing")


@member_only
@require_POST
def join(request, plan_id):
    """On to the payment provider's page; the tier is held as soon as it says that the membership is paid."""
    plan = next((plan for plan in loyalty.operations.open_plans() if plan.pk == plan_id), None)
    if plan is None:
        raise Http404
    here = request.build_absolute_uri(reverse("portal:membership"))
    try:
        address = loyalty.operations.join(
            member_id=request.member.pk, plan=plan, success_url=f"{here}?paid=1", cancel_url=here
        )
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
        return redirect("portal:membership")
    return redirect(address)


@member_only
@require_POST
def leave(request):
    """End the membership with the period that is paid."""
    try:
        loyalty.operations.leave(member_id=request.member.pk, at=now())
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Your membership ends with the period that is paid."))
    return redirect("portal:membership")
