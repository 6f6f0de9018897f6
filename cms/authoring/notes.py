"""Notes of colleagues about a template: written in its studio, read beside its editor."""

from django.contrib import messages
from django.contrib.contenttypes.models import ContentType
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cms.models import Note
from emails.models import EmailTemplate
from members.access import Role, staff_only
from members.clock import now
from push.models import PushTemplate

KINDS = {"email": EmailTemplate, "push": PushTemplate}
STUDIOS = {EmailTemplate: "cms_email_studio", PushTemplate: "cms_push_studio"}


def of(template):
    """The template's notes in the order they were written, the open ones first."""
    about = ContentType.objects.get_for_model(type(template))
    found = Note.objects.filter(content_type=about, object_id=template.pk).select_related("author", "resolved_by")
    return sorted(found, key=lambda note: note.resolved_at is not None)


def kind_of(template) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(template, model))


@require_POST
@staff_only(Role.MARKETER, Role.APPROVER)
def add(request, kind, pk):
    template = _template(kind, pk)
    if text := request.POST.get("text", "").strip()[:1000]:
        Note.objects.create(about=template, author=request.user, text=text, written_at=now())
    else:
        messages.error(request, _("Write something first."))
    return _back(template)


@require_POST
@staff_only(Role.MARKETER, Role.APPROVER)
def resolve(request, pk):
    note = get_object_or_404(Note.objects.select_related("content_type"), pk=pk)
    if note.resolved_at is None:
        note.resolved_at, note.resolved_by = now(), request.user
        note.save(update_fields=["resolved_at", "resolved_by"])
    return _back(note.about)


def _template(kind: str, pk: int):
    if kind not in KINDS:
        raise Http404
    return get_object_or_404(KINDS[kind], pk=pk)


def _back(template):
    return redirect(f"{reverse(STUDIOS[type(template)], args=[template.pk])}#notes")
