from django import forms
from django.utils.translation import gettext_lazy as _


def _address_field(**attributes) -> forms.CharField:
    """Whose code? Only the shape of the address is checked here: who is a member is nobody's business."""
    shown = {"autocomplete": "username webauthn", "autofocus": True, "spellcheck": "false", "autocapitalize": "none"}
    return forms.CharField(
        label=_("E-mail or mobile number"), max_length=254, widget=forms.TextInput(attrs=shown | attributes)
    )


class LoginForm(forms.Form):
    address = _address_field()


class JoinForm(forms.Form):
    address = _address_field()
    consent = forms.BooleanField(
        label=_("Yes, send me offers and news"),
        help_text=_("Optional. You can change it at any time."),
        required=False,
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Six-digit code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code", "inputmode": "numeric", "class": "input input--code", "autofocus": True,
                "pattern": "[0-9 ]*", "data-code": "",
            }
        ),
    )  # fmt: skip


class ClaimForm(forms.Form):
    """A receipt whose points never came: its number, and its total, which only who holds it knows."""

    receipt = forms.CharField(
        label=_("Receipt number"),
        help_text=_("You find it at the foot of the receipt."),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
    )
    total = forms.DecimalField(
        label=_("Total of the receipt"), min_value=0, max_digits=9, decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    words = forms.CharField(
        label=_("Anything we should know?"), max_length=1000, required=False,
        help_text=_("Store and day help us to find it. Optional."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
