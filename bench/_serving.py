"""What granian serves in the bench of the API: the house as it is, on a database of the bench's own, and one empty endpoint."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.conf import settings
from django.db import connection
from django.urls import include, path

settings.DATABASES["default"]["NAME"] = os.environ["BENCH_DATABASE"]
settings.ROOT_URLCONF = __name__
django.setup()

from ninja import NinjaAPI  # after the apps are ready  # noqa: E402

from api.schemas import PurchaseIn  # noqa: E402
from api.tokens import Token  # noqa: E402

empty = NinjaAPI(auth=Token(), urls_namespace="bench", openapi_url=None, docs_url=None)


@empty.post("/empty")
def nothing(request, purchase: PurchaseIn):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return {"receipt": purchase.receipt, "answer": cursor.fetchone()[0]}


urlpatterns = [path("api/v1/bench/", empty.urls), path("", include("config.urls"))]

from django.core.wsgi import get_wsgi_application  # reads the address table above  # noqa: E402

application = get_wsgi_application()
