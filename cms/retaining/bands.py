"""A whole band of risk at once: choose it and what is done, see what that would cost, do it, and read what it changed."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from campaigns import verdicts
from campaigns.models import Intervention
from campaigns.retention import operations, queries, wholesale
from campaigns.retention.bands import BANDS, BY_CODE
from cms.retaining.views import CHANGERS, changers_only, readers_only
from members import clock
from members.access import has_role


class BandForm(forms.Form):
    band = forms.ChoiceField(label=gettext_lazy("band"), choices=[(one.code, one.label) for one in BANDS])
    intervention = forms.ModelChoiceField(
        Intervention.objects.filter(is_live=True), label=gettext_lazy("what is done"), empty_label=None,
        help_text=gettext_lazy("For the whole band, whatever each member stays for; only who stays for service is given no discount."),
    )  # fmt: skip


@readers_only
@require_http_methods(["GET"])
def bands(request):
    """The bands as they stand, what acting on one would do, and the lift of what was done so far."""
    at = clock.now()
    form = BandForm(request.GET if "band" in request.GET else None)
    chosen = form.cleaned_data if form.is_bound and form.is_valid() else None
    measured = [(one, verdicts.of(read)) for one in queries.running() if (read := queries.lift(one, at=at))]
    context = {
        "bands": wholesale.standing(), "form": form, "chosen": chosen, "currency": settings.CURRENCY, "measured": measured,
        "band": BY_CODE[chosen["band"]] if chosen else None, "may_change": has_role(request.user, *CHANGERS),
        "prospect": wholesale.foresee(band=BY_CODE[chosen["band"]], intervention=chosen["intervention"]) if chosen else None,
        "has_interventions": form.fields["intervention"].queryset.exists(),
    }  # fmt: skip
    return TemplateResponse(request, "cms/retaining/bands.html", context)


@changers_only
@require_http_methods(["POST"])
def give(request):
    """Do it, and say what became of everybody in the band."""
    form = BandForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a band and what is done."))
        return redirect("cms_bands")
    band, intervention = BY_CODE[form.cleaned_data["band"]], form.cleaned_data["intervention"]
    try:
        done = wholesale.give(band=band, intervention=intervention, by_user=request.user, at=clock.now())
    except operations.CannotAct as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _told(done))
    return redirect(f"{reverse('cms_bands')}?band={band.code}&intervention={intervention.pk}")


def _told(done: wholesale.Done) -> str:
    parts = [
        ngettext("%(n)d member got it", "%(n)d members got it", done.given) % {"n": done.given},
        ngettext("%(n)d left alone by chance", "%(n)d left alone by chance", done.held_out) % {"n": done.held_out},
        *(f"{n}: {wholesale.why_words(why)}" for why, n in sorted(done.others.items())),
    ]
    return "; ".join(parts) + "."
