"""What authoring adds to the Wagtail admin."""

from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.widgets.button import Button
from wagtail.contrib.settings.registry import register_setting
from wagtail.snippets.models import register_snippet
from wagtail.snippets.views.snippets import SnippetViewSetGroup

from cms.authoring import notes, views
from cms.authoring.viewsets import EmailTemplateViewSet, PushTemplateViewSet
from emails.models import BrandSettings, EmailTemplate, MessageRules
from push.models import PushTemplate


class MessagesGroup(SnippetViewSetGroup):
    menu_label = _("Messages")
    menu_icon = "mail"
    menu_order = 120
    items = (EmailTemplateViewSet, PushTemplateViewSet)


register_snippet(MessagesGroup)
register_setting(BrandSettings, icon="tag")
register_setting(MessageRules, icon="lock")


@hooks.register("register_admin_urls")
def authoring_urls():
    return [
        path("emails/<int:pk>/preview/", views.email_studio, name="cms_email_studio"),
        path("emails/<int:pk>/preview/frame/", views.email_frame, name="cms_email_frame"),
        path("emails/<int:pk>/test/", views.email_test, name="cms_email_test"),
        path("notes/<slug:kind>/<int:pk>/", notes.add, name="cms_note_add"),
        path("notes/<int:pk>/done/", notes.resolve, name="cms_note_resolve"),
        path("push/<int:pk>/preview/", views.push_studio, name="cms_push_studio"),
        path("push/<int:pk>/test/", views.push_test, name="cms_push_test"),
    ]


@hooks.register("register_snippet_listing_buttons")
def preview_buttons(snippet, user, next_url=None):
    names = {EmailTemplate: "cms_email_studio", PushTemplate: "cms_push_studio"}
    name = names.get(type(snippet))
    if name:
        yield Button(_("Preview studio"), reverse(name, args=[snippet.pk]), icon_name="view", priority=15)
