"""Lists of words, entered one a line: nobody should have to write JSON."""

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm


class Lines(forms.CharField):
    """A list of short texts. Empty lines and repetitions are dropped."""

    widget = forms.Textarea(attrs={"rows": 5})

    def prepare_value(self, value):
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        return list(dict.fromkeys(line.strip() for line in (value or "").splitlines() if line.strip()))

    def has_changed(self, initial, data):
        return list(initial or []) != self.to_python(data)


class LinesForm(WagtailAdminModelForm):
    """A form whose `lines`, JSON lists in the table, are entered one a line."""

    lines: tuple[str, ...] = ()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.lines:
            known = self.fields[name]
            self.fields[name] = Lines(
                label=known.label, required=False, initial=known.initial,
                help_text=" ".join(map(str, filter(None, (known.help_text, _("One a line."))))),
            )  # fmt: skip
