"""What the service desk asks for."""

import uuid

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from desk.refunds import share

REASONS = [
    ("complaint", _("Complaint settled")),
    ("missing", _("Points that were missing")),
    ("service", _("Poor service")),
    ("correction", _("Correction of a mistake")),
]
CHANNELS = {"email": _("E-mail"), "push": _("Push"), "sms": _("SMS"), "post": _("Post")}
PURPOSES = {"marketing": _("Offers and news"), "profiling": _("Personal recommendations")}


def _new_key() -> str:
    return uuid.uuid4().hex


class KeyedForm(forms.Form):
    """A form with a name of its own for the act, so that a second press is no second act."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=_new_key)


class EraseForm(forms.Form):
    is_asked_for = forms.BooleanField(
        label=_("The member asked for it and proved who they are."),
        error_messages={"required": _("Tick this first: only the member may ask for it.")},
    )


class GoodwillForm(KeyedForm):
    points = forms.IntegerField(
        label=_("Points"), help_text=_("Minus takes points away."), min_value=-100_000, max_value=100_000
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=REASONS, help_text=_("The member sees it beside the points."))

    def clean_points(self) -> int:
        if self.cleaned_data["points"] == 0:
            raise forms.ValidationError(gettext("Nought points change nothing. Give or take at least one."))
        return self.cleaned_data["points"]

    def words(self) -> str:
        return str(dict(REASONS)[self.cleaned_data["reason"]])


class ConsentForm(forms.Form):
    channel = forms.ChoiceField(choices=CHANNELS.items())
    purpose = forms.ChoiceField(choices=PURPOSES.items())
    is_granted = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda word: word == "yes")


class ProfileForm(forms.Form):
    given_name = forms.CharField(label=_("Given name"), max_length=100, required=False)
    family_name = forms.CharField(label=_("Family name"), max_length=100, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=[("en", "English"), ("zh-hans", "简体中文")])


class RefundForm(KeyedForm):
    """One quantity per line that is still to be refunded; a line without quantity is taken back whole or not at all."""

    def __init__(self, *args, left, **kwargs):
        super().__init__(*args, **kwargs)
        self.left = {line[0]: line for line in left}
        for line_no, quantity, _total in left:
            self.fields[f"line_{line_no}"] = forms.DecimalField(
                required=False, min_value=0, max_value=quantity or 1, max_digits=14, decimal_places=3,
                widget=forms.NumberInput(attrs={"step": "any", "class": "input desk-quantity"}),
            )  # fmt: skip

    def clean(self):
        data = super().clean()
        if not self.errors and not self.chosen():
            raise forms.ValidationError(gettext("Choose at least one line, and how much of it."))
        return data

    def chosen(self) -> list:
        """The lines to take back: (line_no, quantity, total in minor units)."""
        asked = ((line, self.cleaned_data.get(f"line_{number}")) for number, line in self.left.items())
        return [share(line, quantity) for line, quantity in asked if quantity]
