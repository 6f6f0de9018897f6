"""The recommender's staff door: offers, and what is never offered, in the Wagtail admin."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from recommender.models import Offer, OfferExclusion


class OfferViewSet(SnippetViewSet):
    model = Offer
    icon = "tag"
    menu_label = _("Offers")
    list_display = ["category", "benefit_words", "is_active"]
    list_filter = ["benefit", "is_active"]
    list_per_page = 50
    search_fields = ["category__name_en", "category__name_zh", "category__raw_name"]
    ordering = ["category__path"]
    panels = [
        FieldPanel("category"),
        FieldRowPanel([FieldPanel("benefit"), FieldPanel("amount")]),
        FieldPanel("is_active"),
    ]

    def get_queryset(self, request):
        return Offer.objects.select_related("category")


class OfferExclusionViewSet(SnippetViewSet):
    model = OfferExclusion
    icon = "no-view"
    menu_label = _("Never offered")
    list_display = ["value", "kind", "reason", "is_only_new", "is_active"]
    list_filter = ["reason", "kind", "is_only_new", "is_active"]
    list_per_page = 100
    search_fields = ["value", "note"]
    panels = [
        FieldRowPanel([FieldPanel("kind"), FieldPanel("value")]),
        FieldRowPanel([FieldPanel("reason"), FieldPanel("note")]),
        FieldRowPanel([FieldPanel("is_only_new"), FieldPanel("is_active")]),
    ]


class RecommenderGroup(SnippetViewSetGroup):
    menu_label = _("Offers")
    menu_icon = "tag"
    menu_name = "recommender"
    menu_order = 240
    items = (OfferViewSet, OfferExclusionViewSet)


register_snippet(RecommenderGroup)
