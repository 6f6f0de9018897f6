"""The recommender's staff door: offers, and what is never offered, in the Wagtail admin."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from recommender.models import AssemblyRules, Offer, OfferBudget, OfferExclusion, OutOfStock


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
        FieldPanel("product"),
        FieldRowPanel([FieldPanel("margin_percent"), FieldPanel("cost_minor")]),
        FieldRowPanel([FieldPanel("budget"), FieldPanel("stock")]),
        FieldRowPanel([FieldPanel("valid_from"), FieldPanel("valid_until")]),
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


class OfferBudgetViewSet(SnippetViewSet):
    model = OfferBudget
    icon = "tag"
    menu_label = _("Offer budgets")
    list_display = ["name", "partner", "currency", "limit_minor", "committed_minor"]
    panels = [
        FieldPanel("name"),
        FieldPanel("partner"),
        FieldRowPanel([FieldPanel("currency"), FieldPanel("limit_minor")]),
    ]


class OutOfStockViewSet(SnippetViewSet):
    model = OutOfStock
    icon = "no-view"
    menu_label = _("Out of stock")
    list_display = ["store", "category", "since"]
    list_filter = ["store"]
    panels = [FieldRowPanel([FieldPanel("store"), FieldPanel("category")])]

    def get_queryset(self, request):
        return OutOfStock.objects.select_related("store", "category")


class AssemblyRulesViewSet(SnippetViewSet):
    model = AssemblyRules
    icon = "cog"
    menu_label = _("Rules of lists")
    list_display = ["per_group_max", "recent_days", "sent_days", "margin_percent_min"]
    panels = [
        FieldRowPanel([FieldPanel("per_group_max"), FieldPanel("margin_percent_min")]),
        FieldRowPanel([FieldPanel("recent_days"), FieldPanel("sent_days")]),
    ]


class RecommenderGroup(SnippetViewSetGroup):
    menu_label = _("Offers")
    menu_icon = "tag"
    menu_name = "recommender"
    menu_order = 240
    items = (OfferViewSet, OfferBudgetViewSet, OfferExclusionViewSet, OutOfStockViewSet, AssemblyRulesViewSet)


register_snippet(RecommenderGroup)
