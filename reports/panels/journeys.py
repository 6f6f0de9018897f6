"""Where members are on their journeys, step by step."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.journeys import flow, kinds, queries
from campaigns.journeys.models import Journey
from reports.panels.registry import panel
from reports.panels.tables import Column, Table


@panel(
    "journeys",
    gettext_lazy("Journeys, step by step"),
    gettext_lazy(
        "For each step of each journey: members who came, who wait there, who went on, who left there, who reached the goal there. "
        "All versions together."
    ),
)
def journeys(at):
    columns = (
        Column("journey", _("Journey"), "text"), Column("step", _("Step"), "text"), Column("entered", _("Came")), Column("waiting", _("Waiting")),
        Column("done", _("Went on")), Column("left", _("Left")), Column("goal", _("Reached the goal")),
    )  # fmt: skip
    rows = tuple(
        row for journey in queries.journeys().filter(version__isnull=False).order_by("pk") for row in _steps(journey)
    )
    return Table(columns, rows, at, "entered") if rows else None


def _steps(journey: Journey):
    """The steps of the version that is live, in their order, then those that only earlier versions had."""
    counted = queries.funnel(journey)
    nodes = flow.nodes(journey.version.definition)
    for step in [*nodes, *(step for step in counted if step not in nodes)]:
        if one := counted.get(step):
            words = kinds.words_of(nodes[step].step) if step in nodes else step
            yield (journey.name, words, one.entered, one.waiting, one.done, one.left, one.goal)
