"""Lists and editors of e-mails and push messages."""

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import (
    FieldPanel,
    HelpPanel,
    InlinePanel,
    MultiFieldPanel,
    ObjectList,
    Panel,
    PublishingPanel,
    TabbedInterface,
)
from wagtail.admin.ui.tables import Column, UpdatedAtColumn
from wagtail.admin.widgets.button import HeaderButton
from wagtail.snippets.views.snippets import DeleteView, EditView, SnippetViewSet

from cms.authoring import notes, picking, usage
from emails.checks import problems
from emails.fields import FIELDS
from emails.models import EmailTemplate
from push.models import PushTemplate


class ProblemsPanel(Panel):
    """What is wrong with the e-mail as it was last saved, each with a link to its place."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "cms/authoring/problems_panel.html"

        def get_context_data(self, parent_context=None):
            context = super().get_context_data(parent_context)
            is_saved = bool(self.instance and self.instance.pk)
            return context | {"is_saved": is_saved, "problems": problems(self.instance) if is_saved else []}


class FieldsPanel(HelpPanel):
    """The fields a text may name, with what each looks like."""

    class BoundPanel(HelpPanel.BoundPanel):
        def get_context_data(self, parent_context=None):
            return super().get_context_data(parent_context) | {"fields": [*FIELDS.values(), *picking.own_fields()]}


class NotesPanel(Panel):
    """What colleagues said, with the way to where one answers. A form cannot stand within the editor's own."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "cms/authoring/notes_panel.html"

        def get_context_data(self, parent_context=None):
            context = super().get_context_data(parent_context)
            if not (self.instance and self.instance.pk):
                return context | {"is_saved": False}
            studio = reverse(notes.STUDIOS[type(self.instance)], args=[self.instance.pk])
            return context | {"is_saved": True, "notes": notes.of(self.instance), "studio_url": studio}


class UsagePanel(Panel):
    """Which campaigns and journeys use it."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "cms/authoring/usage_panel.html"

        def get_context_data(self, parent_context=None):
            is_saved = bool(self.instance and self.instance.pk)
            uses = usage.of(self.instance, self.request.user) if is_saved else []
            return super().get_context_data(parent_context) | {"uses": uses}


class PickerPanel(Panel):
    """The picker's fields and script, for the texts of the whole editor."""

    class BoundPanel(Panel.BoundPanel):
        template_name = "cms/authoring/picker.html"

        def get_context_data(self, parent_context=None):
            return super().get_context_data(parent_context) | {
                "choices": picking.choices(is_push=isinstance(self.instance, PushTemplate)),
                "words": picking.words(),
            }


class KeptDeleteView(DeleteView):
    """Refuses to delete what is in use or was sent, and says which it is."""

    def dispatch(self, request, *args, **kwargs):
        template = self.model.objects.filter(pk=unquote(str(kwargs.get("pk", "")))).first()
        if template is not None and (reason := usage.why_kept(template)):
            messages.error(request, reason)
            return redirect(self.edit_url_name, quote(template.pk))
        return super().dispatch(request, *args, **kwargs)


class StudioEditView(EditView):
    """The editor, with the way to the preview studio in its header."""

    studio = ""

    def get_header_more_buttons(self):
        return [
            *super().get_header_more_buttons(),
            HeaderButton(
                gettext("Preview studio"), reverse(self.studio, args=[self.object.pk]), icon_name="view", priority=5
            ),
        ]


class EmailEditView(StudioEditView):
    studio = "cms_email_studio"


class PushEditView(StudioEditView):
    studio = "cms_push_studio"


_ASIDE = (
    ObjectList([NotesPanel()], heading=_("Notes")),
    ObjectList([UsagePanel()], heading=_("Used by")),
    ObjectList([PublishingPanel()], heading=_("When")),
)


class EmailTemplateViewSet(SnippetViewSet):
    model = EmailTemplate
    icon = "mail"
    menu_label = _("E-mails")
    menu_name = "emails"
    url_prefix = "emails/templates"
    edit_view_class = EmailEditView
    delete_view_class = KeptDeleteView
    list_display = [
        "name",
        Column("locale", label=_("Language")),
        Column("subject", label=_("Subject")),
        UpdatedAtColumn(),
    ]
    search_fields = ["name", "subject"]
    copy_view_enabled = True

    def get_queryset(self, request):
        return EmailTemplate.objects.select_related("locale")

    edit_handler = TabbedInterface(
        [
            ObjectList(
                [
                    FieldPanel("name"),
                    MultiFieldPanel(
                        [FieldPanel("subject"), FieldPanel("preheader")],
                        heading=_("In the inbox"),
                    ),
                    FieldPanel("body"),
                    PickerPanel(),
                ],
                heading=_("E-mail"),
            ),
            ObjectList([ProblemsPanel()], heading=_("Problems")),
            ObjectList([FieldsPanel(template="cms/authoring/fields_panel.html")], heading=_("Fields")),
            *_ASIDE,
        ]
    )


class PushTemplateViewSet(SnippetViewSet):
    model = PushTemplate
    icon = "mobile-alt"
    menu_label = _("Push messages")
    menu_name = "push"
    url_prefix = "push/templates"
    edit_view_class = PushEditView
    delete_view_class = KeptDeleteView
    list_display = ["name", UpdatedAtColumn()]
    search_fields = ["name"]
    copy_view_enabled = True

    edit_handler = TabbedInterface(
        [
            ObjectList(
                [
                    FieldPanel("name"),
                    FieldPanel("url"),
                    InlinePanel("wordings", label=_("Wording"), min_num=1),
                    PickerPanel(),
                ],
                heading=_("Push message"),
            ),
            *_ASIDE,
        ]
    )
