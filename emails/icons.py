"""Pictures an e-mail can show: PNG, because few clients draw SVG."""

from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

_FOLDER = Path(__file__).parent / "static" / "emails" / "icons"
ICONS = frozenset(path.stem for path in _FOLDER.glob("*.png"))
DEFAULT = "offer"


def icon_url(icon: str, *, site_url: str = "") -> str:
    """The absolute address of an icon by its code; of the common one where there is none of that name."""
    name = icon if icon in ICONS else DEFAULT
    return f"{site_url or settings.SITE_URL}{static(f'emails/icons/{name}.png')}"
