"""`manage.py import_members FILE`: people of another system, with identifiers and consents. See docs/formats.md."""

from datetime import UTC, datetime
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from tqdm import tqdm

from members.importing.members import import_members, read_member_mapping
from members.importing.problems import Rejects
from members.importing.told import at_terminal


class Command(BaseCommand):
    help = "Import members from CSV (.gz too) or Parquet. Members who are known already stay as they are."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--mapping", type=Path, help="A TOML file that names columns and defaults (docs/formats.md)."
        )
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that were left out, with reason and remedy (CSV)."
        )
        parser.add_argument(
            "--source", default="import", help="What is noted as where consents were given. Default: import."
        )

    def handle(self, *, file, mapping, rejects, source, verbosity, **_options):
        with at_terminal(rejects) as told, tqdm(
            total=100, desc=_("Members"), disable=verbosity == 0, bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}]"
        ) as bar:  # fmt: skip
            lines = 0

            def advance(count: int, share: float):
                nonlocal lines
                lines += count
                bar.set_postfix_str(_("%(count)s lines") % {"count": f"{lines:,}"}, refresh=False)
                bar.update(round(100 * share) - bar.n)

            outcome = import_members(
                file,
                read_member_mapping(mapping),
                at=datetime.now(UTC),
                source=source,
                rejects=told,
                progress=advance,
            )
        if verbosity:
            self._tell(outcome, told)

    def _tell(self, outcome, told: Rejects):
        self.stdout.write(
            _("%(enrolled)s members enrolled, %(known)s known before.")
            % {"enrolled": f"{outcome.enrolled:,}", "known": f"{outcome.known_before:,}"}
        )
        if told.count:
            self.stdout.write(self.style.WARNING(_("%(count)s problems:") % {"count": f"{told.count:,}"}))
            for line in told.summary():
                self.stdout.write(f"  {line}")
