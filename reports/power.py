"""The power page: before an experiment starts, how many members an effect needs, and what the members there are can show."""

import math
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

from django import forms
from django.conf import settings
from django.db import connection
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from campaigns.plans import COVARIATE_DAYS
from insights import lift
from members import clock
from reports import readings
from reports.figures import readers
from reports.waiting import begin, patient

# Members who bought in neither time are zeros: they count, and add nothing to any sum.
_SPREAD = """
SELECT (SELECT count(*) FROM members_member WHERE status = 'active'), coalesce(sum(y), 0)::float8, coalesce(sum(y * y), 0)::float8,
       coalesce(sum(x), 0)::float8, coalesce(sum(x * x), 0)::float8, coalesce(sum(x * y), 0)::float8
  FROM (SELECT coalesce(sum(p.total_minor) FILTER (WHERE p.purchased_at >= %(begin)s), 0)::float8 AS y,
               coalesce(sum(p.total_minor) FILTER (WHERE p.purchased_at < %(begin)s), 0)::float8 AS x
          FROM sales_purchase p JOIN members_member m ON m.id = p.member_id AND m.status = 'active'
         WHERE p.purchased_at >= %(before)s AND p.purchased_at < %(at)s GROUP BY p.member_id) AS spent
"""


@dataclass(frozen=True)
class Spread:
    """Spend per active member in minor units over so many days that are past, and how it went with the days before them."""

    members: int
    mean: float
    sd: float
    correlation: float


def spread(*, days: int, at: datetime, begin=None) -> tuple[Spread, datetime]:
    """What an experiment of so many days would measure, had it ended at a moment; and that moment, as it was read last."""
    found = readings.read(_question(days), at=at, begin=begin)
    return Spread(*found.value), found.at


def _question(days: int) -> readings.Question:
    return readings.Question(f"spread:{days}", lambda at: list(astuple(_spread(days, at))))


readings.KINDS["spread"] = lambda rest: _question(int(rest))


def _spread(days: int, at: datetime) -> Spread:
    begin = at - timedelta(days=days)
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, {"begin": begin, "before": begin - timedelta(days=COVARIATE_DAYS), "at": at})
        n, y, yy, x, xx, xy = cursor.fetchone()
    if n < 2:
        return Spread(n, 0.0, 0.0, 0.0)
    var_y, var_x = (yy - y * y / n) / (n - 1), (xx - x * x / n) / (n - 1)
    both = (xy - x * y / n) / (n - 1)
    correlation = both / math.sqrt(var_x * var_y) if var_x > 0 and var_y > 0 else 0.0
    return Spread(n, y / n, math.sqrt(max(0.0, var_y)), correlation)


class PowerForm(forms.Form):
    effect = forms.FloatField(
        label=gettext_lazy("Difference to be seen, per cent"), min_value=0.1, max_value=500, initial=5,
        help_text=gettext_lazy("Of spend per member: 5 finds five per cent more, or less."),
    )  # fmt: skip
    held_out = forms.IntegerField(label=gettext_lazy("Held out, per cent"), min_value=1, max_value=50, initial=10)
    days = forms.IntegerField(label=gettext_lazy("Days measured"), min_value=1, max_value=182, initial=28)
    members = forms.IntegerField(
        label=gettext_lazy("Members you have"), min_value=4, max_value=100_000_000, required=False,
        help_text=gettext_lazy("Empty: all active members."),
    )  # fmt: skip


def answer(said: dict, *, at: datetime, begin=None) -> dict:
    """How many members are needed and what those at hand can show, without and with what they did before."""
    found, read_at = spread(days=said["days"], at=at, begin=begin)
    have = said["members"] or found.members
    held = max(2, round(have * said["held_out"] / 100))
    rows = []
    for correlation in (0.0, found.correlation):
        needed = lift.sample_needed(
            found.mean, found.sd, said["effect"] / 100, control_share=said["held_out"] / 100, correlation=correlation
        )
        shown = lift.effect_detectable(found.mean, found.sd, held, max(0, have - held), correlation=correlation)
        rows.append({"needed": needed, "detectable": shown, "is_enough": needed is not None and needed.n <= have})
    return {
        "at": read_at,
        "spread": found,
        "have": have,
        "plain": rows[0],
        "cuped": rows[1],
        "currency": settings.CURRENCY,
    }


@readers
@require_GET
@patient
def power(request):
    at = clock.now()
    asked = {name: request.GET.get(name, field.initial) for name, field in PowerForm.base_fields.items()}
    form = PowerForm(asked)
    context = {"form": form, "at": at, "zone": settings.TIME_ZONE, "before": COVARIATE_DAYS}
    if form.is_valid():
        context |= answer(form.cleaned_data, at=at, begin=begin)
    return render(request, "reports/power.html", context, status=200 if form.is_valid() else 422)
