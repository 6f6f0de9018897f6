"""What could be better here: a form of three lines at every staff door, and the list of what its users said.

The page hangs under each door's own address, because each door has a session of its own (config/urls.py).
"""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from care import operations, queries
from care.models import CaseEntry, Team
from desk.forms import KeyedForm
from members import clock
from members.access import Role, has_role, staff_only

DOORS = {"pos": "pos:till", "desk": "desk:cases", "reports": "reports:overview", "cms": "wagtailadmin_home"}
"""The staff doors, and where each begins for everybody it lets in."""
SHOWN = 50
everybody = staff_only(*Role)


class FeedbackForm(KeyedForm):
    page = forms.CharField(widget=forms.HiddenInput, max_length=200, required=False)
    text = forms.CharField(
        label=gettext_lazy("What is in your way, or what do you miss?"), max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Please no names or numbers of members."),
    )  # fmt: skip


@never_cache
@everybody
@require_http_methods(["GET", "POST"])
def page(request, door):
    """The form; below it what this person said and what became of it, and for its owners what everybody said."""
    form = FeedbackForm(request.POST or None, initial={"page": _came_from(request)})
    here = reverse(f"feedback_{door}")
    if request.method == "POST" and form.is_valid():
        operations.say_what_could_be_better(
            text=form.cleaned_data["text"], page=form.cleaned_data["page"] or door, by_user=request.user, at=clock.now(),
            client_key=f"{request.user.pk}:{form.cleaned_data['key']}",
        )  # fmt: skip
        messages.success(request, _("Thank you. It stands in the product team's list."))
        return redirect(here)
    owns = owns_the_product(request.user)
    found = queries.feedback() if owns else queries.feedback(by_user=request.user)
    context = {
        "form": form, "door": door, "back": reverse(DOORS[door]), "owns": owns, "count": found.count(),
        "rows": [_told(one) for one in found[:SHOWN]], "opens_cases": door == "desk" and has_role(request.user, Role.SERVICE, Role.STORE_MANAGER),
    }  # fmt: skip
    return render(request, "desk/feedback.html", context, status=422 if form.errors else 200)


def owns_the_product(user) -> bool:
    """Managers, and whoever is in the product team, read what everybody said."""
    return has_role(user, Role.STORE_MANAGER) or Team.objects.filter(code="product", people=user).exists()


def _came_from(request) -> str:
    """The page of ours one came from, as a path."""
    before = request.headers.get("referer", "")
    ours = request.build_absolute_uri("/")
    return f"/{before.removeprefix(ours).partition('?')[0]}"[:200] if before.startswith(ours) else ""


def _told(case) -> dict:
    """One thing that was said: the words, who said them (staff by name, a member only as such), where, and our last answer."""
    entries = list(case.entries.all())
    heard = next((one for one in entries if one.kind == CaseEntry.Kind.HEARD), None)
    answers = [one.text for one in entries if one.kind == CaseEntry.Kind.REPLIED]
    by = heard.by_user if heard else None
    return {
        "case": case, "text": heard.text if heard else case.subject, "page": heard.detail if heard and by else "",
        "by": (by.get_full_name() or by.email) if by else (_("One of our members") if case.member_id else _("Somebody unknown")),
        "answer": answers[-1] if answers else "",
    }  # fmt: skip
