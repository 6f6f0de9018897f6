"""Where marketers write the pages for members."""

from django.utils.translation import gettext_lazy as _
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from portal.models import Article, MenuItem


class ArticleViewSet(SnippetViewSet):
    model = Article
    icon = "doc-full"
    menu_label = _("Pages")
    list_display = ["title", "slug", "locale", "stands_on", "place", "live"]
    list_filter = ["stands_on", "locale", "live"]
    search_fields = ["title", "summary", "slug"]
    copy_view_enabled = True
    ordering = ["place", "slug"]


class MenuItemViewSet(SnippetViewSet):
    model = MenuItem
    icon = "list-ul"
    menu_label = _("Menus")
    list_display = ["words", "menu", "place"]
    ordering = ["menu", "place"]


class PagesGroup(SnippetViewSetGroup):
    menu_label = _("Pages for members")
    menu_icon = "doc-full"
    menu_order = 125
    items = (ArticleViewSet, MenuItemViewSet)


register_snippet(PagesGroup)
