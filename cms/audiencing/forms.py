"""The forms of the audience screens; the tree of conditions is read by building.py."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import Audience


class AudienceForm(forms.ModelForm):
    class Meta:
        model = Audience
        fields = ["name", "description", "is_kept"]


class ListForm(forms.ModelForm):
    class Meta:
        model = Audience
        fields = ["name", "description"]


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("One member a row: a card number, an e-mail address or a phone number. A heading says which; without one it is seen."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )  # fmt: skip
    leaves_out_unknown = forms.BooleanField(label=_("Leave out rows that match no member"), required=False)
