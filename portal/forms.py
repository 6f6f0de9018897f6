from django import forms
from django.utils.translation import gettext_lazy as _


class AddressForm(forms.Form):
    """Whose code? Only the shape of the address is checked here: who is a member is nobody's business."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True, "placeholder": "you@example.com"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Six-digit code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code", "inputmode": "numeric", "class": "input input--code", "autofocus": True,
                "pattern": "[0-9 ]*",
            }
        ),
    )  # fmt: skip
