"""When to try again: soon at first, then ever more rarely, then not at all."""

from datetime import timedelta

_WAITS_MINUTES = (1, 5, 15, 60, 240, 720)


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after the `attempts`-th try (1 is the first) was put off; None: give up."""
    assert attempts >= 1, "a message is put off only after a try"
    return timedelta(minutes=_WAITS_MINUTES[attempts - 1]) if attempts <= len(_WAITS_MINUTES) else None
