"""How much of whom: the ways out with their pace and how they fare, and how soon and often a member may hear from us."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from delivery import queries, transports
from delivery.models import BY_CONSENT, Channel, ChannelPolicy, Message, Pace, Transport
from delivery.operating.doubts import OPERATORS
from members import clock
from members import operations as members
from members import queries as people
from members.access import staff_only

PACES_MAX = 20


class TransportForm(forms.ModelForm):
    paces = forms.CharField(
        label=_("Pace by receivers"), required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, messages a minute: google 600. Write * for each of the others."),
    )  # fmt: skip

    class Meta:
        model = Transport
        fields = ("position", "is_used", "per_minute_max", "warm_up_from", "warm_up_start", "warm_up_percent")
        widgets = {"warm_up_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        told = [f"{pace.family} {pace.per_minute_max}" for pace in self.instance.paces.order_by("family")]
        self.initial.setdefault("paces", "\n".join(told))

    def clean_paces(self) -> dict[str, int]:
        found = {}
        for line in self.cleaned_data["paces"].splitlines():
            words = line.split()
            if not words:
                continue
            if len(words) != 2 or not words[1].isdecimal() or not 0 < int(words[1]) < 10**6 or len(words[0]) > 60:
                raise forms.ValidationError(
                    _("“%(line)s” is not understood: write a name and a number.") % {"line": line}
                )
            found[words[0].lower()] = int(words[1])
        if len(found) > PACES_MAX:
            raise forms.ValidationError(_("At most %(n)s lines.") % {"n": PACES_MAX})
        return found

    @transaction.atomic
    def save(self, commit=True):
        row = super().save(commit)
        row.paces.all().delete()
        Pace.objects.bulk_create(
            Pace(transport=row, family=family, per_minute_max=rate)
            for family, rate in self.cleaned_data["paces"].items()
        )
        return row


class LimitForm(forms.ModelForm):
    class Meta:
        model = ChannelPolicy
        fields = ("hours_between", "marketing_messages_max", "cap_days", "quiet_from", "quiet_until")
        widgets = {
            name: forms.TimeInput(attrs={"type": "time"}, format="%H:%M") for name in ("quiet_from", "quiet_until")
        }


class ConfirmForm(forms.Form):
    """Of which topics a yes by e-mail counts only once its reader has confirmed it."""

    topics = forms.MultipleChoiceField(
        label=gettext_lazy("A yes by e-mail must be confirmed for"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(one, Message.Purpose(one).label) for one in BY_CONSENT],
    )  # fmt: skip


@staff_only(*OPERATORS)
@require_GET
def listing(request):
    at = clock.now()
    context = {
        "ways": [
            {
                "row": row, "form": TransportForm(instance=row, prefix=f"t{row.pk}"), "today": transports.handed_today(row, at=at),
                "is_demoted": bool(row.demoted_until and row.demoted_until > at),
            }
            for row in transports.transports()
        ],
        "limits": [
            {"key": policy.channel, "label": Channel(policy.channel).label, "form": LimitForm(instance=policy, prefix=policy.channel)}
            for policy in ChannelPolicy.objects.order_by("pk")
        ],
        "overdue": queries.overdue(at=at),
        "confirming": ConfirmForm(initial={"topics": sorted(people.confirmed_topics())}),
    }  # fmt: skip
    return TemplateResponse(request, "delivery/operating/limits.html", context)


@staff_only(*OPERATORS)
@require_POST
def transport(request, pk):
    row = get_object_or_404(Transport, pk=pk)
    if "promote" in request.POST:
        Transport.objects.filter(pk=pk).update(demoted_until=None, demoted_because="")
        messages.success(request, _("It is used in its place again."))
        return redirect("delivery_transports")
    return _save(request, TransportForm(request.POST, instance=row, prefix=f"t{pk}"))


@staff_only(*OPERATORS)
@require_POST
def limit(request, channel):
    if channel not in Channel.values:
        raise Http404
    row = ChannelPolicy.objects.filter(channel=channel).first() or ChannelPolicy(channel=channel)
    return _save(request, LimitForm(request.POST, instance=row, prefix=channel))


@staff_only(*OPERATORS)
@require_POST
def confirming(request):
    """Which topics ask for a confirmation from now on."""
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        raise Http404
    members.set_confirmed_topics(purposes=form.cleaned_data["topics"], at=clock.now())
    messages.success(request, _("Saved. It holds for every yes from now on."))
    return redirect("delivery_transports")


def _save(request, form):
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved. It holds from the next messages on."))
    else:
        told = " ".join(
            f"{form.fields[name].label or name}: {' '.join(words)}"
            for name, words in form.errors.items()
            if name in form.fields
        )
        messages.error(request, _("Not saved. %(why)s") % {"why": told or " ".join(form.non_field_errors())})
    return redirect("delivery_transports")
