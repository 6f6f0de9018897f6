"""`manage.py rotate_keys`: write every personal value anew under the newest key, while everything runs."""

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from tqdm import tqdm

from members import rotation
from members.crypto import CannotDecrypt, current_key_id


class Command(BaseCommand):
    help = "Write every encrypted value anew under the newest key of FIELD_KEYS. Run it again to go on after a stop."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="Only count; exit non-zero if old values are left.")

    def handle(self, *, check, verbosity, **_options):
        columns = rotation.columns()
        if not check:
            self._rotate(columns, is_quiet=verbosity == 0)
        left = {column: self._old(column) for column in columns}
        for column, count in left.items():
            if verbosity and (check or count):
                self.stdout.write(
                    f"{column.table}.{column.name}: " + _("%(n)s under an older key") % {"n": f"{count:,}"}
                )
        if any(left.values()):
            raise CommandError(
                _("Values under an older key are left. Keep that key, and run manage.py rotate_keys again.")
            )
        self.stdout.write(
            _("Every value stands under key %(key)s. Older keys may go from FIELD_KEYS.") % {"key": current_key_id()}
        )

    def _old(self, column) -> int:
        return sum(count for key_id, count in rotation.values_by_key(column).items() if key_id != current_key_id())

    def _rotate(self, columns, *, is_quiet: bool):
        with tqdm(total=sum(map(self._old, columns)), desc=_("Values"), disable=is_quiet) as bar:
            for column in columns:
                try:
                    for written in rotation.rotate(column):
                        bar.update(written)
                except CannotDecrypt as reason:
                    raise CommandError(str(reason)) from reason
