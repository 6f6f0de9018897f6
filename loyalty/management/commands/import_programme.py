"""`manage.py import_programme FOLDER`: what export_programme wrote, into an empty house. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from loyalty.exchange.reading import read
from members.clock import now
from members.importing.told import at_terminal


class Command(BaseCommand):
    help = "Take files of exchange into an empty house: all of them, held against the totals of their manifest."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that were left out, with reason and remedy (CSV)."
        )

    def handle(self, *, folder, rejects, verbosity, **_options):
        with at_terminal(rejects) as told:
            taken = read(folder, at=now(), rejects=told)
        if verbosity:
            self.stdout.write(
                _("%(members)s members, %(purchases)s purchases with %(lines)s lines, %(points)s points.")
                % {name: f"{taken[name]:,}" for name in ("members", "purchases", "lines", "points")}
            )
