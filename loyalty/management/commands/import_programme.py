"""`manage.py import_programme FOLDER`: what export_programme wrote, into an empty house. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from loyalty.exchange.reading import read
from members.clock import now
from members.importing.problems import CannotImport, Rejects


class Command(BaseCommand):
    help = "Take files of exchange into an empty house: all of them, held against the totals of their manifest."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that were left out, with reason and remedy (CSV)."
        )

    def handle(self, *, folder, rejects, verbosity, **_options):
        with Rejects(rejects) as told:
            try:
                taken = read(folder, at=now(), rejects=told)
            except CannotImport as reason:
                raise CommandError("\n".join([str(reason), *told.summary()])) from reason
            except OSError as reason:
                raise CommandError(
                    _("%(file)s: %(error)s.") % {"file": reason.filename, "error": reason.strerror}
                ) from reason
        if verbosity:
            self.stdout.write(
                _("%(members)s members, %(purchases)s purchases with %(lines)s lines, %(points)s points.")
                % {name: f"{taken[name]:,}" for name in ("members", "purchases", "lines", "points")}
            )
