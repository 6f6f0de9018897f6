"""Pictures of how well a model foretold, as SVG text."""

import altair as alt
import vl_convert
from django.utils.translation import gettext as _


def holdout(bins: list[dict]) -> str:
    """Purchases foretold and made in the holdout, by repeat purchases before: two lines that should be one.

    `bins` are the fields of `insights.value.HoldoutBin`.
    """
    foretold, made = _("Foretold"), _("Made")
    rows = [
        {"before": f"{one['x']}{'+' if one['is_or_more'] else ''}", "mean": mean, "of": of}
        for one in bins
        for of, mean in ((foretold, one["foretold"]), (made, one["made"]))
    ]
    chart = (
        alt.Chart(
            alt.Data(values=rows), width=520, height=280, title=_("Purchases in the holdout, by purchases before")
        )
        .mark_line(point=True)
        .encode(
            x=alt.X("before:O", title=_("Repeat purchases before")),
            y=alt.Y("mean:Q", title=_("Mean purchases a member")),
            color=alt.Color("of:N", title=None),
            strokeDash=alt.StrokeDash("of:N", title=None),
        )
    )
    return vl_convert.vegalite_to_svg(chart.to_json())
