"""`manage.py export_programme FOLDER`: fields, stores, products, members, purchases, balances as files. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from loyalty.exchange.writing import write
from members.clock import now


class Command(BaseCommand):
    help = "Write the whole programme as files of exchange. They hold personal data in clear: keep them as you keep a backup."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *, folder, verbosity, **_options):
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(_("%(folder)s is not empty.") % {"folder": folder})
        told = write(folder, at=now())
        if not verbosity:
            return
        self.stdout.write(
            _("%(members)s members, %(purchases)s purchases with %(lines)s lines, %(points)s points.")
            % {name: f"{told[name]:,}" for name in ("members", "purchases", "lines", "points")}
        )
        if told["left_out"] or told["waiting"]:
            self.stdout.write(
                self.style.WARNING(
                    _(
                        "Left behind: %(left_out)s further identifiers of members, %(waiting)s points that wait or are held."
                    )
                    % {name: f"{told[name]:,}" for name in ("left_out", "waiting")}
                )
            )
