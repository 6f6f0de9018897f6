"""What the demo's bars show on every page; nothing outside the demo."""

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from demo import queries
from demo.roles import ROLES


def demo(request):
    if not settings.DEMO:
        return {}
    return {"demo_roles": ROLES, "demo_weeks": SimpleLazyObject(lambda: queries.fact("weeks_moved", 0))}
