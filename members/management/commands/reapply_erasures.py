"""`manage.py reapply_erasures [FILE]`: after a restore, forget again who was erased since the backup."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from members.operations import reapply_erasures


class Command(BaseCommand):
    help = "After restoring a backup: erase again every member the erasure log names. Running it twice changes nothing."

    def add_arguments(self, parser):
        parser.add_argument(
            "file", nargs="?", type=Path, default=Path(settings.ERASURE_LOG), help="The log; default: ERASURE_LOG."
        )

    def handle(self, *, file, **_options):
        try:
            with file.open(encoding="utf-8") as lines:
                again = reapply_erasures(lines)
        except FileNotFoundError as reason:
            raise CommandError(
                _("%(file)s is not there. Name the erasure log that was kept apart from the backup.") % {"file": file}
            ) from reason
        except ValueError as reason:
            raise CommandError(str(reason)) from reason
        self.stdout.write(_("%(n)s members were erased again.") % {"n": again})
