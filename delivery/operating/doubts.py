"""Messages of which nobody can say whether the next hop took them: listed, decided, and a policy for those to come."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from delivery import operations, queries
from delivery.channels import route, ways
from delivery.models import Channel, ChannelPolicy
from members import clock
from members.access import Role, staff_only

OPERATORS = (Role.MARKETER, Role.APPROVER)
PER_PAGE = 50


class PolicyForm(forms.ModelForm):
    class Meta:
        model = ChannelPolicy
        fields = ("after_doubt", "doubt_days")


@staff_only(*OPERATORS)
@require_GET
def listing(request):
    cause = request.GET.get("cause", "")
    rows = queries.in_doubt(cause or None).order_by("-attempted_at", "-pk")
    context = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("p")),
        "cause": cause,
        "causes": queries.doubts_by_cause(),
        "channels": [_channel(channel) for channel in Channel if ways(channel.value)],
    }
    return TemplateResponse(request, "delivery/operating/doubts.html", context)


def _channel(channel: Channel) -> dict:
    stored = queries.policies().get(channel.value) or ChannelPolicy(channel=channel.value)
    return {
        "key": channel.value, "label": channel.label, "guarantee": route(channel.value).guarantee,
        "form": PolicyForm(instance=stored, prefix=channel.value),
    }  # fmt: skip


@staff_only(*OPERATORS)
@require_POST
def decide(request):
    """One answer for the messages that were ticked, or for all of a cause."""
    answer, cause = request.POST.get("answer"), request.POST.get("cause", "")
    if answer not in ("sent", "again"):
        raise Http404
    chosen = [int(one) for one in request.POST.getlist("message") if one.isdecimal()]
    if request.POST.get("is_all") and cause:
        chosen = list(queries.in_doubt(cause).values_list("pk", flat=True))
    settled = operations.resolve_doubt(message_ids=chosen, was_sent=answer == "sent", at=clock.now())
    if settled:
        told = ngettext("%(n)s message decided.", "%(n)s messages decided.", settled) % {"n": settled}
        messages.success(request, told)
    else:
        messages.warning(request, _("Nothing was decided: tick at least one message that is still in doubt."))
    return redirect("delivery_doubts")


@staff_only(*OPERATORS)
@require_POST
def policy(request, channel):
    if channel not in Channel.values:
        raise Http404
    form = PolicyForm(request.POST, prefix=channel)
    if form.is_valid():
        operations.set_doubt_policy(channel=channel, **form.cleaned_data)
        messages.success(request, _("The policy was saved. It holds for messages in doubt now and later."))
    else:
        messages.error(request, _("The policy was not saved: give the days as a whole number."))
    return redirect("delivery_doubts")
