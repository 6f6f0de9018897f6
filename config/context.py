"""What every page may know: which door it is, whose shop, which colours the reader chose, and whether this is the demo."""

from django.conf import settings

from members.modules import Switches

THEMES = {"light", "dark"}


def site(request):
    path = request.path_info.split("/", 2)
    theme = request.COOKIES.get("theme", "")
    return {
        "door": path[1] if len(path) > 1 else "",
        "is_demo": settings.DEMO,
        "modules": Switches(),
        "site_name": settings.WAGTAIL_SITE_NAME,
        "shop_name": settings.SHOP_NAME,
        "theme": theme if theme in THEMES else "",
    }
