"""The fields of a rule as a manager fills them in: made from the engine's own description of each kind.

A definition holds minor units, ids and lists; a form shows money, names and chips. Every field here turns one into the other.
"""

from datetime import date, time
from decimal import Decimal

from babel.numbers import get_currency_precision
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.authoring import choosing
from loyalty.earning.kinds import Field

WEEKDAYS = (
    (1, gettext_lazy("Monday")), (2, gettext_lazy("Tuesday")), (3, gettext_lazy("Wednesday")), (4, gettext_lazy("Thursday")),
    (5, gettext_lazy("Friday")), (6, gettext_lazy("Saturday")), (7, gettext_lazy("Sunday")),
)  # fmt: skip
PICKED = ("categories", "brands", "products", "stores", "tags", "tiers")


class MoneyField(forms.DecimalField):
    """An amount as people write it; minor units in the definition."""

    def __init__(self, *, currency: str, minimum=0, maximum=10**9, **kwargs):
        self.currency, self.digits = currency, get_currency_precision(currency)
        limits = {"min_value": self.prepare_value(minimum), "max_value": self.prepare_value(maximum)}
        super().__init__(decimal_places=self.digits, max_digits=18, **limits, **kwargs)
        self.widget.attrs["inputmode"] = "decimal"

    def prepare_value(self, value):
        if isinstance(value, int):
            return Decimal(value).scaleb(-self.digits)
        return value

    def clean(self, value):
        amount = super().clean(value)
        return None if amount is None else int(amount.scaleb(self.digits))


class HoursWidget(forms.MultiWidget):
    template_name = "loyalty/authoring/widgets/hours.html"

    def __init__(self):
        clock = {"type": "time"}
        super().__init__([forms.TimeInput(clock, format="%H:%M"), forms.TimeInput(clock, format="%H:%M")])

    def decompress(self, value):
        return [time.fromisoformat(hour) if isinstance(hour, str) and hour else hour for hour in value or [None, None]]


class HoursField(forms.MultiValueField):
    """From one time of day to another."""

    def __init__(self, **kwargs):
        super().__init__(
            fields=(forms.TimeField(), forms.TimeField()), widget=HoursWidget(), require_all_fields=False, **kwargs
        )

    def compress(self, data_list):
        if not any(data_list):
            return None
        if not all(data_list):
            raise forms.ValidationError(_("Say both when it begins and when it ends."))
        if data_list[0] == data_list[1]:
            raise forms.ValidationError(_("The end must differ from the beginning."))
        return [f"{hour:%H:%M}" for hour in data_list]


class DayField(forms.DateField):
    def __init__(self, **kwargs):
        super().__init__(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **kwargs)

    def prepare_value(self, value):
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 and value[4] == "-" else value

    def clean(self, value):
        day = super().clean(value)
        return day.isoformat() if day else None


class GivesWidget(forms.MultiWidget):
    template_name = "loyalty/authoring/widgets/gives.html"

    def __init__(self, currencies):
        self.currencies = currencies
        super().__init__({code: forms.NumberInput({"min": 0}) for code, _label in currencies})

    def decompress(self, value):
        return [(value or {}).get(code) for code, _label in self.currencies]

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        for part, (_code, label) in zip(context["widget"]["subwidgets"], self.currencies, strict=True):
            part["label"] = label
        return context


class GivesField(forms.MultiValueField):
    """What a rule gives, an amount for each currency there is."""

    def __init__(self, *, currencies: list[tuple[str, str]], **kwargs):
        self.codes = [code for code, _label in currencies]
        numbers = [forms.IntegerField(min_value=0, max_value=10**9, required=False) for _code in self.codes]
        super().__init__(fields=numbers, widget=GivesWidget(currencies), require_all_fields=False, **kwargs)

    def compress(self, data_list):
        return {code: n for code, n in zip(self.codes, data_list, strict=False) if n} or None

    def clean(self, value):
        found = super().clean(value)
        if self.required and not found:
            raise forms.ValidationError(_("Say how much of at least one."))
        return found


class PicksWidget(forms.Widget):
    """Chosen things as chips, with a field that searches for more."""

    template_name = "loyalty/authoring/widgets/picks.html"

    def __init__(self, what: str):
        super().__init__()
        self.what = what

    def value_from_datadict(self, data, files, name):
        chosen = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        typed = (data.get(f"{name}.typed") or "").strip()
        return list(dict.fromkeys([*chosen, typed] if typed else chosen))

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        context["chosen"] = choosing.labels(self.what, value or [])
        context["what"] = self.what
        return context

    def value_omitted_from_data(self, data, files, name):
        return False


class PicksField(forms.Field):
    """A list of categories, brands, products, stores or tags."""

    def __init__(self, what: str, **kwargs):
        super().__init__(widget=PicksWidget(what), **kwargs)
        self.what = what

    def clean(self, value):
        found, unknown = choosing.resolve(self.what, [text for text in value or [] if text])
        if unknown:
            raise forms.ValidationError(
                _("%(names)s: not found. Choose from the list that opens while you type.")
                % {"names": ", ".join(unknown)}
            )
        return found or None


def form_field(field: Field, *, currency: str, currencies: list[tuple[str, str]]) -> forms.Field:
    """The form field for one described field. Labels and helps are in the reader's language."""
    common = {"label": _(field.label), "help_text": _(field.help) if field.help else "", "required": field.is_required}
    if field.type in {"count", "points", "percent"}:
        made = forms.IntegerField(min_value=field.minimum, max_value=field.maximum, **common)
    elif field.type == "minor":
        made = MoneyField(currency=currency, minimum=field.minimum, maximum=field.maximum, **common)
    elif field.type == "boolean":
        made = forms.BooleanField(**common | {"required": False})
    elif field.type == "choice":
        made = forms.ChoiceField(choices=[(code, _(label)) for code, label in field.choices], **common)
    elif field.type == "gives":
        made = GivesField(currencies=currencies, **common)
    elif field.type == "weekdays":
        made = forms.TypedMultipleChoiceField(
            choices=WEEKDAYS, coerce=int, empty_value=None, widget=forms.CheckboxSelectMultiple, **common
        )
    elif field.type == "hours":
        made = HoursField(**common)
    elif field.type == "day":
        made = DayField(**common)
    elif field.type in {"texts", "products"} and field.name in PICKED:
        made = PicksField(field.name, **common)
    else:
        made = forms.CharField(max_length=100, **common)
    made.unit = _(field.unit) if field.unit else {"percent": "%", "minor": currency}.get(field.type, "")
    return made
