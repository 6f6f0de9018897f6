"""The page that measures an uploaded experiment. The file is read, measured and forgotten: nothing of it is kept."""

from django import forms
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from insights import files
from reports import charts, lift
from reports.figures import readers

MEGABYTES_MAX = 50


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


class ExperimentForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("CSV with a header, or Parquet; one row per unit. Up to 50 MB."),
    )
    variant = forms.CharField(label=gettext_lazy("Column of the variant"), max_length=200)
    control = forms.CharField(label=gettext_lazy("Which value is the control"), max_length=200)
    metrics = forms.CharField(
        label=gettext_lazy("Metrics"), max_length=1000,
        help_text=gettext_lazy("Columns of numbers, separated by commas. A ratio is written revenue/visits."),
    )  # fmt: skip
    unit = forms.CharField(
        label=gettext_lazy("Column of the unit"), max_length=200, required=False,
        help_text=gettext_lazy("The member or visitor. Units in several variants are shown and left out."),
    )  # fmt: skip
    covariates = forms.CharField(
        label=gettext_lazy("Covariates"), max_length=1000, required=False,
        help_text=gettext_lazy("The same metric before assignment, as revenue=revenue_before. It takes noise away (CUPED)."),
    )  # fmt: skip
    shares = forms.CharField(
        label=gettext_lazy("Planned shares"), max_length=1000, required=False,
        help_text=gettext_lazy("As A=0.9, B=0.1. Empty: equal shares."),
    )  # fmt: skip
    correction = forms.ChoiceField(
        label=gettext_lazy("Correction for many comparisons"), initial="holm",
        choices=(("holm", "Holm"), ("bh", "Benjamini–Hochberg"), ("none", gettext_lazy("none"))),
    )  # fmt: skip

    def clean_file(self):
        held = self.cleaned_data["file"]
        if held.size > MEGABYTES_MAX * 2**20:
            raise forms.ValidationError(
                _("The file is larger than %(n)s MB; measure it with manage.py measure_experiment.")
                % {"n": MEGABYTES_MAX}
            )
        return held

    def measured(self) -> files.Measured:
        """Raises BadQuestion or BadFile, whose text names row and field."""
        said = self.cleaned_data
        question = files.asked(
            unit=said["unit"], variant=said["variant"], control=said["control"], metrics=_words(said["metrics"]),
            covariates=_words(said["covariates"]), shares=_words(said["shares"]), correction=said["correction"],
        )  # fmt: skip
        return files.measure(files.read(said["file"].file, question, name=said["file"].name.lower()), question)


@readers
@require_http_methods(["GET", "POST"])
def experiment(request):
    form = ExperimentForm(request.POST or None, request.FILES or None)
    context = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            found = form.measured()
        except (files.BadFile, files.BadQuestion) as reason:
            form.add_error(None, str(reason))
        else:
            context |= {"found": found, "rows": [_told(one) for one in found.comparisons], "chart": _chart(found)}
    status = 422 if form.errors else 200
    return render(request, "reports/experiment.html", context, status=status)


def _told(one) -> dict:
    told = {"metric": one.metric, "variant": one.variant, "cannot": one.cannot}
    it = one.found
    if it is None:
        return told
    told |= {
        "absolute": f"{it.absolute:+,.4g}", "low": f"{it.low:+,.4g}", "high": f"{it.high:+,.4g}", "p": lift.p_words(it.p_value),
        "p_adjusted": lift.p_words(one.p_adjusted), "is_detected": it.is_detected,
        "kept": f"{it.variance_kept:.0%}" if one.plain else "",
    }  # fmt: skip
    if it.relative is not None:
        told |= {name: f"{getattr(it, name):+.2%}" for name in ("relative", "relative_low", "relative_high")}
    return told


def _chart(found) -> str:
    rows = [
        {
            "name": f"{one.metric}: {one.variant}", "low": one.found.relative_low * 100, "estimate": one.found.relative * 100,
            "high": one.found.relative_high * 100,
        }
        for one in found.comparisons if one.found and one.found.relative is not None
    ]  # fmt: skip
    label = _("Relative difference with its 95 % interval; the figures stand in the table.")
    return charts.intervals(rows, title=_("Relative difference, %"), label=label) if rows else ""
