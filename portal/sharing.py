"""Points with others: gifts to other members, and the paid membership. The household stands beside (household.py)."""

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
import members.queries
from members.clock import now
from portal import household
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


@member_only
def sharing(request):
    """The household and gifts on one page."""
    return page(request)


def page(request, *, status=200, **changed):
    """The page, with a form that was refused in the place of an empty one."""
    at = now()
    context = {
        "balance": loyalty.queries.balance(request.member.pk, at=at), "gift_form": GiftForm(auto_id="gift_%s"),
        **household.context(request, at=at),
    }  # fmt: skip
    return render(request, "portal/sharing.html", context | changed, status=status)


@member_only
def membership(request):
    """The paid membership: what it gives, until when it is paid, how to end it. Who has just paid asks again by itself until it is there."""
    held, is_paid = loyalty.operations.membership_of(request.member.pk), request.GET.get("paid") == "1"
    if request.htmx and is_paid and held is None:
        return HttpResponse(status=204)  # nothing new: the page stays as it is, and nothing is read out again
    return render(
        request,
        "portal/membership.html",
        {"membership": held, "plans": loyalty.operations.open_plans(), "is_paid": is_paid},
    )


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
    return page(request, gift_form=form, status=422)


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
