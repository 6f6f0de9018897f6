"""Audiences. Each view makes one call and puts the answer on a page."""

import json

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from campaigns import audiences
from campaigns.memberships import keeping, lists, revisions, usage
from campaigns.models import Audience
from cms.audiencing import building
from cms.audiencing.forms import AudienceForm, ListForm, UploadForm
from members import clock
from members import queries as members
from members.access import Role, access_member, staff_only

marketers_only = staff_only(Role.MARKETER, Role.APPROVER)
PER_PAGE = 25
SAMPLE = 5
EMPTY = {"match": "all", "conditions": []}


@marketers_only
@require_GET
def audience_list(request):
    rows = Audience.objects.prefetch_related("campaigns")
    return TemplateResponse(request, "cms/audiencing/audience_list.html", {"audiences": rows})


# -- the builder -------------------------------------------------------------------------------------------------------


@marketers_only
def audience_edit(request, pk=None):
    """The builder. A button named `act` changes the tree and shows it again; the save button saves."""
    audience = get_object_or_404(Audience, pk=pk) if pk else Audience(conditions=EMPTY)
    if audience.kind == Audience.Kind.LIST:
        return redirect("cms_audience_upload", pk)
    if request.method != "POST":
        return _builder(request, audience, AudienceForm(instance=audience), audience.conditions)
    act, before = request.POST.get("act", ""), audience.conditions if pk else None
    tree, past = building.after(request.POST)
    form = AudienceForm(request.POST, instance=audience)
    if act or not form.is_valid():
        return _builder(request, audience, _kept(request, audience) if act else form, tree, past)
    try:
        form.instance.conditions = audiences.clean(tree, audience=audience)
    except audiences.Invalid as reason:
        messages.error(request, str(reason))
        return _builder(request, audience, form, tree, past)
    saved = _save(form, before, request.user)
    messages.success(request, _("Audience “%(name)s” saved.") % {"name": saved})
    return redirect("cms_audience_members", saved.pk)


@transaction.atomic
def _save(form, before: dict | None, user) -> Audience:
    """What is kept is drawn anew at once, for its conditions may be others now."""
    saved = form.save()
    revisions.note(audience=saved, at=clock.now(), by_user=user, before=before)
    return keeping.keep(audience=saved, at=clock.now()) if saved.is_kept else keeping.let_go(audience=saved)


def _kept(request, audience):
    """What was typed so far, without complaining about what is still missing."""
    typed = {key: request.POST.get(key, "") for key in ("name", "description", "is_kept")}
    return AudienceForm(instance=audience, initial=typed)


def _builder(request, audience, form, tree, past=()):
    context = counted(tree) | {
        "audience": audience,
        "form": form,
        "root": building.shown(tree or EMPTY),
        "groups": building.groups(),
        "past": json.dumps(list(past)) if past else "",
        "focus": building.focus_after(tree, request.POST.get("act", "")),
    }
    page = "cms/audiencing/builder.html" if request.headers.get("HX-Request") else "cms/audiencing/audience_edit.html"
    return TemplateResponse(request, page, context)


def counted(tree) -> dict:
    """How many members the tree describes right now, line by line, and a few of them behind masks; or what is wrong with it."""
    at = clock.now()
    try:
        estimate, sentence = audiences.counted(tree, at=at)
        found = audiences.compile(tree, at=at) if estimate.is_exact else None
    except audiences.Invalid as reason:
        return {"fault": str(reason)}
    sample = found.order_by("pk").prefetch_related("identifiers")[:SAMPLE] if found is not None else []
    return {"estimate": estimate, "sentence": sentence, "sample": [members.masked(one) for one in sample]}


@marketers_only
@require_POST
def audience_count(request):
    """The live count beside the builder."""
    return TemplateResponse(request, "cms/audiencing/count.html", counted(building.read(request.POST)))


# -- lists -------------------------------------------------------------------------------------------------------------


@marketers_only
def audience_upload(request, pk=None):
    """A list from a file: a new one, or one whose members the file replaces."""
    audience = get_object_or_404(Audience, pk=pk, kind=Audience.Kind.LIST) if pk else None
    form = ListForm(request.POST or None, instance=audience)
    upload = UploadForm(request.POST or None, request.FILES or None)
    context = {"audience": audience, "form": form, "upload": upload}
    if request.method == "POST" and form.is_valid() and upload.is_valid():
        try:
            saved, listed = _upload(form, upload.cleaned_data)
        except lists.BadList as bad:
            return TemplateResponse(request, "cms/audiencing/audience_upload.html", context | {"bad": bad})
        told = ngettext("%(n)s member is on the list.", "%(n)s members are on the list.", listed.members)
        left = ngettext("%(n)s row was left out.", "%(n)s rows were left out.", listed.left_out)
        messages.success(request, told % {"n": listed.members})
        if listed.left_out:
            messages.warning(request, left % {"n": listed.left_out})
        return redirect("cms_audience_members", saved.pk)
    return TemplateResponse(request, "cms/audiencing/audience_upload.html", context)


@transaction.atomic
def _upload(form, given) -> tuple[Audience, lists.Listed]:
    """The name is kept only if the file is taken."""
    saved = form.save()
    listed = lists.upload(
        audience=saved, file=given["file"].read(lists.BYTES_MAX + 1), name=given["file"].name, at=clock.now(),
        leaves_out_unknown=given["leaves_out_unknown"],
    )  # fmt: skip
    return saved, listed


# -- who is in, and who uses it ----------------------------------------------------------------------------------------

PAGES = {
    "campaigns.campaign": "cms_campaign", "campaigns.audience": "cms_audience_members", "campaigns.journey": "cms_journey",
}  # fmt: skip


@marketers_only
@require_GET
def audience_members(request, pk):
    """Who is in, masked; why one chosen member is in or out; what was drawn from it, and what uses it."""
    audience, at = get_object_or_404(Audience, pk=pk), clock.now()
    context = {
        "audience": audience,
        "revisions": [(one, _said(one)) for one in revisions.of(audience)],
        "uses": [(use, _link(use)) for use in usage.of(audience)],
        "drawings": usage.drawings(audience)[:10],
    }
    try:
        context |= _members(request, audience, at) | _why(request, audience, at)
    except audiences.Invalid as reason:
        context["fault"] = str(reason)
    return TemplateResponse(request, "cms/audiencing/audience_members.html", context)


def _said(revision):
    """A revision in words; of one that asks for something which is gone, nothing."""
    try:
        return audiences.sentences(revision.conditions)
    except audiences.Invalid:
        return None


@marketers_only
@require_POST
def audience_restore(request, pk, number):
    """Bring an older revision back."""
    audience = get_object_or_404(Audience, pk=pk)
    try:
        with transaction.atomic():
            restored = revisions.restore(audience=audience, number=number, at=clock.now(), by_user=request.user)
            if restored.is_kept:
                keeping.keep(audience=restored, at=clock.now())
    except audiences.Invalid as reason:
        messages.error(request, str(reason))
    except revisions.NoRevision:
        messages.error(request, _("There is no such revision."))
    else:
        messages.success(request, _("Revision %(n)s holds again.") % {"n": number})
    return redirect("cms_audience_members", pk)


def _members(request, audience, at) -> dict:
    estimate, sentence = audiences.counted(audience.conditions, at=at)
    found = audiences.compile(audience.conditions, at=at).order_by("pk").prefetch_related("identifiers")
    pages = Paginator(found, PER_PAGE)
    pages.count = estimate.count
    page = pages.get_page(request.GET.get("p"))
    rows = [members.masked(member) for member in page]
    return {"estimate": estimate, "sentence": sentence, "page": page, "rows": rows}


def _why(request, audience, at) -> dict:
    text, key = request.GET.get("q", "").strip(), request.GET.get("member")
    told = {"text": text, "found": [members.masked(one) for one in members.find(text, limit=8)] if text else []}
    if key:
        member = access_member(request.user, key)
        reason = audiences.explain(audience.conditions, member.pk, at=at)
        told |= {"chosen": members.masked(member), "reason": reason}
    return told


def _link(use) -> str:
    try:
        return reverse(PAGES[use.model], args=[use.pk])
    except (KeyError, NoReverseMatch):
        return ""


@marketers_only
@require_POST
def audience_delete(request, pk):
    audience = get_object_or_404(Audience, pk=pk)
    try:
        usage.delete(audience=audience)
    except usage.InUse as reason:
        messages.error(request, str(reason))
        return redirect("cms_audience_members", pk)
    messages.success(request, _("Audience deleted."))
    return redirect("cms_audiences")
