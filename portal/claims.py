"""A receipt without points: found and given at once, or handed to somebody who looks."""

from babel.numbers import get_currency_precision
from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

import care.operations
import care.queries
import loyalty.operations
from members import modules
from members.clock import now
from portal.accounts import member_only
from portal.forms import ClaimForm

TOPIC = "missing_points"


@member_only
def claim(request):
    """The form, and what became of earlier claims."""
    form = ClaimForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            recorded = loyalty.operations.claim_receipt(
                member_id=request.member.pk, receipt=form.cleaned_data["receipt"], total_minor=_minor(form), at=now()
            )
        except loyalty.operations.ReceiptNotFound:
            return _ask_somebody(request, form)
        except loyalty.operations.LedgerRefusal as refusal:
            form.add_error(None, str(refusal))
        else:
            said = ngettext("Found: %(points)s point is yours.", "Found: %(points)s points are yours.", recorded.points)
            messages.success(request, said % {"points": f"{recorded.points:,}"})
            return redirect("portal:history")
    cases = care.queries.cases_of(request.member.pk).filter(topic__code=TOPIC).order_by("-opened_at", "-pk")[:10]
    return render(request, "portal/claim.html", {"form": form, "cases": cases})


def _minor(form: ClaimForm) -> int:
    return int((form.cleaned_data["total"] * 10 ** get_currency_precision(settings.CURRENCY)).to_integral_value())


def _ask_somebody(request, form: ClaimForm):
    """Open a case; the same receipt again is the same case. Where there are no cases, the counter helps."""
    if not modules.is_on("cases"):
        messages.error(request, _("We do not know this receipt. Please show it at the counter."))
        return redirect("portal:claim")
    receipt = form.cleaned_data["receipt"]
    opened = care.operations.open_case(
        topic=TOPIC, text=form.cleaned_data["words"] or _("Points are missing for this receipt."), channel="portal", at=now(),
        member_id=request.member.pk, receipt=receipt, source="portal",
        client_key=f"claim:{request.member.public_id}:{receipt}"[:120],
        subject=_("Receipt %(receipt)s, total %(total)s") % {"receipt": receipt, "total": form.cleaned_data["total"]},
    )  # fmt: skip
    if opened.is_replay:
        messages.info(request, _("We are looking for this receipt already."))
    else:
        messages.success(
            request, _("We did not find it by itself, so a colleague looks for it. You see here what comes of it.")
        )
    return redirect("portal:claim")
