"""What the service desk asks for."""

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

REASONS = [
    ("complaint", _("Complaint settled")),
    ("missing", _("Points that were missing")),
    ("service", _("Poor service")),
    ("correction", _("Correction of a mistake")),
]
CHANNELS = [("email", _("E-mail")), ("push", _("Push")), ("sms", _("SMS")), ("post", _("Post"))]


class KeyedForm(forms.Form):
    """A form with a name of its own for the act, so that a second press is no second act."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)


class GoodwillForm(KeyedForm):
    points = forms.IntegerField(label=_("Points"), help_text=_("Minus takes points away."), min_value=-100_000, max_value=100_000)
    reason = forms.ChoiceField(label=_("Reason"), choices=REASONS)

    def clean_points(self) -> int:
        if self.cleaned_data["points"] == 0:
            raise forms.ValidationError(gettext("Nought points change nothing. Give or take at least one."))
        return self.cleaned_data["points"]


class ConsentForm(forms.Form):
    channel = forms.ChoiceField(choices=CHANNELS)
    purpose = forms.ChoiceField(choices=[("marketing", _("Offers and news")), ("profiling", _("Personal recommendations"))])
    is_granted = forms.TypedChoiceField(choices=[("yes", "yes"), ("no", "no")], coerce=lambda word: word == "yes")


class ProfileForm(forms.Form):
    given_name = forms.CharField(label=_("Given name"), max_length=100, required=False)
    family_name = forms.CharField(label=_("Family name"), max_length=100, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=[("en", "English"), ("zh-hans", "简体中文")])


class RefundForm(KeyedForm):
    """One quantity per line that is still to be refunded; whole lines give their whole total back."""

    def __init__(self, *args, lines, **kwargs):
        super().__init__(*args, **kwargs)
        self.lines = lines
        for line_no, quantity, _total in lines:
            self.fields[f"line_{line_no}"] = forms.DecimalField(
                required=False, min_value=0, max_value=max(quantity, 1), decimal_places=3, max_digits=14,
                widget=forms.NumberInput(attrs={"step": "any", "class": "input desk-quantity"}),
            )  # fmt: skip

    def clean(self):
        data = super().clean()
        if not self.errors and not self.chosen():
            raise forms.ValidationError(gettext("Choose at least one line, and how much of it."))
        return data

    def chosen(self) -> list:
        """The lines asked for as (line_no, quantity, total): part of a line gives back its share, rounded to the member's side."""
        asked = [(line, self.cleaned_data.get(f"line_{line[0]}")) for line in self.lines]
        return [_share(line, quantity) for line, quantity in asked if quantity]


def _share(line, quantity):
    line_no, left, total = line
    if left <= 0 or quantity >= left:
        return line
    return line_no, quantity, -int(-(total * quantity) // left)
