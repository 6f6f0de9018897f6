"""The forms of the campaign editor."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.models import Short, by_push
from delivery.operations import can_answer as is_set_up
from emails.models import EmailTemplate
from push.models import PushTemplate

ALWAYS = (Short.PUSH, Short.PORTAL)


class VariantForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=60)
    weight = forms.IntegerField(label=_("Weight"), min_value=1, max_value=1000, initial=1)
    email_template = forms.ModelChoiceField(label=_("E-mail"), queryset=EmailTemplate.objects.none(), required=False)
    push_template = forms.ModelChoiceField(
        label=_("Short message"), queryset=PushTemplate.objects.none(), required=False
    )
    push_by = forms.MultipleChoiceField(
        label=_("The short message goes by"), required=False, widget=forms.CheckboxSelectMultiple, initial=by_push
    )
    send_time = forms.TimeField(
        label=_("Sent at"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    at_own_hour = forms.BooleanField(
        label=_("At each member's own hour"), required=False,
        help_text=_("Learned from when they click and buy. Give another variant a fixed time to see whether it pays."),
    )  # fmt: skip
    offers_buy_again = forms.IntegerField(label=_("“Buy again” offers"), min_value=0, max_value=6, required=False)
    offers_new_for_you = forms.IntegerField(label=_("“New for you” offers"), min_value=0, max_value=6, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["email_template"].queryset = EmailTemplate.objects.select_related("locale")
        self.fields["push_template"].queryset = PushTemplate.objects.order_by("name")
        self.fields["push_by"].choices = _ways_set_up(self.initial.get("push_by") or ())

    def has_changed(self):
        """A row in which nothing but the proposed way is ticked is an empty row."""
        return any(name != "push_by" for name in self.changed_data)

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("name") and not (cleaned.get("email_template") or cleaned.get("push_template")):
            raise forms.ValidationError(_("Choose an e-mail, a short message, or both."))
        if cleaned.get("send_time") and cleaned.get("at_own_hour"):
            raise forms.ValidationError(_("Choose a fixed time or the member's own hour, not both."))
        if cleaned.get("push_template") and not cleaned.get("push_by"):
            raise forms.ValidationError(_("Say which way the short message goes."))
        return cleaned


def _ways_set_up(kept) -> list[tuple[str, str]]:
    """The ways a short message can go in this house, and those the variant already says."""
    return [(way, words) for way, words in Short.choices if way in kept or way in ALWAYS or is_set_up(way)]


class BaseVariants(forms.BaseFormSet):
    def clean(self):
        names = [
            form.cleaned_data.get("name") for form in self.forms if form.has_changed() and hasattr(form, "cleaned_data")
        ]
        if len(names) != len(set(names)):
            raise forms.ValidationError(_("Each variant needs a name of its own."))

    def chosen(self) -> list[dict]:
        keys = (
            "name", "weight", "email_template", "push_template", "push_by", "send_time", "at_own_hour",
            "offers_buy_again", "offers_new_for_you",
        )  # fmt: skip
        return [
            {key: form.cleaned_data[key] for key in keys}
            for form in self.forms
            if form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]


VariantFormSet = forms.formset_factory(VariantForm, formset=BaseVariants, extra=1, max_num=5, can_delete=True)


class ScheduleForm(forms.Form):
    launch_at = forms.DateTimeField(
        label=_("Launch at"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
