"""What every page may know: which door it is, and whether this is the demo."""

from django.conf import settings


def site(request):
    path = request.path_info.split("/", 2)
    return {
        "door": path[1] if len(path) > 1 else "",
        "is_demo": settings.DEMO,
        "site_name": settings.WAGTAIL_SITE_NAME,
    }
