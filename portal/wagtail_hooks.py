"""Where marketers write the pages for members."""

from django.utils.translation import gettext_lazy as _
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet

from portal.models import Article


class ArticleViewSet(SnippetViewSet):
    model = Article
    icon = "doc-full"
    menu_label = _("Pages for members")
    menu_order = 125
    add_to_admin_menu = True
    list_display = ["title", "slug", "locale", "place", "live"]
    ordering = ["place", "slug"]


register_snippet(ArticleViewSet)
