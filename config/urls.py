"""The house's addresses. A door whose app has a `urls.py` is entered under its own name."""

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns  # noqa: F401
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language
from wagtail.admin import urls as wagtailadmin_urls

from api.endpoints import api
from config import modules
from desk import feedback
from reports import machines

api.is_described = modules.is_described
api.add_router("", machines.router)  # the doors know nothing of each other: the analysts' figures are hung up here

urlpatterns = [
    path("api/v1/", include("api.urls")),  # first: tills ask most often, and patterns are tried in this order
    *([path("", include("demo.urls"))] if not settings.PRODUCTION else []),  # early: Wagtail answers all of /cms/
    path("language/", set_language, name="set_language"),
    path("staff/digests/", include("reports.digests.urls")),
    path("staff/", include("members.urls")),
    path("staff/", include("allauth.account.urls")),
    path("staff/mfa/", include("allauth.mfa.urls")),
    *(path(f"{door}/feedback/", feedback.page, {"door": door}, name=f"feedback_{door}") for door in feedback.DOORS),
    path("portal/", include("portal.urls")),
    path("pos/", include("pos.urls")),
    path("desk/", include("desk.urls")),
    path("reports/", include("reports.urls")),
    path("m/", include("delivery.urls")),  # links in messages: tracking, unsubscribe, view online
    path("cms/login/", RedirectView.as_view(url="/staff/enter/cms/", query_string=True)),  # one place to sign in
    path("cms/", include(wagtailadmin_urls)),
]
