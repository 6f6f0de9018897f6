"""What the till asks for."""

from django import forms
from django.utils.translation import gettext_lazy as _

from members import normalise
from pos import amounts


class AmountForm(forms.Form):
    """The amount of a sale, and the name the till gave it before the first try."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    amount = forms.CharField(
        label=_("Amount"),
        max_length=30,
        required=False,
        widget=forms.TextInput(
            attrs={
                "inputmode": "decimal",
                "autocomplete": "off",
                "autofocus": True,
                "class": "input till-amount",
                "placeholder": "0.00",
            }
        ),
    )

    def clean_amount(self) -> int | None:
        """In minor units; None when nothing is sold and only a reward is handed out."""
        if not self.cleaned_data["amount"].strip():
            return None
        try:
            return amounts.to_minor(self.cleaned_data["amount"])
        except ValueError as reason:
            raise forms.ValidationError(str(reason)) from None


class EnrolForm(forms.Form):
    """A new member in the queue: a phone number or an e-mail address is enough."""

    contact = forms.CharField(
        label=_("Phone number or e-mail"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "class": "input input--large"}),
    )
    given_name = forms.CharField(
        label=_("Given name"), max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    family_name = forms.CharField(
        label=_("Family name"), max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    card = forms.CharField(
        label=_("Card to hand out"),
        max_length=30,
        required=False,
        help_text=_("Scan it here, or leave it empty: the member gets a card number in the app."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric", "data-takes-cards": ""}),
    )

    def clean_contact(self) -> str:
        text = self.cleaned_data["contact"]
        self.kind = "email" if "@" in text else "phone"
        try:
            return normalise.NORMALISERS[self.kind](text)
        except ValueError as reason:
            raise forms.ValidationError(str(reason)) from None

    def fields_of_member(self) -> dict:
        data = dict(self.cleaned_data)
        return {self.kind: data.pop("contact"), **data}

    def refuse(self, field: str, message: str):
        """Say what is wrong beside the field it was typed in."""
        self.add_error("contact" if field in {"phone", "email"} else field, message)
