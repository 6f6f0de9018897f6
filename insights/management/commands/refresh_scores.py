"""Score every member now: RFM, purchases, value, churn, next purchase, replenishment."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from insights import operations
from members import clock


class Command(BaseCommand):
    help = "Score every member from purchases before a moment, and say which scores are read."

    def add_arguments(self, parser):
        parser.add_argument("--at", help="moment, ISO 8601; default: now")
        parser.add_argument("--currency", default=settings.CURRENCY)
        parser.add_argument(
            "--horizon-days", type=int, default=90, help="how far ahead purchases and value are foretold"
        )

    def handle(self, *, at, currency, horizon_days, **options):
        try:
            moment = datetime.fromisoformat(at) if at else clock.now()
        except ValueError as error:
            raise CommandError(f"“{at}” is not a date; write it like 2017-11-30.") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            runs = operations.refresh_scores(at=moment, currency=currency, horizon_days=horizon_days)
        except operations.NothingToScore as error:
            raise CommandError(str(error)) from error
        for kind, run in runs.items():
            self.stdout.write(f"{kind:14} {run.get_status_display():8} {run.scores.count():>9,} scores  {run.verdict}")
