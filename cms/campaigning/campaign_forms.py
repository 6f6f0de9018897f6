"""The form of a campaign: its settings by subject, and the trigger's own fields, drawn from the catalogue of happenings."""

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns import happenings
from campaigns.models import Campaign
from campaigns.operations import DROP, RESCHEDULE, SEND

WEEKDAYS = (
    (0, _("Monday")), (1, _("Tuesday")), (2, _("Wednesday")), (3, _("Thursday")), (4, _("Friday")), (5, _("Saturday")),
    (6, _("Sunday")),
)  # fmt: skip
SECTIONS = (
    (_("What and for whom"), "", ("name", "kind", "audience")),
    (
        _("When"), "",
        (
            "timing", "trigger", "delay_minutes", "reentry", "reentry_days", "repeat", "weekdays", "month_day", "local_time", "is_local",
            "time_zone", "starts_on", "ends_on",
        ),
    ),
    (_("Offers"), "", ("offers_buy_again", "offers_new_for_you")),
    (
        _("Who gets which variant"), "camp-only-several",
        ("choice", "goal", "test_percent", "decide_hours", "asks_for_winner", "parts", "part_hours", "floor_percent"),
    ),
    (_("Proof and care"), "", ("holdout_percent", "outcome_days", "guardrail_percent")),
    (_("Money and order"), "", ("budget_minor", "offer_cost_minor", "priority", "message_hours_max", "late_hours_max")),
)  # fmt: skip
SHOWN_FOR = {
    "trigger": "triggered", "delay_minutes": "triggered", "reentry": "triggered", "reentry_days": "triggered again",
    "repeat": "recurring", "weekdays": "recurring weekly", "month_day": "recurring monthly", "local_time": "repeating",
    "starts_on": "recurring", "ends_on": "repeating", "test_percent": "winner", "decide_hours": "winner",
    "asks_for_winner": "winner", "parts": "learning", "part_hours": "learning", "floor_percent": "learning", "goal": "choosing",
}  # fmt: skip
OFTEN_EMPTY = {
    "ends_on", "starts_on", "local_time", "budget_minor", "guardrail_percent", "message_hours_max", "month_day", "trigger", "repeat",
    "time_zone", "is_local", "asks_for_winner", "weekdays",
}  # fmt: skip


class CampaignForm(forms.ModelForm):
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[c for c in Campaign.Kind.choices if c[0] != Campaign.Kind.HISTORICAL],
        help_text=_("A rehearsal simulates the responses with a planted effect, to try out the report."),
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    trigger = forms.ChoiceField(label=_("When this happens"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Campaign
        fields = [name for _title, _shown, names in SECTIONS for name in names]
        widgets = {
            "local_time": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "starts_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "ends_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        triggers = happenings.triggers(chosen=self.instance.trigger)
        self.fields["trigger"].choices = [("", "–"), *((one.code, one.label) for one in triggers)]
        for name, field in self.fields.items():
            field.required = name in ("name", "kind", "audience", "holdout_percent", "outcome_days")
        self.fields["version"].initial = self.instance.version
        if self.instance.pk:
            self.fields["kind"].disabled = True
        self.asked = [(trigger, one) for trigger in triggers for one in trigger.fields]
        for trigger, one in self.asked:
            self.fields[_place(trigger, one)] = self._field(trigger, one)

    def _field(self, trigger, one):
        held = self.instance.trigger_settings if self.instance.trigger == trigger.code else {}
        shared = {"label": one.label.capitalize(), "required": False, "initial": held.get(one.name, one.default)}
        if one.kind == "choices":
            return forms.MultipleChoiceField(choices=one.choices(), widget=forms.CheckboxSelectMultiple, **shared)
        if one.kind == "choice":
            return forms.ChoiceField(choices=one.choices(), **shared)
        if one.kind == "number":
            return forms.IntegerField(min_value=one.low, max_value=one.high, **shared)
        return forms.CharField(max_length=happenings.NAME_MAX, **shared)

    def clean(self):
        cleaned = super().clean()
        for name in self.Meta.fields:  # a field that the page did not show keeps what a new campaign has
            if name not in OFTEN_EMPTY and cleaned.get(name) in (None, "") and name not in self.errors:
                cleaned[name] = Campaign._meta.get_field(name).get_default()
        own = {_place(trigger, one): cleaned.pop(_place(trigger, one), None) for trigger, one in self.asked}
        cleaned.pop("version", None)
        cleaned["trigger_settings"] = {}
        code = cleaned.get("trigger") or ""
        if cleaned.get("timing") == Campaign.Timing.TRIGGERED:
            given = {one.name: own[_place(trigger, one)] for trigger, one in self.asked if trigger.code == code}
            try:
                cleaned["trigger_settings"] = happenings.clean(
                    code, {k: v for k, v in given.items() if v not in (None, "")}
                )
            except happenings.Invalid as reason:
                self.add_error("trigger", str(reason))
        return cleaned

    def sections(self):
        """(title, class, fields), each field with the class that says for which choices it is shown."""
        for title, shown, names in SECTIONS:
            rows = [(self[name], _classes(name)) for name in names]
            if "trigger" in names:
                place = names.index("trigger") + 1
                rows[place:place] = [
                    (self[_place(trigger, one)], f"camp-only camp-only--triggered camp-only--t-{trigger.code}")
                    for trigger, one in self.asked
                ]
            yield title, shown, rows


def _place(trigger, one) -> str:
    return f"t_{trigger.code}_{one.name}"


def _classes(name: str) -> str:
    shown = SHOWN_FOR.get(name, "")
    return " ".join(["camp-only", *(f"camp-only--{word}" for word in shown.split())]) if shown else ""


class ResumeForm(forms.Form):
    past_due = forms.ChoiceField(
        label=_("What fell due meanwhile"),
        choices=((SEND, _("Send it now")), (RESCHEDULE, _("Send it later")), (DROP, _("Do not send it"))),
    )
    until = forms.DateTimeField(
        label=_("Later: at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
