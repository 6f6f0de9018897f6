"""What granian serves in the bench of the API: the house as it is, on a database of the bench's own, and two empty endpoints.

`empty` has the body's shape as the framework's own Schema, so that what it measures stays what it was when the house validates faster;
`bare` has it as the house has it.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django
from django.conf import settings
from django.db import connection
from django.urls import include, path

settings.DATABASES["default"]["NAME"] = os.environ["BENCH_DATABASE"]
settings.ROOT_URLCONF = __name__
django.setup()

from typing import Annotated  # noqa: E402

from ninja import NinjaAPI, Schema  # after the apps are ready  # noqa: E402
from pydantic import Field  # noqa: E402

from api import schemas  # noqa: E402
from api.tokens import Token  # noqa: E402

empty = NinjaAPI(auth=Token(), urls_namespace="bench", openapi_url=None, docs_url=None)


class MemberIn(schemas.MemberIn, Schema):
    pass


class LineIn(schemas.LineIn, Schema):
    pass


class PurchaseIn(schemas.PurchaseIn, Schema):
    member: MemberIn | None = None
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=1000)]


@empty.post("/empty")
def nothing(request, purchase: PurchaseIn):
    return _nothing(purchase)


@empty.post("/bare")
def bare(request, purchase: schemas.PurchaseIn):
    return _nothing(purchase)


def _nothing(purchase) -> dict:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return {"receipt": purchase.receipt, "answer": cursor.fetchone()[0]}


urlpatterns = [path("api/v1/bench/", empty.urls), path("", include("config.urls"))]

from django.core.wsgi import get_wsgi_application  # reads the address table above  # noqa: E402

application = get_wsgi_application()
