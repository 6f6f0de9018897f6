"""What the managers' pages about people ask for."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models import MembershipPlan, Tier

CURRENCY = {"max_length": 3, "min_length": 3, "label": pgettext_lazy("money", "Currency"), "initial": "USD"}


class TierForm(forms.ModelForm):
    """One step of the ladder. Benefits: one a line, English | Chinese."""

    benefits = forms.CharField(
        label=_("Benefits"), required=False, widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line, in English, then a vertical bar, then in Chinese."),
    )  # fmt: skip

    class Meta:
        model = Tier
        fields = (
            "code", "name_en", "name_zh", "rank", "how", "points_from", "spend_minor_from", "visits_from", "credits_from",
            "must_meet_all",
            "counted_over", "window_months", "grace_months",
        )  # fmt: skip
        labels = {
            "code": pgettext_lazy("short name", "Code"), "name_en": _("Name in English"), "name_zh": _("Name in Chinese"), "rank": _("Place on the ladder"),
            "how": _("How it is reached"), "points_from": _("Qualifying points"), "spend_minor_from": _("Spend, in minor units"),
            "visits_from": _("Visits"), "credits_from": _("Tier credits"), "must_meet_all": _("All of these must be met"), "counted_over": _("Counted over"),
            "window_months": _("Months, if the latest are counted"), "grace_months": _("Months it is kept when lost"),
        }  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["credits_from"].required = False
        if self.instance.pk:
            self.fields["code"].disabled = True
            self.initial["benefits"] = "\n".join(
                f"{one.words_en} | {one.words_zh}" if one.words_zh else one.words_en
                for one in self.instance.benefits.all()
            )

    def clean_credits_from(self) -> int:
        return self.cleaned_data["credits_from"] or 0

    def clean_benefits(self) -> list[tuple[str, str]]:
        lines = [line.partition("|") for line in self.cleaned_data["benefits"].splitlines() if line.strip()]
        return [(english.strip()[:120], chinese.strip()[:120]) for english, _bar, chinese in lines]


class PolicyForm(forms.Form):
    currency = forms.CharField(**CURRENCY)
    falls_one_step = forms.BooleanField(label=_("Who loses a tier falls one step at a time"), required=False)


class PartnerForm(forms.Form):
    code = forms.SlugField(label=pgettext_lazy("short name", "Code"), max_length=40)
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=100)
    valid_from = forms.DateField(label=_("Terms from"), widget=forms.DateInput(attrs={"type": "date"}))
    currency = forms.CharField(**CURRENCY)
    issue_minor_per_1000 = forms.IntegerField(
        label=_("It pays us for 1,000 points it gives, in minor units"), min_value=0
    )
    accept_minor_per_1000 = forms.IntegerField(
        label=_("We pay it for 1,000 points it accepts, in minor units"), min_value=0
    )


class PlanForm(forms.ModelForm):
    class Meta:
        model = MembershipPlan
        fields = ("tier", "price_id", "amount_minor", "currency", "interval")
        labels = {
            "tier": _("Tier"), "price_id": _("Price id at Stripe"), "amount_minor": _("Price, in minor units"),
            "currency": pgettext_lazy("money", "Currency"), "interval": _("Paid"),
        }  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["tier"].queryset = Tier.objects.filter(how=Tier.How.PAID)

    def validate_unique(self):
        """The same price again changes its plan."""
