"""How staff enter things: lists of words one a line, for nobody should have to write JSON, and choices that lead somewhere."""

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm

from members import modules


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


class SwitchedForm(WagtailAdminModelForm):
    """A form that offers no choice of a module that is off; what was chosen before stays chosen.

    `needs`: field → choice → the modules of which one must be on. What is not named needs none.
    """

    needs: dict[str, dict[str, tuple[str, ...]]] = {}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, needed in self.needs.items():
            chosen = getattr(self.instance, name, "")
            self.fields[name].choices = [
                (code, words)
                for code, words in self.fields[name].choices
                if code == chosen or code not in needed or any(map(modules.is_on, needed[code]))
            ]
