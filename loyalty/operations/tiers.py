"""What the calendar does to tiers."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from loyalty.operations.purchases import _programme_zone


@dataclass(frozen=True)
class Evaluated:
    """Wallets whose window moved on, and how many of them changed tier."""

    wallets: int
    changes: int


def evaluate_tiers(*, at: datetime) -> Evaluated:
    """Move every window on to the month of `at`; who stopped buying loses the tier. Any number of runs do it once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM loyalty_evaluate_tiers(%s::timestamptz, %s::date)",
            [at, at.astimezone(_programme_zone()).date()],
        )
        return Evaluated(*cursor.fetchone())
