"""Where managers say who answers what, and by when: teams, topics, routes, surveys, the steps of the pipeline."""

from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSet, SnippetViewSetGroup

from care.models import Route, Stage, Survey, Team, Topic
from members.entry import LinesForm, SwitchedForm

NAMES = FieldRowPanel([FieldPanel("name_en"), FieldPanel("name_zh"), FieldPanel("code")])


class TopicForm(LinesForm):
    lines = ("words",)


class TeamViewSet(SnippetViewSet):
    model = Team
    icon = "group"
    menu_label = _("Teams")
    list_display = ["name", "code"]
    panels = [NAMES, FieldPanel("people")]


class TopicViewSet(SnippetViewSet):
    model = Topic
    icon = "folder-open-inverse"
    menu_label = _("Topics")
    list_display = ["name", "team", "reply_hours", "close_hours", "is_for_members"]
    edit_handler = ObjectList(
        [
            NAMES,
            FieldRowPanel([FieldPanel("team"), FieldPanel("place")]),
            MultiFieldPanel(
                [FieldRowPanel([FieldPanel("reply_hours"), FieldPanel("close_hours")])], heading=_("Clocks")
            ),
            FieldPanel("words"),
            FieldRowPanel([FieldPanel("is_for_members"), FieldPanel("is_answered_by_pages")]),
        ],
        base_form_class=TopicForm,
    )

    def get_queryset(self, request):
        return Topic.objects.select_related("team").order_by("place", "pk")


class RouteViewSet(SnippetViewSet):
    model = Route
    icon = "redirect"
    menu_label = _("Routes of stores")
    list_display = ["store", "topic", "team"]
    panels = [FieldRowPanel([FieldPanel("store"), FieldPanel("topic"), FieldPanel("team")])]

    def get_queryset(self, request):
        return Route.objects.select_related("store", "topic", "team").order_by("store__code", "pk")


class SurveyForm(SwitchedForm):
    needs = {"occasion": {Survey.Occasion.CASE_CLOSED: ("cases",)}}


class SurveyViewSet(SnippetViewSet):
    model = Survey
    icon = "comment"
    menu_label = _("Surveys")
    list_display = ["name", "kind", "rest_days", "is_live", Column("address", label=_("Address for short messages"))]
    edit_handler = ObjectList(
        [
            FieldRowPanel([FieldPanel("name"), FieldPanel("kind"), FieldPanel("is_live")]),
            FieldPanel("question_en"),
            FieldPanel("question_zh"),
            FieldRowPanel([FieldPanel("rest_days"), FieldPanel("valid_days")]),
            FieldRowPanel([FieldPanel("occasion"), FieldPanel("wait_hours")]),
        ],
        base_form_class=SurveyForm,
    )


class StageViewSet(SnippetViewSet):
    model = Stage
    icon = "list-ol"
    menu_label = _("Pipeline stages")
    list_display = ["name", "place", "chance_percent"]
    panels = [NAMES, FieldRowPanel([FieldPanel("place"), FieldPanel("chance_percent")])]


class ServiceGroup(SnippetViewSetGroup):
    menu_label = _("Service")
    menu_icon = "help"
    menu_name = "service"
    menu_order = 246
    items = (TeamViewSet, TopicViewSet, RouteViewSet, SurveyViewSet, StageViewSet)


register_snippet(ServiceGroup)
