"""The demo's own pages: role cards, one-click sign-in, inbox, about the data, the living page of the design system."""

import re
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.staticfiles import finders
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from demo import people_of_demo, queries
from demo.roles import BY_CODE, ROLES

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
    return render(request, "demo/home.html", {"roles": ROLES, "featured": queries.featured()})


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
    user = people_of_demo.user_for(role)
    if user is None:
        return redirect("demo:home")
    if request.user.pk != user.pk:
        form_secret = request.META.get("CSRF_COOKIE")
        login(request, user, backend=BACKEND)
        request.META["CSRF_COOKIE"] = form_secret  # forms open at the other doors stay valid
    return redirect(role.home)
