"""Where managers say what they want to know of a member: fields of the shop's own, tags, and when somebody is at which stage."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from members.entry import LinesForm
from members.models import CustomField, LifecycleRules, Tag, VisitSite


class CustomFieldForm(LinesForm):
    """What other systems send and audiences ask by stays as it was said first."""

    lines = ("choices",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("code", "kind", "is_personal"):
                self.fields[name].disabled = True


class CustomFieldViewSet(SnippetViewSet):
    model = CustomField
    icon = "form"
    menu_label = _("Custom fields")
    list_display = ["label", "code", "kind", "is_personal", "place"]
    edit_handler = ObjectList(
        [
            FieldRowPanel([FieldPanel("label_en"), FieldPanel("label_zh")]),
            FieldRowPanel([FieldPanel("code"), FieldPanel("kind"), FieldPanel("place")]),
            FieldPanel("choices"),
            FieldPanel("is_personal"),
        ],
        base_form_class=CustomFieldForm,
    )


class TagViewSet(SnippetViewSet):
    model = Tag
    icon = "tag"
    menu_label = _("Tags")
    list_display = ["code"]
    search_fields = ["code"]
    panels = [FieldPanel("code")]


class VisitSiteForm(LinesForm):
    lines = ("origins",)


class VisitSiteViewSet(SnippetViewSet):
    model = VisitSite
    icon = "site"
    menu_label = _("Web shops")
    list_display = ["name", "key", "is_live"]
    edit_handler = ObjectList(
        [
            FieldRowPanel([FieldPanel("name"), FieldPanel("is_live")]),
            FieldPanel("origins"),
            FieldPanel("key", read_only=True, help_text=_("Goes into the page: data-site of our script.")),
        ],
        base_form_class=VisitSiteForm,
    )


class LifecycleRulesViewSet(SnippetViewSet):
    model = LifecycleRules
    icon = "history"
    menu_label = _("Life-cycle stages")
    list_display = ["__str__", "new_days", "loyal_visits", "risk_gaps", "lapsed_gaps", "won_back_days"]
    panels = [
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("new_days"), FieldPanel("new_visits")]),
             FieldRowPanel([FieldPanel("loyal_days"), FieldPanel("loyal_visits")])],
            heading=_("New and loyal"),
        ),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("risk_gaps"), FieldPanel("lapsed_gaps"), FieldPanel("won_back_days")])],
            heading=_("At risk, lapsed, won back"),
        ),
    ]  # fmt: skip


class KnowingGroup(SnippetViewSetGroup):
    menu_label = _("Profiles")
    menu_icon = "group"
    menu_name = "profiles"
    menu_order = 245
    items = (CustomFieldViewSet, TagViewSet, LifecycleRulesViewSet, VisitSiteViewSet)


register_snippet(KnowingGroup)
