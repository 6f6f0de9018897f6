"""What a terminal is told when an import refuses: one way for every command that takes a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from members.importing.problems import CannotImport, Rejects


@contextmanager
def at_terminal(path: Path | None) -> Iterator[Rejects]:
    """Rejects that go to `path`, if there is one. A refusal or a file that cannot be opened ends as CommandError, with the first rows."""
    try:
        with Rejects(path) as told:
            try:
                yield told
            except CannotImport as reason:
                raise CommandError("\n".join([str(reason), *told.summary()])) from reason
    except OSError as reason:
        raise CommandError(_("%(file)s: %(error)s.") % {"file": reason.filename, "error": reason.strerror}) from reason
