"""The preview studio and the test to oneself. Each view makes one call and puts the answer on a page."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_POST
from liquid.exceptions import LiquidError
from wagtail.admin.admin_url_finder import AdminURLFinder

from campaigns.operations import NotSent, send_push_test, send_test
from cms.authoring import notes, samples
from emails import previewing
from emails.enclosures import needs
from emails.models import EmailTemplate
from emails.raw_mjml import BadMjml
from members.access import Role, staff_only
from members.clock import now
from push.models import PushTemplate
from push.operations import CannotFreeze
from push.rendering import preview as push_preview

WIDTHS = {"phone": gettext_noop("Phone"), "desktop": gettext_noop("Desktop")}
LOOKS = {"light": gettext_noop("Light"), "dark": gettext_noop("Dark"), "text": gettext_noop("Plain text")}
authors_only = staff_only(Role.MARKETER, Role.APPROVER)


def _template(pk: int) -> EmailTemplate:
    """The newest draft, as its author left it."""
    return get_object_or_404(EmailTemplate.objects.select_related("locale"), pk=pk).get_latest_revision_as_object()


def _choice(request, name: str, choices, default: str) -> str:
    value = request.GET.get(name, "")
    return value if value in choices else default


def _query(request, **changes) -> str:
    """The page's own address with something changed."""
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"?{query.urlencode()}"


def _options(request, name: str, choices: dict, chosen: str) -> list[dict]:
    return [
        {"label": label, "url": _query(request, **{name: key}), "is_chosen": key == chosen}
        for key, label in choices.items()
    ]


@require_GET
@authors_only
def email_studio(request, pk):
    template = _template(pk)
    who = samples.reader(request, request.GET.get("as", ""), language=template.language, needs=needs(template))
    width = _choice(request, "width", WIDTHS, "phone")
    look = _choice(request, "look", LOOKS, "light")
    context = _shell(request, template, who) | {
        "widths": _options(request, "width", _words(WIDTHS), width),
        "looks": _options(request, "look", _words(LOOKS), look),
        "width": width,
        "frame_url": f"{reverse('cms_email_frame', args=[pk])}?as={who.key}&look={look}",
        "languages": _languages(template),
        "sender": settings.MARKETING_FROM,
    }
    try:
        context["shown"] = previewing.preview(template, who.values)
    except (LiquidError, BadMjml) as error:
        context["fault"] = str(error).split("\n")[0]
    return TemplateResponse(request, "cms/authoring/email_studio.html", context)


def _words(choices: dict) -> dict:
    return {key: _(label) for key, label in choices.items()}


def _shell(request, template, who: samples.Reader) -> dict:
    """What the studios of both channels share: who reads, whom else one could choose, the way back to the editor."""
    search = request.GET.get("q", "")
    readers = {samples.SAMPLE: _("Sample member"), samples.NOBODY: _("A member we know nothing about")}
    if who.key not in readers:
        readers[who.key] = who.label
    return {
        "page_title": template.name,
        "template": template,
        "edit_url": AdminURLFinder(request.user).get_edit_url(template),
        "who": who,
        "notes": notes.of(template),
        "notes_kind": notes.kind_of(template),
        "readers": _options(request, "as", readers, who.key),
        "search": search,
        "found": [
            {"label": label, "url": _query(request, **{"as": key, "q": ""})} for key, label in samples.found(search)
        ],
    }


def _languages(template) -> list[dict]:
    """The same e-mail in its other languages."""
    variants = EmailTemplate.objects.filter(translation_key=template.translation_key).select_related("locale")
    return [
        {
            "label": variant.locale.get_display_name(),
            "url": reverse("cms_email_studio", args=[variant.pk]),
            "is_chosen": variant.pk == template.pk,
        }
        for variant in variants.order_by("locale__language_code")
    ]


@require_GET
@xframe_options_sameorigin
@authors_only
@xframe_options_sameorigin
def email_frame(request, pk):
    """The e-mail alone, for the frame of the studio."""
    template = _template(pk)
    who = samples.reader(request, request.GET.get("as", ""), language=template.language, needs=needs(template))
    try:
        shown = previewing.preview(template, who.values)
    except (LiquidError, BadMjml) as error:
        return HttpResponse(str(error).split("\n")[0], content_type="text/plain; charset=utf-8")
    return HttpResponse(previewing.as_page(shown, _choice(request, "look", LOOKS, "light")))


@require_POST
@authors_only
def email_test(request, pk):
    """Send this draft to the person who asks, with the values of the reader they look through."""
    template = _template(pk)
    who = samples.reader(request, request.POST.get("as", ""), language=template.language, needs=needs(template))
    try:
        send_test(template=template, values=who.values, user=request.user, at=now(), read_as=who.member_id)
    except NotSent as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("A test is on its way to %(address)s.") % {"address": request.user.email})
    return redirect(f"{reverse('cms_email_studio', args=[pk])}?as={who.key}")


@require_GET
@authors_only
def push_studio(request, pk):
    template = get_object_or_404(PushTemplate, pk=pk).get_latest_revision_as_object()
    languages = dict(settings.LANGUAGES)
    language = _choice(request, "language", languages, "en")
    who = samples.reader(request, request.GET.get("as", ""), language=language)
    context = _shell(request, template, who) | {
        "languages": _options(request, "language", _words(languages), language),
        "language": language,
    }
    try:
        context["shown"] = push_preview(template, who.values, language=language)
    except (LiquidError, CannotFreeze) as error:
        context["fault"] = str(error).split("\n")[0]
    return TemplateResponse(request, "cms/authoring/push_studio.html", context)


@require_POST
@authors_only
def push_test(request, pk):
    """Send this draft to the browsers of the person who asks, with the values of the reader they look through."""
    template = get_object_or_404(PushTemplate, pk=pk).get_latest_revision_as_object()
    languages = dict(settings.LANGUAGES)
    language = request.POST.get("language") if request.POST.get("language") in languages else "en"
    who = samples.reader(request, request.POST.get("as", ""), language=language)
    try:
        send_push_test(template=template, language=language, values=who.values, user=request.user, at=now())
    except NotSent as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("A test is on its way to your browsers."))
    return redirect(f"{reverse('cms_push_studio', args=[pk])}?as={who.key}&language={language}")
