from django.core.management.base import BaseCommand

from portal import starters


class Command(BaseCommand):
    help = "Publish the ready pages for members (how it works, help, terms, privacy) where there are none yet."

    def handle(self, **options):
        self.stdout.write(f"{starters.write()} pages were published. Change them in the CMS under Member pages.")
