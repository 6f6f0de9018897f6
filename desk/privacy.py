"""A member's data and their wish to be forgotten, when they ask at the desk instead of in the portal."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

import loyalty.queries
import members.operations
from desk import forms
from members import clock, personal_data
from members.access import Role, access_member, staff_only

service = staff_only(Role.SERVICE)


@never_cache
@service
@require_GET
def download(request, public_id):
    """Everything stored about the member, to hand to them. It is written down that somebody took it."""
    person = access_member(request.user, public_id)
    at = timezone.now()
    members.operations.note_access(user=request.user, member_id=person.pk, act="exported", door="desk")
    response = HttpResponse(personal_data.archive(person, at=at), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="member-{person.public_id}-{at:%Y-%m-%d}.zip"'
    return response


@never_cache
@service
def erase(request, public_id):
    """What would go, and the form that makes it so."""
    person = access_member(request.user, public_id)
    form = forms.EraseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        members.operations.note_access(user=request.user, member_id=person.pk, act="erased", door="desk")
        try:
            members.operations.erase(member_id=person.pk, at=clock.now(), source="desk", by_user=request.user)
        except members.operations.CannotErase as reason:
            messages.error(request, str(reason))
            return redirect("desk:member", public_id)
        messages.success(request, _("The member is erased. Their receipts stay in the books without a name."))
        return redirect("desk:find")
    balance = loyalty.queries.balance(person.pk, at=clock.now())
    return render(request, "desk/erase.html", {"member": person, "form": form, "balance": balance})
