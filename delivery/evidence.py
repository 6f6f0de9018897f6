"""What the next hop took, read from its acceptance log: one Message-ID per line, written when it answered 250.

A relay's own log serves after a one-line filter (Postfix: `message-id=<…>` of the `cleanup` lines whose queue id reached
`queued`). Brackets and anything after the first blank are ignored.
"""

from collections.abc import Sequence
from pathlib import Path


class LogUnreadable(RuntimeError):
    """The log cannot be read, so nothing is known. Absence of evidence must not pass for evidence of absence."""


class LogEvidence:
    def __init__(self, path):
        self.path = Path(path)

    def accepted(self, message_ids: Sequence[str]) -> set[str]:
        wanted = set(message_ids)
        try:
            with self.path.open(encoding="utf-8", errors="replace") as log:
                return {seen for line in log if (seen := line.split(" ", 1)[0].strip().strip("<>")) in wanted}
        except OSError as error:
            raise LogUnreadable(
                f"{self.path} cannot be read ({error.strerror}). Messages stay in doubt until it can; check EMAIL_ACCEPTANCE_LOG."
            ) from error
