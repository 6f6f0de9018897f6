"""Which addresses belong to a module that may be switched off (members/modules.py). Only the top knows all addresses."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from members import modules

#: Module → how its routes begin. A variable part of a route is written `<>`; the longest beginning decides.
ROUTES: dict[str, tuple[str, ...]] = {
    "goals": ("portal/goals/", "api/v1/members/<>/collected"),
    "referral": ("portal/goals/referral-code/", "api/v1/members/<>/referral-code", "api/v1/members/<>/referred-by"),
    "gift": ("portal/sharing/gift/", "desk/members/<>/together/gift/", "api/v1/gifts"),
    "household": (
        "portal/sharing/household/", "desk/members/<>/together/household/", "api/v1/members/<>/household",
    ),
    "membership": ("portal/membership/", "portal/sharing/membership/", "cms/programme/memberships/"),
    "claims": ("portal/claim/",),
    "pages": ("portal/pages/", "cms/snippets/portal/"),
    "cases": (
        "portal/write/", "portal/cases/", "desk/cases/", "desk/members/<>/cases/", "api/v1/cases",
        "cms/snippets/care/topic/", "cms/snippets/care/route/",
        "pos/feedback/", "desk/feedback/", "reports/feedback/", "cms/feedback/",
    ),
    "surveys": ("portal/surveys/", "cms/snippets/care/survey/"),
    "tasks": ("desk/tasks/", "desk/members/<>/tasks/"),
    "opportunities": ("desk/pipeline/", "desk/members/<>/opportunities/", "cms/snippets/care/stage/"),
    "duplicates": ("desk/duplicates/",),
    "journeys": ("cms/journeys/",),
    "offers": ("portal/offers/", "cms/snippets/recommender/"),
    "retention": ("cms/retention/",),
    "push": ("portal/push/", "cms/push/"),
    "visits": ("api/v1/visits", "cms/snippets/members/visitsite/"),
    "till": ("pos/",),
    "partners": ("cms/programme/partners/", "api/v1/partner/"),
    "gift_cards": ("api/v1/gift-cards",),
    "what_if": ("cms/programme/what-if/",),
    "digests": ("staff/digests/",),
}  # fmt: skip

_BEGINNINGS = sorted(
    ((beginning, code) for code, routes in ROUTES.items() for beginning in routes), key=lambda pair: -len(pair[0])
)


@lru_cache(maxsize=4096)
def module_of(route: str) -> str:
    """The module a route belongs to, or nothing."""
    plain = re.sub(r"<[^>]*>|\(\?P<\w+>[^)]*\)", "<>", route).lstrip("^")
    return next((code for beginning, code in _BEGINNINGS if plain.startswith(beginning)), "")


def is_open(route: str) -> bool:
    """Whether a route may be entered now."""
    off = modules.switched_off()
    return not off or module_of(route) not in off


def is_described(path: str) -> bool:
    """Whether a path of the interface, as OpenAPI writes it, is one that can be asked now."""
    return is_open(re.sub(r"\{[^}]*\}", "<>", path.lstrip("/")))


def leads_somewhere(address: str) -> bool:
    """Whether a link of ours leads to a page that is switched on. What is not ours is none of our business."""
    if not modules.switched_off():
        return True
    try:
        return is_open(resolve(urlsplit(str(address)).path).route)
    except Resolver404:
        return True
