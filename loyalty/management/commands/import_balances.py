"""`manage.py import_balances FILE --control-members N --control-points P`: opening balances of another system. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from loyalty.opening import import_balances
from members.clock import now
from members.importing.told import at_terminal


class Command(BaseCommand):
    help = "Bring opening balances in from CSV (.gz too) or Parquet: all of them, or none if the totals differ."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--control-members", type=int, required=True, metavar="N", help="How many members the old system counted."
        )
        parser.add_argument(
            "--control-points", type=int, required=True, metavar="P", help="How many points they had in all."
        )
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that cannot be brought in, with reason and remedy (CSV)."
        )
        parser.add_argument(
            "--source",
            default="opening",
            help="The name of the old system; a second import from it is the same import.",
        )

    def handle(self, *, file, control_members, control_points, rejects, source, verbosity, **_options):
        with at_terminal(rejects) as told:
            done = import_balances(
                file, control_members=control_members, control_points=control_points, source=source, at=now(), rejects=told
            )  # fmt: skip
        if verbosity:
            self.stdout.write(
                _("%(members)s members with %(points)s points: %(posted)s points brought in now, %(known)s rows known before, %(tiers)s tiers given.")
                % {
                    "members": f"{done.members:,}", "points": f"{done.points:,}", "posted": f"{done.posted:,}",
                    "known": f"{done.known:,}", "tiers": f"{done.tiers:,}",
                }
            )  # fmt: skip
