"""Where managers say what is kept of the price of their goods."""

from typing import ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet

from sales.models import Margin


class PathChoice(forms.ModelChoiceField):
    """Names alone repeat themselves: milk of the dairy, milk of the baby's shelf."""

    def label_from_instance(self, category):
        return category.path


class MarginForm(WagtailAdminModelForm):
    class Meta:
        field_classes: ClassVar = {"category": PathChoice}


class MarginViewSet(SnippetViewSet):
    model = Margin
    icon = "tag"
    menu_label = _("Margins")
    menu_name = "margins"
    menu_order = 247
    add_to_admin_menu = True
    list_display = [Column("category_path", label=_("Category"), sort_key="category__path"), "percent"]
    list_per_page = 50
    search_fields = ["category__path", "category__name_en", "category__name_zh"]
    edit_handler = ObjectList([FieldPanel("category"), FieldPanel("percent")], base_form_class=MarginForm)

    def get_queryset(self, request):
        return Margin.objects.select_related("category")


register_snippet(MarginViewSet)
