"""What a manager types: a reward, a pool of codes, the policy."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.models import Reward, SpendingPolicy
from sales.models import Product

MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
CODES_MAX = 20_000


class RewardForm(forms.ModelForm):
    """A reward. A free product is named by its code, as the shop knows it."""

    product_code = forms.CharField(label=_("Product code"), max_length=60, required=False)

    class Meta:
        model = Reward
        fields = (
            "name_en", "name_zh", "words_en", "words_zh", "kind", "amount", "currency", "product_code", "points", "money_minor",
            "unit_cost_minor", "max_minor", "basket_minor_from", "is_partial", "valid_from", "valid_until", "voucher_days",
            "stock_left", "per_member_max", "per_member_days", "tiers", "stores", "is_active",
        )  # fmt: skip
        widgets = {
            "valid_from": MOMENT, "valid_until": MOMENT, "tiers": forms.CheckboxSelectMultiple,
            "stores": forms.CheckboxSelectMultiple,
        }  # fmt: skip

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.product_id:
            self.fields["product_code"].initial = self.instance.product.code

    def clean(self):
        data = super().clean()
        kind, amount, code = data.get("kind"), data.get("amount"), data.get("product_code", "").strip()
        if kind == Reward.Kind.PERCENT and amount is not None and not 1 <= amount <= 100:
            self.add_error("amount", _("A percentage lies between 1 and 100."))
        elif kind != Reward.Kind.SHIPPING and not amount:
            self.add_error("amount", _("Say how much it gives: more than nothing."))
        if kind == Reward.Kind.PRODUCT:
            self.instance.product = Product.objects.filter(code=code).first()
            if self.instance.product is None:
                self.add_error("product_code", _("No product has this code. Check it in the catalogue of the shop."))
        else:
            self.instance.product = None
        if data.get("valid_until") and data.get("valid_from") and data["valid_until"] <= data["valid_from"]:
            self.add_error("valid_until", _("The end comes after the beginning."))
        return data


class PoolForm(forms.Form):
    """Codes made at once for one reward."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=100)
    reward = forms.ModelChoiceField(label=_("Reward"), queryset=Reward.objects.none())
    count = forms.IntegerField(label=_("How many codes"), min_value=1, max_value=CODES_MAX)
    valid_from = forms.DateTimeField(label=_("From"), widget=MOMENT)
    valid_until = forms.DateTimeField(label=_("Until"), widget=MOMENT)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kinds = [kind for kind in Reward.Kind.values if kind not in {"gift_card", "cashback"}]
        self.fields["reward"].queryset = Reward.objects.filter(is_active=True, kind__in=kinds)

    def clean(self):
        data = super().clean()
        if data.get("valid_until") and data.get("valid_from") and data["valid_until"] <= data["valid_from"]:
            self.add_error("valid_until", _("The end comes after the beginning."))
        return data


class PolicyForm(forms.ModelForm):
    class Meta:
        model = SpendingPolicy
        fields = (
            "debt", "pay_points", "pay_minor", "pay_currency", "pay_points_min", "hold_minutes", "confirm_points", "returned_rewards", "grace_days",
            "reinstated_days",
        )  # fmt: skip
