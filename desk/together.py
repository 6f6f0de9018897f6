"""Members who belong together: two records that are one person, households, and points handed from one to another."""

import contextlib
import uuid

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

import loyalty.operations
import loyalty.queries
import members.operations
import members.queries
from desk.forms import KeyedForm
from members import clock
from members.access import Role, access_member, staff_only

service = staff_only(Role.SERVICE)
SOURCE = "desk"


class OtherForm(forms.Form):
    """Whom it is about, as a member of staff would look them up."""

    other = forms.CharField(
        label=gettext_lazy("The other member"), max_length=200, help_text=gettext_lazy("Card, phone, e-mail or name.")
    )

    def clean_other(self):
        found = _by_public_id(self.cleaned_data["other"]) or members.queries.find(self.cleaned_data["other"])
        if len(found) != 1:
            raise forms.ValidationError(
                _("Nobody is known by this.")
                if not found
                else _("Several members answer to this. Use a card, phone or e-mail.")
            )
        return found[0]


def _by_public_id(text: str) -> list:
    """The member whom another page of ours named."""
    with contextlib.suppress(ValueError):
        return [found for found in [members.queries.by_public_id(uuid.UUID(text))] if found]
    return []


class MergeForm(OtherForm):
    reason = forms.CharField(label=gettext_lazy("Why they are one person"), max_length=200)


def _by_card(form: MergeForm, other) -> MergeForm:
    """The same form, which names the other member by their card: a person can compare that."""
    card = members.queries.identifiers(other).get("card")
    return MergeForm(form.data.dict() | {"other": card.value}, auto_id="merge_%s") if card else form


class GiftForm(OtherForm, KeyedForm):
    points = forms.IntegerField(label=gettext_lazy("Points"), min_value=1)


class ShareForm(forms.Form):
    percent = forms.IntegerField(
        label=gettext_lazy("Share of every purchase, in per cent"), min_value=0, max_value=100, initial=50
    )


class JoinForm(OtherForm, ShareForm):
    may_spend = forms.BooleanField(label=gettext_lazy("May spend the household's points"), required=False, initial=True)


@never_cache
@service
def together(request, public_id):
    """Merges, household and gifts of one member."""
    return _page(request, access_member(request.user, public_id))


def _page(request, person, *, status=200, **changed):
    at = clock.now()
    context = {
        "member": person, "balance": loyalty.queries.balance(person.pk, at=at), "merges": members.queries.merges_of(person.pk),
        "household": loyalty.queries.household_of(person.pk, at=at), "merge_form": MergeForm(auto_id="merge_%s"),
        "gift_form": GiftForm(auto_id="gift_%s"), "join_form": JoinForm(auto_id="join_%s"),
        "share_form": ShareForm(auto_id="share_%s"),
    }  # fmt: skip
    return render(request, "desk/together.html", context | changed, status=status)


@never_cache
@service
@require_POST
def merge(request, public_id):
    """Show in words what a merge would move; posted again with yes, do it."""
    person, form = access_member(request.user, public_id), MergeForm(request.POST, auto_id="merge_%s")
    if not form.is_valid():
        return _page(request, person, merge_form=form, status=422)
    other, at = form.cleaned_data["other"], clock.now()
    try:
        if request.POST.get("sure") != "yes":
            shown = loyalty.operations.preview_merge(survivor_id=person.pk, absorbed_id=other.pk, at=at)
            return _page(request, person, merge_form=_by_card(form, other), preview=shown, absorbed=other)
        loyalty.operations.merge_members(
            survivor_id=person.pk,
            absorbed_id=other.pk,
            by_user_id=request.user.pk,
            reason=form.cleaned_data["reason"],
            at=at,
        )
    except loyalty.operations.CannotMerge as refusal:
        form.add_error(None, str(refusal))
        return _page(request, person, merge_form=form, status=422)
    _note(request, person, "merged", str(other.public_id))
    messages.success(request, _("They are one member now. Both cards work."))
    return redirect("desk:together", person.public_id)


@service
@require_POST
def unmerge(request, public_id, merge_id):
    """Take a merge apart."""
    person = access_member(request.user, public_id)
    made = next((m for m in members.queries.merges_of(person.pk) if m.public_id == merge_id), None)
    if made is None:
        messages.error(request, _("There is no such merge of this member."))
        return redirect("desk:together", person.public_id)
    try:
        loyalty.operations.unmerge_members(merge=made, by_user_id=request.user.pk, at=clock.now())
    except loyalty.operations.CannotMerge as refusal:
        messages.error(request, str(refusal))
    else:
        _note(request, person, "unmerged", str(made.absorbed.public_id))
        messages.success(request, _("They are two members again. What came after the merge stays with this one."))
    return redirect("desk:together", person.public_id)


@service
@require_POST
def gift(request, public_id):
    """Hand points to another member on the member's word."""
    person, form = access_member(request.user, public_id), GiftForm(request.POST, auto_id="gift_%s")
    if not form.is_valid():
        return _page(request, person, gift_form=form, status=422)
    try:
        loyalty.operations.give_points(
            from_member_id=person.pk, to_member_id=form.cleaned_data["other"].pk, points=form.cleaned_data["points"],
            source=SOURCE, client_key=form.cleaned_data["key"], at=clock.now(), by_user_id=request.user.pk,
        )  # fmt: skip
    except loyalty.operations.LedgerRefusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, person, gift_form=form, status=422)
    _note(request, person, "shared", f"{form.cleaned_data['points']}")
    messages.success(request, _("The points are handed over and keep their last day."))
    return redirect("desk:together", person.public_id)


@service
@require_POST
def household(request, public_id, act):
    """Found a household, take somebody in, or leave."""
    person, at = access_member(request.user, public_id), clock.now()
    held = loyalty.queries.household_of(person.pk, at=at)
    try:
        if act == "leave" and held:
            loyalty.operations.leave_household(
                household=held.household, member_id=person.pk, by_member_id=person.pk, at=at
            )
        elif act == "join" and held:
            form = JoinForm(request.POST, auto_id="join_%s")
            if not form.is_valid():
                return _page(request, person, join_form=form, status=422)
            loyalty.operations.join_household(
                household=held.household, member_id=form.cleaned_data["other"].pk, percent=form.cleaned_data["percent"],
                may_spend=form.cleaned_data["may_spend"], by_member_id=person.pk, at=at,
            )  # fmt: skip
        else:
            form = ShareForm(request.POST, auto_id="share_%s")
            if not form.is_valid():
                return _page(request, person, share_form=form, status=422)
            loyalty.operations.found_household(
                name=person.family_name, head_id=person.pk, percent=form.cleaned_data["percent"], at=at
            )
    except loyalty.operations.LedgerRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        _note(request, person, "shared", act)
        messages.success(request, _("The household is changed."))
    return redirect("desk:together", person.public_id)


def _note(request, person, act, note=""):
    members.operations.note_access(user=request.user, member_id=person.pk, act=act, door="desk", note=note)
