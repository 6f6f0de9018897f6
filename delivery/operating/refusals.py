"""Addresses that are not written to any more, and what providers told last, as they told it."""

import json

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from delivery import operations, queries
from delivery.models import Channel
from delivery.operating.doubts import OPERATORS
from members import clock, normalise
from members.access import staff_only
from members.models import Access
from members.operations import note_access

DOOR = "cms"


class AddressForm(forms.Form):
    """An e-mail address or a phone number. It is looked for by its keyed hash; the list itself holds none in clear."""

    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"), choices=[(one.value, one.label) for one in (Channel.EMAIL, Channel.SMS)]
    )
    address = forms.CharField(label=gettext_lazy("Address or number"), max_length=254)

    def clean(self):
        said = super().clean()
        if "address" in said and "channel" in said:
            read = normalise.email if said["channel"] == Channel.EMAIL else normalise.phone
            try:
                said["address"] = read(said["address"])
            except ValueError as reason:
                self.add_error("address", str(reason))
        return said


@staff_only(*OPERATORS)
@require_GET
def listing(request):
    """The list by reason, and the answer to one address if it was asked about."""
    return _page(request, AddressForm())


@staff_only(*OPERATORS)
@require_POST
def look_up(request):
    """By POST, so that no address stands in a log of addresses visited."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    asked = form.cleaned_data
    return _page(request, form, asked=asked, found=queries.suppression(**asked))


@staff_only(*OPERATORS)
@require_POST
def decide(request):
    """Write to an address no more, or write to it again."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, form)
    if request.POST.get("answer") == "again":
        if operations.lift_suppression(**form.cleaned_data):
            messages.success(
                request, _("The address is written to again. If it bounces once more, it is closed again.")
            )
    elif request.POST.get("answer") == "never":
        operations.suppress(**form.cleaned_data, reason="manual", at=clock.now())
        messages.success(request, _("The address is not written to any more."))
    else:
        raise Http404
    return redirect("delivery_refusals")


def _page(request, form: AddressForm, **more):
    told = {"form": form, "counts": queries.suppression_counts(), "events": queries.told_by_providers()}
    return TemplateResponse(request, "delivery/operating/refusals.html", told | more)


@staff_only(*OPERATORS)
@require_GET
def event(request, pk):
    """One piece of a provider's news as it came. It names the recipient: who looked is noted with the member."""
    found = queries.told_by_provider(pk)
    if found is None:
        raise Http404
    member_id = found.message.member_id if found.message else None
    if member_id:
        note_access(user=request.user, member_id=member_id, act=Access.Act.VIEWED, door=DOOR, note=f"event {pk}")
    raw = json.dumps(json.loads(found.raw), indent=2, ensure_ascii=False) if found.raw else ""
    return TemplateResponse(request, "delivery/operating/event.html", {"event": found, "raw": raw})
