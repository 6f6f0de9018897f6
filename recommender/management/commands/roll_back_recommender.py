"""The version that served before serves again, and its lists are written."""

from django.core.management.base import BaseCommand, CommandError

from members import clock
from recommender import operations
from recommender.artifacts import BrokenArtifact
from recommender.models import Slot


class Command(BaseCommand):
    help = "Let the ranker serve again that served a slot before, and rewrite the recommendations."

    def add_arguments(self, parser):
        parser.add_argument("slot", choices=Slot.values)

    def handle(self, *, slot, **options):
        try:
            version = operations.roll_back(slot=slot)
            written = operations.refresh_recommendations(at=clock.now())
        except (operations.NothingToServe, BrokenArtifact) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{slot}: {version.ranker} (version {version.pk}) serves again; {written:,} recommendations.")
