"""`manage.py import_purchases FILE`: purchases of a till, a shop or another system, with their points. See docs/formats.md."""

from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from tqdm import tqdm

from loyalty.importing import BATCH_RECEIPTS, Outcome, Posting
from members.importing.problems import Rejects
from members.importing.told import at_terminal
from sales.importing.loading import Load, UnknownMembers, load
from sales.importing.mapping import read_mapping
from sales.importing.staging import Staging


class Command(BaseCommand):
    help = (
        "Import purchases and refunds from CSV (.gz too) or Parquet, post their points, and evaluate tiers as of each."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--mapping", type=Path, help="A TOML file that names columns, zones and rules (docs/formats.md)."
        )
        parser.add_argument(
            "--rejects", type=Path, help="Where to write rows that were left out, with reason and remedy (CSV)."
        )
        parser.add_argument(
            "--source", default="import", help="The code under which receipts are unique. Default: import."
        )
        parser.add_argument(
            "--unknown-members", type=UnknownMembers, default=UnknownMembers.REJECT, choices=list(UnknownMembers),
            help="What becomes of receipts whose member is not known: reject (default), enrol, or anonymous.",
        )  # fmt: skip

    def handle(self, *, file, mapping, rejects, source, unknown_members, verbosity, **_options):
        is_quiet = verbosity == 0
        with at_terminal(rejects) as told, Staging() as staging:
            job = Load(file, read_mapping(mapping), told, source, UnknownMembers(unknown_members))
            with _reading_bar(is_quiet) as bar:
                left_out = load(job, staging, progress=bar.advance)
            with tqdm(
                total=staging.count(), desc=_("Posting"), unit=_(" lines"), unit_scale=True, disable=is_quiet
            ) as bar:
                posting = Posting(source, problem=told.add, done=bar.update)
                outcome = posting.run(staging.receipts(BATCH_RECEIPTS))
        if not is_quiet:
            self._tell(outcome, told, left_out)

    def _tell(self, outcome: Outcome, told: Rejects, left_out: int):
        self.stdout.write(
            _("%(recorded)s purchases and %(refunded)s refunds recorded, %(known)s known before; %(points)s points earned, %(back)s taken back.")
            % {
                "recorded": f"{outcome.recorded:,}", "refunded": f"{outcome.refunded:,}", "known": f"{outcome.known_before:,}",
                "points": f"{outcome.points:,}", "back": f"{outcome.points_taken_back:,}",
            }
        )  # fmt: skip
        if told.count:
            self.stdout.write(self.style.WARNING(_("%(count)s problems:") % {"count": f"{told.count:,}"}))
            for line in told.summary():
                self.stdout.write(f"  {line}")
        if left_out:
            self.stdout.write(
                _("%(count)s sound lines were left out with the receipts they belong to.") % {"count": f"{left_out:,}"}
            )


class _reading_bar(tqdm):  # noqa: N801 (used like a function)
    """A bar of the file's share read, with the lines read so far beside it."""

    def __init__(self, is_quiet: bool):
        super().__init__(
            total=100,
            desc=_("Reading"),
            disable=is_quiet,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}]",
        )
        self._lines = 0

    def advance(self, lines: int, share: float):
        self._lines += lines
        self.set_postfix_str(_("%(count)s lines") % {"count": f"{self._lines:,}"}, refresh=False)
        self.update(round(100 * share) - self.n)
