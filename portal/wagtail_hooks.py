"""Where marketers write the pages for members."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import ObjectList
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from members.entry import SwitchedForm
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


class MenuItemForm(SwitchedForm):
    needs = {
        "page": {"offers": ("offers",), "goals": ("goals",), "sharing": ("gift", "household"), "articles": ("pages",)}
    }


class MenuItemViewSet(SnippetViewSet):
    model = MenuItem
    icon = "list-ul"
    menu_label = _("Menus")
    list_display = ["words", "menu", "place"]
    edit_handler = ObjectList(MenuItem.panels, base_form_class=MenuItemForm)
    ordering = ["menu", "place"]


class PagesGroup(SnippetViewSetGroup):
    menu_label = _("Member pages")
    menu_icon = "doc-full"
    menu_order = 125
    items = (ArticleViewSet, MenuItemViewSet)


register_snippet(PagesGroup)
