"""A member asks, complains or praises, and reads what became of it: a case, and its conversation."""

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import care.operations
import care.queries
from members.clock import now
from portal.accounts import member_only

TOLD = ("heard", "replied", "auto")


def _new_key() -> str:
    return uuid.uuid4().hex


class WordsForm(forms.Form):
    key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=_new_key)
    text = forms.CharField(
        label=gettext_lazy("Your message"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )


class AskForm(WordsForm):
    """Topics come from the desk's own list. A receipt helps, and is nobody's duty."""

    topic = forms.ChoiceField(label=gettext_lazy("What is it about?"))
    receipt = forms.CharField(
        label=gettext_lazy("Receipt number"), help_text=gettext_lazy("If it is about a purchase. Optional."), max_length=120,
        required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    field_order = ("key", "topic", "text", "receipt")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["topic"].choices = [(one.code, one.name) for one in care.queries.topics_for_members()]


@member_only
def write(request):
    form = AskForm(request.POST or None, initial={"topic": request.GET.get("about", "")})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        opened = care.operations.open_case(
            topic=said["topic"], text=said["text"], receipt=said["receipt"], channel="portal", at=now(),
            member_id=request.member.pk, source="portal", client_key=f"write:{request.member.public_id}:{said['key']}"[:120],
        )  # fmt: skip
        messages.success(request, _("Thank you for telling us. A person reads it; you find the answer here."))
        return redirect("portal:case", opened.case.public_id)
    return render(request, "portal/write.html", {"form": form})


@member_only
def case(request, public_id):
    """The conversation, and room for a further word. Another member's case does not exist here; notes among staff are not told."""
    found = care.queries.cases_of(request.member.pk).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    form = WordsForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        care.operations.hear(
            case=found, text=form.cleaned_data["text"], at=now(), channel="portal", source="portal",
            client_key=f"{found.public_id}:{form.cleaned_data['key']}",
        )  # fmt: skip
        messages.success(request, _("We have it."))
        return redirect("portal:case", found.public_id)
    words = found.entries.filter(kind__in=TOLD)
    return render(request, "portal/case.html", {"case": found, "words": words, "form": form})
