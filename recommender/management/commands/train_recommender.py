"""Train, judge, publish and write recommendations, with the time each step took."""

import time
from datetime import UTC, datetime, timedelta

from django.core.management.base import BaseCommand, CommandError

from recommender import operations, purchases
from recommender.artifacts import BrokenArtifact


def moment(text: str) -> datetime:
    """A date (its midnight, UTC) or an ISO date and time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"“{text}” is not a date; write it like 2017-11-30.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def default_cutoff(weeks: int) -> datetime:
    """The latest midnight (UTC) with that many weeks of purchases after it."""
    last = purchases.last_purchase_at()
    if last is None:
        raise CommandError("There are no purchases of members yet. Import some first: manage.py import_purchases FILE.")
    return purchases.moment_of(int(last.timestamp() // 86_400) + 1) - timedelta(weeks=weeks)


class Command(BaseCommand):
    help = (
        "Train the recommender up to a cut-off, judge it on the weeks after, publish what beats counting, and refresh."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--cutoff", help="date up to which purchases are learned from; default: --weeks before the last one"
        )
        parser.add_argument("--weeks", type=int, default=4, help="weeks after the cut-off to judge on (default 4)")
        parser.add_argument("--refresh-at", help="write recommendations as of this moment (default: the cut-off)")
        parser.add_argument(
            "--two-stages", action="store_true", help="let the two-stage ranker compete too (minutes, not seconds)"
        )
        parser.add_argument("--warm", action="store_true", help="go on from what serves, in a part of the time")
        parser.add_argument("--no-refresh", action="store_true", help="leave the recommendations as they are")

    def handle(self, *, cutoff, weeks, refresh_at, no_refresh, two_stages=False, warm=False, **options):
        self.begun = time.monotonic()
        cutoff = moment(cutoff) if cutoff else default_cutoff(weeks)
        made = operations.make_offers()
        self.say(f"{made:,} new offers made; training up to {cutoff:%Y-%m-%d}, judging on {weeks} weeks after it")
        try:
            operations.train(cutoff=cutoff, weeks=weeks, two_stages=two_stages, is_warm=warm, progress=self.say)
            if not no_refresh:
                at = moment(refresh_at) if refresh_at else cutoff
                written = operations.refresh_recommendations(at=at, progress=self.say)
                self.say(f"{written:,} recommendations as of {at:%Y-%m-%d}")
        except (operations.CannotTrain, operations.NothingToServe, BrokenArtifact) as error:
            raise CommandError(str(error)) from error

    def say(self, text: str):
        self.stdout.write(f"{time.monotonic() - self.begun:6.1f} s  {text}")
        self.stdout.flush()
