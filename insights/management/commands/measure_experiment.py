"""Measure any randomised experiment from a file, as our own are measured.

For example: measure_experiment results.csv --unit user --variant group --control A --metric revenue --covariate before.
A ratio is a metric too: --metric revenue/visits --covariate revenue/visits=revenue_before/visits_before.
Several at once: --metric revenue,orders, or the option again.
"""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from insights import files
from insights.files import telling


def _several(said: str) -> list[str]:
    """What was named, between commas."""
    return [name.strip() for name in said.split(",") if name.strip()]


class Command(BaseCommand):
    help = "Compare the variants of a CSV or Parquet file (one row per unit): differences with 95 % intervals, and the split."
    requires_system_checks = []  # it reads a file and nothing else

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--unit", default="", help="Column that names the unit; without it every row is one.")
        parser.add_argument("--variant", required=True, help="Column that names the variant.")
        parser.add_argument("--control", required=True, help="The value of that column that is the control.")
        parser.add_argument(
            "--metric", action="extend", type=_several, required=True, metavar="METRIC[,METRIC]",
            help="A column of numbers, or a ratio: revenue/visits. Repeatable.",
        )  # fmt: skip
        parser.add_argument(
            "--covariate", action="extend", type=_several, default=[], metavar="[METRIC=]COLUMN",
            help="The same metric before assignment (CUPED); for the metric named, or the one at the same place.",
        )  # fmt: skip
        parser.add_argument(
            "--share", action="extend", type=_several, default=[], help="Planned share, A=0.9. Default: equal shares."
        )
        parser.add_argument(
            "--cap", action="extend", type=_several, default=[], help="Winsorize, revenue=500. Fix it before you look."
        )
        parser.add_argument("--correction", choices=("holm", "bh", "none"), default="holm")
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")

    def handle(self, *args, **options):
        try:
            question = files.asked(
                unit=options["unit"], variant=options["variant"], control=options["control"], metrics=options["metric"],
                covariates=options["covariate"], shares=options["share"], caps=options["cap"], correction=options["correction"],
            )  # fmt: skip
            found = files.measure(files.read(options["file"], question), question)
        except (files.BadFile, files.BadQuestion, FileNotFoundError) as reason:
            raise CommandError(str(reason)) from None
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict(), indent=2))
        else:
            self.stdout.write("\n".join(telling.lines(found)))
