"""The demo's own pages: role cards, one-click sign-in, inbox, about the data, the living page of the design system."""

import re
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.staticfiles import finders
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from demo import about as about_the_data
from demo import meeting, people_of_demo, queries, tour
from demo.roles import BY_CODE, ROLES
from members.clock import now

BACKEND = "django.contrib.auth.backends.ModelBackend"


def demo_only(view):
    """The demo's doors exist in the demo alone: elsewhere the address is not found, whatever is installed."""

    def guarded(request, *args, **kwargs):
        if not settings.DEMO or settings.PRODUCTION:
            raise Http404
        return view(request, *args, **kwargs)

    guarded.__name__ = view.__name__
    return guarded


@demo_only
def home(request):
    featured = queries.featured()
    done = set(request.COOKIES.get(tour.COOKIE, "").split("."))
    return render(
        request,
        "demo/home.html",
        {
            "roles": ROLES,
            "api_docs": BY_CODE["developer"].home,
            "people": meeting.people(featured, at=now()),
            "store": queries.fact("busiest_store"),
            "steps": tour.steps(
                campaign_id=queries.fact("second_campaign"), member=featured.get("near_tier", {}), done=done
            ),
            "inbox_count": queries.inbox().count(),
            "is_ready": people_of_demo.is_anybody_there(),
        },
    )


@demo_only
@require_POST
def step(request):
    """A step of the tour that needs no role."""
    return _remember_step(request, redirect("demo:inbox"))


def _remember_step(request, response):
    """Remember the step as taken."""
    code = request.POST.get("step", "")
    if code.isalpha():
        done = {*request.COOKIES.get(tour.COOKIE, "").split("."), code} - {""}
        response.set_cookie(tour.COOKIE, ".".join(sorted(done)), max_age=30 * 24 * 3600, samesite="Lax")
    return response


@demo_only
def about(request):
    return render(request, "demo/about.html", {"parts": about_the_data.parts(queries.fact("weeks_moved", 0))})


class ExampleForm(forms.Form):
    """Shows every state of a field on the page of the design system."""

    name = forms.CharField(label=_("Name"), help_text=_("As it stands on the card."))
    size = forms.ChoiceField(label=_("Size"), choices=[("s", _("Small")), ("l", _("Large"))])
    amount = forms.DecimalField(label=_("Amount"))
    is_member = forms.BooleanField(label=_("Has a card"), required=False)


@demo_only
def design(request):
    sprite = Path(finders.find("design/icons.svg")).read_text()
    form = ExampleForm({"name": "Ada", "size": "s", "amount": "twelve"})
    return render(request, "demo/design.html", {"form": form, "icons": re.findall(r'<symbol id="([\w-]+)"', sprite)})


@demo_only
@require_POST
def sign_in(request, code):
    """Sign in as a role, at its own door: the path decides which session cookie is set (config/middleware.py)."""
    role = BY_CODE[code]
    user = people_of_demo.user_for(role, public_id=request.POST.get("member", ""))
    if user is None:
        messages.info(request, gettext("There is no member yet. The demo is still being made."))
        return redirect("demo:home")
    if request.user.pk != user.pk:
        form_secret = request.META.get("CSRF_COOKIE")
        login(request, user, backend=BACKEND)
        request.META["CSRF_COOKIE"] = form_secret  # forms open at the other doors stay valid
    wanted = request.POST.get("next", "")
    is_behind = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith(f"/{role.door}/")
    return _remember_step(request, redirect(wanted if is_behind else role.home))
