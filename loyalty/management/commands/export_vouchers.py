"""`manage.py export_vouchers FILE`: vouchers and gift cards in hand, as `import_vouchers` takes them. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from loyalty.exchange.writing import money
from loyalty.old_codes.leaving import AlreadyThere, write
from members.clock import now


class Command(BaseCommand):
    help = "Write the codes of vouchers and gift cards in clear, for another house. They are money: keep the file as you keep banknotes."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *, file, verbosity, **_options):
        try:
            told = write(file, at=now())
        except AlreadyThere as reason:
            raise CommandError(str(reason)) from reason
        except OSError as reason:
            raise CommandError(
                _("%(file)s: %(error)s.") % {"file": reason.filename, "error": reason.strerror}
            ) from reason
        if not verbosity:
            return
        values = "".join(f" --control-value {code}={money(minor, code)}" for code, minor in sorted(told.values.items()))
        self.stdout.write(
            _("%(codes)s codes. The other house takes them in with: %(command)s")
            % {
                "codes": f"{told.codes:,}",
                "command": f"import_vouchers {file.name} --control-codes {told.codes}{values}",
            }
        )
        if told.left_out:
            self.stdout.write(
                self.style.WARNING(
                    _(
                        "Left behind: %(count)s codes that nobody can use elsewhere (blocked, over, or of members who were erased)."
                    )
                    % {"count": f"{told.left_out:,}"}
                )
            )
